"""Find a container engine; where there is none, and we may, install and start Docker.

Usage: python tools/engine.py

An engine that answers is taken as it is. Standard library only: it runs before anything is
installed.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from localdlc.errors import EngineUnavailable
from localdlc.run.engine_address import candidates, find_engine, why_not
from tools.packages import as_root, install, may_install, which

say = partial(print, flush=True)

SOCKET = Path("/var/run/docker.sock")
LOG = Path("/var/log/dockerd.log")
PATIENCE = 60.0  # seconds an engine may take to start
# mmdebstrap can do without root, with uidmap; the keyring is for Ubuntu.
PACKAGES = (
    "docker.io",
    "iptables",
    "ca-certificates",
    "mmdebstrap",
    "debian-archive-keyring",
    "uidmap",
)

# A daemon that was killed leaves these, and a later one trusts the numbers in them: a process that
# got such a number since would pass for the engine. Each pid file with the process it names.
LEFT_BEHIND = (
    ("docker.pid", "dockerd", ("docker.sock",)),
    (
        "docker/containerd/containerd.pid",
        "containerd",
        ("docker/containerd/containerd.sock", "docker/containerd/containerd.sock.ttrpc"),
    ),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides how to get an engine, once none answers."""

    named: bool  # the user named one: another is never a stand-in
    forbidden: bool  # there is one, but not for this user
    root: bool  # we are root, or can be without a password
    installed: bool  # dockerd is there
    installable: bool  # apt-get can bring it


def main() -> int:
    """Make sure that an engine answers; say which."""
    try:
        address = find_engine(os.environ)
    except EngineUnavailable as error:
        return get_engine(str(error))
    say(f"{address.url} ({address.source})")
    return 0


def get_engine(why: str) -> int:
    """Do what there is to do when none answers."""
    facts = observe()
    way = decide(facts)
    if way == "explain":
        say(in_one_line(why))
        say(advice(facts))
        return 1
    if os.geteuid() != 0:
        return subprocess.run(
            (*(as_root() or ()), sys.executable, __file__), check=False
        ).returncode
    try:
        bring_up(way)
    except (subprocess.CalledProcessError, EngineUnavailable) as error:
        say(error)
        return 1
    return 0


def in_one_line(why: str) -> str:
    """The engine's story, places and reasons, without its closing advice: ours follows."""
    head, *rest = why.splitlines()
    tried = [line.strip() for line in rest if line.startswith(" ")]
    return f"{head} {'; '.join(tried)}".rstrip()


def observe() -> Facts:
    """Look at this machine."""
    places = list(candidates(os.environ))
    return Facts(
        named=any(place.named for place in places),
        forbidden=any("ermission denied" in (why_not(place) or "") for place in places),
        root=as_root() is not None,
        installed=which("dockerd") is not None,
        installable=may_install(),
    )


def decide(facts: Facts) -> Literal["start", "install", "explain"]:
    """What to do when no engine answers. Nothing is done to one that is there."""
    if facts.named or facts.forbidden or not facts.root:
        return "explain"
    if facts.installed:
        return "start"
    return "install" if facts.installable else "explain"


def advice(facts: Facts) -> str:
    """The next step, when it is the user's."""
    if facts.named:
        return "Set-up starts no other engine than the one you named."
    if facts.forbidden:
        return "Join its group (`sudo usermod -aG docker $USER`, then log in again), or use sudo."
    if facts.installed:
        return "Docker is installed: start it as root, with `service docker start`."
    return "Install one: `sudo apt-get install docker.io`, or Docker Desktop, Colima, Podman."


def bring_up(way: Literal["start", "install"]) -> None:
    """Install if need be, start, and wait until it answers."""
    if way == "install":
        install((*PACKAGES, *(() if Path("/sys/fs/cgroup").is_mount() else ("cgroupfs-mount",))))
    if not SOCKET.is_socket() or why_not_ready():  # the package may have started it
        daemon = None if start_service() else start_by_hand()
        wait_until_ready(daemon)
    if way == "install" and (group := os.environ.get("SUDO_GID")):
        os.chown(SOCKET, -1, int(group))
    say(f"unix://{SOCKET} (started)")


def start_service() -> bool:
    """Leave it to systemd, where that runs the machine."""
    if not Path("/run/systemd/system").is_dir():
        return False
    say("starting docker.service")
    subprocess.run(("systemctl", "start", "docker"), check=True)
    return True


def start_by_hand() -> subprocess.Popen[bytes] | None:
    """Start dockerd in a session of its own, so that it outlives make and the terminal."""
    clear_left_behind(SOCKET.parent)
    if SOCKET.exists():
        return None  # a dockerd lives and is only not ready yet
    if not Path("/sys/fs/cgroup").is_mount() and which("cgroupfs-mount"):
        subprocess.run(("cgroupfs-mount",), check=True)
    say(f"starting dockerd, which logs to {LOG}")
    with LOG.open("ab") as log:
        return subprocess.Popen(
            (which("dockerd") or "dockerd",),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        )


def clear_left_behind(run: Path, processes: Path = Path("/proc")) -> None:
    """Remove pid files whose process is gone or is another one by now, and their sockets."""
    for pid_file, program, sockets in LEFT_BEHIND:
        if lives(run / pid_file, program, processes):
            continue
        for name in (pid_file, *sockets):
            with suppress(OSError):
                (run / name).unlink()


def lives(pid_file: Path, program: str, processes: Path) -> bool:
    """Whether the process that ``pid_file`` names is a ``program``."""
    try:
        pid = pid_file.read_text().strip()
        return bool(pid) and (processes / pid / "comm").read_text().strip() == program
    except OSError:
        return False


def wait_until_ready(daemon: subprocess.Popen[bytes] | None) -> None:
    """Wait until the engine answers. Raises `EngineUnavailable` with the log's end if it dies."""
    deadline = time.monotonic() + PATIENCE
    while why := why_not_ready():
        if (daemon and daemon.poll() is not None) or time.monotonic() > deadline:
            log = LOG.read_text(errors="replace").splitlines() if LOG.exists() else []
            raise EngineUnavailable("\n".join([f"dockerd does not answer: {why}", *log[-10:]]))
        time.sleep(0.1)


def why_not_ready() -> str | None:
    """None when the engine answers a ping. It listens before it can answer."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE)
    try:
        connection.sock.connect(str(SOCKET))
        connection.request("GET", "/_ping")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()
    return None if status == http.client.OK else f"status {status}"


if __name__ == "__main__":
    sys.exit(main())
