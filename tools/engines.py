"""Run the contract tests on other engines than this machine's own, out of Debian's packages.

Usage: python tools/engines.py [--only NAME ...] [PYTEST ARGUMENT ...]

Each is unpacked into .setup/engines/NAME, and runs in namespaces of its own, where that folder lies
over the machine's /usr and /etc: it shares no socket, network, process or folder with the engine
that the machine has, and all of it is gone with the last test. Needs root, and Debian 12 or later.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localdlc.errors import EngineUnavailable
from localdlc.run.docker_engine import DockerEngine, connect
from localdlc.run.waiting_list import folder_of, made
from localdlc.stage.image import BASE

say = partial(print, flush=True)

HERE = Path(__file__).resolve().parent.parent
ENGINES = HERE / ".setup" / "engines"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOCKET = "unix:///run/engine.sock"
PATIENCE = 30.0  # seconds an engine may take to start
NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
NEEDED = ("apt-get", "dpkg-deb", "unshare", "ip", "iptables", "runc")
CONTRACT = "tests/contract/test_engine_contract.py::"


@dataclass(frozen=True, slots=True)
class Packaged:
    """An engine of a Debian suite, and how it is started.

    ``lacks`` are tests of the contract that it cannot pass: docs/engines.md says why.
    """

    suite: str
    packages: tuple[str, ...]
    daemon: tuple[str, ...]
    tests: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()
    lacks: tuple[str, ...] = ()


TESTS = ("tests/contract", "-m", "engine", "-q")
# Those of CDI start one more engine, from the same package.
WITH_CDI = ("tests/docker/test_engine_gpus.py", *TESTS, "-k", "contract or cdi")
DOCKER = ("dockerd", "--host", SOCKET, "--data-root", "{data}")
PODMAN = (
    *("podman", "--root", "{data}", "--storage-driver", "overlay", "--runtime", "runc"),
    *("--cgroup-manager", "cgroupfs", "--events-backend", "file"),
    *("system", "service", "--time=0", SOCKET),
)
TABLE = {
    "docker-trixie": Packaged("trixie", ("docker.io", "containerd", "tini"), DOCKER, WITH_CDI),
    "docker-sid": Packaged("sid", ("docker.io", "containerd", "tini-static"), DOCKER, WITH_CDI),
    "podman-bookworm": Packaged(
        "bookworm",
        (
            *("podman", "conmon", "netavark", "aardvark-dns", "catatonit", "libgpgme11"),
            *("libassuan0", "libsubid4", "golang-github-containers-common"),
            "golang-github-containers-image",
        ),
        PODMAN,
        TESTS,
        # Without it Podman looks for the plugins of CNI, which Debian does not install with it.
        (("etc/containers/containers.conf", '[network]\nnetwork_backend = "netavark"\n'),),
        (
            "test_output_can_be_had_again_after_the_end[docker-counts-written0]",
            "test_a_kill_for_memory_is_told[docker]",
            "test_a_signal_ends_a_pause[docker]",
            "test_memory_that_is_exhausted_is_told[docker]",
        ),
    ),
}


def main(arguments: list[str]) -> int:
    """Set up and test each engine, one after another; 1 when one has failed."""
    asked, for_pytest = parser().parse_known_args(arguments)
    if asked.inside:
        return inside(asked.inside, Path(asked.image), for_pytest)
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        say(f"these programs are needed: {', '.join(missing)}")
        return 3
    if os.geteuid() != 0:
        say("engines of their own need root: sudo make test-engines")
        return 3
    image = saved_base()
    ends = {name: tested(name, image, for_pytest) for name in asked.only or TABLE}
    for name, code in ends.items():
        say(f"{name:<16} {'passed' if code == 0 else f'failed ({code})'}")
    return int(any(ends.values()))


def parser() -> argparse.ArgumentParser:
    """What is not ours is for pytest."""
    ours = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    ours.add_argument("--only", action="append", choices=TABLE, metavar="NAME")
    ours.add_argument("--inside", choices=TABLE, help=argparse.SUPPRESS)
    ours.add_argument("--image", help=argparse.SUPPRESS)
    return ours


# before


def saved_base() -> Path:
    """The base image of this machine's engine, as a file."""
    import docker

    engine = connect(os.environ)
    image = engine.find_image(BASE)
    if image is None:
        raise EngineUnavailable(f"{BASE} is not on this machine's engine: `make base` builds it.")
    path = ENGINES / f"base-{image.removeprefix('sha256:')[:12]}.tar"
    if not path.exists():
        ENGINES.mkdir(parents=True, exist_ok=True)
        client = docker.APIClient(base_url=engine.describe().address, version="auto")
        partial_file = path.with_suffix(".part")
        with partial_file.open("wb") as file:
            file.writelines(client.get_image(BASE))
        partial_file.rename(path)
    return path


