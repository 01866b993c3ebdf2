"""Which files of a working tree differ from its commit.

A job that was given the working tree could write its configuration, and git runs what it finds
there: filters, monitors, hooks. So it is shown a repository of ours, with the objects, the index
and the ignore rules of the other and nothing but the harmless part of its settings.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from localdlc.stage.git_process import Git, GitFailed, GitMissing

__all__ = ["differing"]

# They change how a file is compared, and name no program.
HARMLESS = re.compile(
    r"core\.(repositoryformatversion|filemode|autocrlf|eol|symlinks|ignorecase|precomposeunicode)"
    r"|extensions\.objectformat"
)


def differing(folder: Path, git: Git) -> list[str] | None:
    """Paths that are changed, new or gone, relative to ``folder``; None where git has no commit.

    A folder of new files counts as one, with a slash. Submodules are compared by their commit.
    Raises `GitFailed`.
    """
    here = ("-C", str(folder))
    try:
        top, common, index, head = git(
            *here, "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir",
            "--git-path", "index", "HEAD",
        ).splitlines()  # fmt: skip
        settings = git(*here, "config", "--local", "--null", "--list").split("\0")
    except GitMissing:
        raise
    except (GitFailed, ValueError):  # no repository, no commit yet, a newline in its name
        return None
    with tempfile.TemporaryDirectory() as ours:
        imitate(Path(ours), Path(common), Path(index).parent, head, settings)
        status = ("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty")
        told = git(
            *("-C", top, f"--git-dir={ours}", f"--work-tree={top}", *status, "--", str(folder)),
            env={"GIT_INDEX_FILE": index, "GIT_OPTIONAL_LOCKS": "0"},
        )
    below = Path(top, "x").parent
    paths = [entry[3:] for entry in told.split("\0") if entry]
    prefix = "" if folder.resolve() == below else f"{folder.resolve().relative_to(below)}/"
    return sorted(path.removeprefix(prefix) for path in paths)


def imitate(ours: Path, theirs: Path, indexes: Path, head: str, settings: list[str]) -> None:
    (ours / "HEAD").write_text(f"{head}\n")
    (ours / "refs").mkdir()
    (ours / "objects").symlink_to(theirs / "objects")
    (ours / "info").symlink_to(theirs / "info")
    for shared in indexes.glob("sharedindex.*"):
        (ours / shared.name).symlink_to(shared)
    lines = []
    for setting in settings:
        name, _, value = setting.partition("\n")
        if HARMLESS.fullmatch(name):
            section, _, member = name.partition(".")
            lines.append(f"[{section}]\n{member} = {value}\n")
    (ours / "config").write_text("".join(lines))
