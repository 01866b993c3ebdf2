"""What a path means in a job: whose MountPath it is below, and what may be wrong there."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from localdlc.why.case import Case

__all__ = ["place"]

# Names of a folder that are told where none is like the one that is missing.
SHOWN = 3
KINDS = {"data": "the data source", "code": "the code", "libs": "the libraries of"}


def place(path: str, case: Case, mounts: list[Mapping[str, Any]]) -> str:
    """A clause without a full stop, such as ``below /mnt/data, where …/ is mounted``."""
    if not path.startswith("/"):
        return f"{path} is relative to the working directory, which is the image's own{code(case)}"
    inputs = [one for one in case.plan.get("inputs", ()) if below(path, one["target"])]
    if inputs:
        return mounted(path, max(inputs, key=lambda one: len(one["target"])), case)
    if any(below(path, mount["target"]) for mount in mounts):
        return f"{path} is below a mount of the job"
    return f"{path} is of the image itself, as the job mounts nothing there{known(case)}"


def mounted(path: str, brought: Mapping[str, Any], case: Case) -> str:
    uri, target = brought["uri"], brought["target"]
    where = f"{path} is below {target}, where {KINDS[brought['kind']]} {uri} is mounted"
    samples = {one.uri: one.sample for one in case.view.inputs if one.sample and one.part}
    if uri in samples:
        return f"{where}, of which the job saw a sample of {samples[uri]}"
    read_only = " read-only" if brought["read_only"] else ""
    return f"{where}{read_only}{beside(path, target, case)}"


def beside(path: str, target: str, case: Case) -> str:
    """What there is instead, in the nearest folder that there is."""
    folders = [f for f in PurePosixPath(path).parents if below(str(f), target)]
    there = ((folder, case.listed(str(folder))) for folder in folders)
    folder, names = next(((f, n) for f, n in there if n is not None), (None, ()))
    if folder is None:
        return ""
    missing = PurePosixPath(path).relative_to(folder).parts[0]
    if missing in names:
        return ""
    alike = {name.lower(): name for name in names}
    if close := get_close_matches(missing.lower(), alike, 1):
        return f"; there is {folder / alike[close[0]]}"
    if not names:
        return f"; {folder} is empty"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; in {folder} there is {', '.join(sorted(names)[:SHOWN])}{more}"


def below(path: str, target: str) -> bool:
    return PurePosixPath(path).is_relative_to(target)


def code(case: Case) -> str:
    """Where the code is, which is what a relative path usually means."""
    targets = [one["target"] for one in case.plan.get("inputs", ()) if one["kind"] == "code"]
    return f"; the code is in {' and '.join(targets)}" if targets else ""


def known(case: Case) -> str:
    targets = [one["target"] for one in case.plan.get("inputs", ()) if one["target"]]
    return f" (but at {', '.join(targets)})" if targets else ""