def unpacked(name: str) -> Path:
    """The folder with the engine's packages, fetched when they are not there yet."""
    engine, folder = TABLE[name], ENGINES / name
    root, done = folder / "root", folder / "done"
    if done.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    for place in ("root", "debs", "apt/lists/partial", "apt/archives/partial"):
        (folder / place).mkdir(parents=True)
    apt = ("apt-get", "-q", "-c", str(apt_settings(folder / "apt", engine.suite)))
    subprocess.run((*apt, "update"), check=True)
    subprocess.run((*apt, "download", *engine.packages), cwd=folder / "debs", check=True)
    for package in sorted((folder / "debs").iterdir()):
        subprocess.run(("dpkg-deb", "-x", package, root), check=True)
    for path, content in engine.settings:
        (root / path).write_text(content)
    done.touch()
    return folder


def apt_settings(folder: Path, suite: str) -> Path:
    """An apt that knows one suite and nothing of what is installed here."""
    sources, settings = folder / "sources.list", folder / "apt.conf"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    settings.write_text(
        f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "-";\n'
        f'Dir::State::lists "{folder}/lists";\nDir::Cache "{folder}";\n'
        'Dir::State::status "/dev/null";\nAcquire::Languages "none";\nAPT::Sandbox::User "root";\n'
    )
    return settings


def mirror() -> str:
    """The one from which this machine has its own Debian."""
    wanted = ("--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages")
    told = subprocess.run(
        ("apt-get", "indextargets", *wanted), capture_output=True, text=True, check=True
    )
    pairs = (line.split(" ", 1) for line in told.stdout.splitlines())
    if found := next((uri for label, uri in pairs if label == "Debian"), None):
        return found
    raise SystemExit("this machine's apt knows no mirror of Debian: `apt-get update`")


def tested(name: str, image: Path, for_pytest: list[str]) -> int:
    """The exit status of pytest, in namespaces of its own."""
    say(f"--- {name}")
    folder = unpacked(name)
    shutil.rmtree(folder / "data", ignore_errors=True)
    ours = (sys.executable, __file__, "--inside", name, "--image", str(image))
    try:
        return subprocess.run(
            ("unshare", *NAMESPACES, *ours, *for_pytest), check=False, cwd=HERE
        ).returncode
    finally:
        shutil.rmtree(folder / "data", ignore_errors=True)


# inside the namespaces


def inside(name: str, image: Path, for_pytest: list[str]) -> int:
    """Start the engine, test it, end it. What is left of it ends with this process."""
    folder = ENGINES / name
    lay_over(folder / "root")
    (folder / "data").mkdir()
    command = [part.format(data=folder / "data") for part in TABLE[name].daemon]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as daemon,
    ):
        try:
            prepare(daemon, image)
            return subprocess.run(
                (sys.executable, "-m", "pytest", *tests_for(name, for_pytest)),
                check=False,
                cwd=HERE,
                env={**os.environ, "DOCKER_HOST": SOCKET, "CI": "1"},
            ).returncode
        except EngineUnavailable as error:
            say(f"{error}\n{(folder / 'log').read_text()[-2000:]}")
            return 3
        finally:
            daemon.terminate()


def lay_over(root: Path) -> None:
    """The engine's files over those of the machine, and places that it may write."""
    run = partial(subprocess.run, check=True)
    run(("ip", "link", "set", "lo", "up"))
    run(("mount", "-t", "tmpfs", "tmpfs", "/run"))
    Path("/run/lock").mkdir()
    run(("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={root}/usr:/usr", "/usr"))
    # GPUs of tests are not there: who else waits for this machine's does not wait for them.
    queue = folder_of(SOCKET)
    made(queue)
    run(("mount", "-t", "tmpfs", "tmpfs", queue))
    for place in ("/etc", "/var/lib"):
        own = Path("/run/written", place.strip("/"))
        for part in ("upper", "work"):
            (own / part).mkdir(parents=True)
        lower = f"{root}{place}:{place}" if Path(f"{root}{place}").is_dir() else place
        layers = f"lowerdir={lower},upperdir={own}/upper,workdir={own}/work"
        run(("mount", "-t", "overlay", "overlay", "-o", layers, place))


def prepare(daemon: subprocess.Popen[bytes], image: Path) -> None:
    """Wait until the engine answers, and give it the base image."""
    import docker

    engine = answered(daemon)
    facts = engine.describe()
    say(f"{facts.name} {facts.version}")
    client = docker.APIClient(base_url=SOCKET, version="auto")
    with image.open("rb") as file:
        client.load_image(file)  # type: ignore[no-untyped-call]
    client.close()


def answered(daemon: subprocess.Popen[bytes]) -> DockerEngine:
    """The engine, once it answers. Raises `EngineUnavailable`."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return connect({"DOCKER_HOST": SOCKET})
        except EngineUnavailable:
            if daemon.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)


def tests_for(name: str, for_pytest: list[str]) -> list[str]:
    """The contract on a real engine, but for what this one is known not to do."""
    chosen = for_pytest or TABLE[name].tests
    lacks = [f"--deselect={CONTRACT}{test}" for test in TABLE[name].lacks]
    return ["-p", "no:cacheprovider", *lacks, *chosen]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
