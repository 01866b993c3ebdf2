"""What tests with a real engine share: requests, a command line, and a count of what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any

import docker
import docker.errors
import pytest

from localdlc.errors import EngineUnavailable
from localdlc.record.store import home_digest
from localdlc.run.engine_address import find_engine

BASE = "localdlc/base:latest"
PATIENCE = 60.0
# Set it where others use the engine at the same time: only what carries our label is counted then.
SHARED_ENGINE = "LOCALDLC_TEST_SHARED_ENGINE"

Things = dict[tuple[str, str], str]
"""Kind and id of everything on an engine, and its name."""


# requests


def job(
    command: str, roles: Mapping[str, int] | None = None, image: str = BASE, **members: Any
) -> dict[str, Any]:
    """A PyTorchJob of one replica, master-0, unless told otherwise."""
    specs = [
        {"Type": role, "PodCount": count, "Image": image, "EcsSpec": "ecs.c6.large"}
        for role, count in (roles or {"Master": 1}).items()
    ]
    head = {"WorkspaceId": "1", "DisplayName": "test", "JobType": "PyTorchJob"}
    return {**head, "JobSpecs": specs, "UserCommand": command, **members}


def job_with(resources: Mapping[str, str], command: str, **members: Any) -> dict[str, Any]:
    """A job of one replica with a ResourceConfig of its own."""
    body = job(command, **members)
    body["JobSpecs"][0].pop("EcsSpec")
    body["JobSpecs"][0]["ResourceConfig"] = dict(resources)
    return body


def as_json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()


# the command line


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        """What master-0 and its peers wrote, prefix included."""
        return self.text.splitlines()

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


class Going:
    """A command that runs. Both its outputs are read all the time, unless it is told not to."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, *, read: bool) -> None:
        self.process = process
        self._said = Condition()
        self._text = {"out": bytearray(), "err": bytearray()}
        assert process.stdin
        process.stdin.write(stdin)
        process.stdin.close()
        streams = {"err": process.stderr, **({"out": process.stdout} if read else {})}
        self._readers = [
            Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in streams.items()
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: IO[bytes]) -> None:
        while block := os.read(stream.fileno(), 1 << 16):
            with self._said:
                self._text[name] += block
                self._said.notify_all()

    @property
    def out(self) -> str:
        return self._text["out"].decode(errors="replace")

    @property
    def err(self) -> str:
        return self._text["err"].decode(errors="replace")

    def wait_for(self, text: str) -> Going:
        """Until either output holds ``text``."""
        wanted, said = text.encode(), self._text.values()
        with self._said:
            if not self._said.wait_for(lambda: any(wanted in t for t in said), PATIENCE):
                pytest.fail(f"{text!r} did not come:\n{self.out}\n{self.err}")
        return self

    def signal(self, number: signal.Signals) -> Going:
        self.process.send_signal(number)
        return self

    def interrupt_group(self) -> Going:
        """Ctrl-C as a terminal sends it: to every process of the group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self

    def finish(self) -> Done:
        code = self.process.wait(PATIENCE * 2)
        for reader in self._readers:
            reader.join(PATIENCE)
        return Done(code, bytes(self._text["out"]), self.err)


class CommandLine:
    """``localdlc`` in a home and a working directory of the test's own."""

    def __init__(
        self, home: Path, folder: Path, python: tuple[str, ...] = (sys.executable,)
    ) -> None:
        self._python = python
        self.home = home
        self.folder = folder
        self._going: list[Going] = []

    def __call__(self, *arguments: str, **options: Any) -> Done:
        return self.start(*arguments, **options).finish()

    def start(
        self, *arguments: str, stdin: bytes = b"", read: bool = True, **variables: str
    ) -> Going:
        process = subprocess.Popen(
            [*self._python, "-m", "localdlc", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self._environment(variables),
            start_new_session=True,
        )
        going = Going(process, stdin, read=read)
        self._going.append(going)
        return going

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        kept = {name: v for name, v in os.environ.items() if not name.startswith("LOCALDLC_")}
        ours = {"LOCALDLC_HOME": str(self.home), "XDG_CONFIG_HOME": str(self.folder)}
        return {**kept, **ours, "LOCALDLC_GRACE": "5", **variables}

    def run(self, request: Mapping[str, Any], *flags: str, **options: Any) -> Done:
        return self.start_job(request, *flags, **options).finish()

    def start_job(self, request: Mapping[str, Any], *flags: str, **options: Any) -> Going:
        return self.start("run", "-", *flags, stdin=as_json(request), **options)

    def logs(self, job_id: str = "last") -> dict[str, list[Path]]:
        """PodId to its log files, read as they lie on the disk."""
        folder = self.home / "jobs" / job_id / "logs"
        return {path.name: [path] for path in folder.iterdir()}

    def close(self) -> None:
        for going in self._going:
            going.process.kill()
            going.process.wait()
            for stream in (going.process.stdout, going.process.stderr):
                if stream:
                    stream.close()


# fixtures


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "keeps_files: what it leaves in its home is its subject")


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.APIClient]:
    """The engine as docker-py shows it, so that no test trusts our own eyes."""
    try:
        client = docker.APIClient(base_url=find_engine(os.environ).url, version="auto")
        client.images(BASE)[0]
    except (EngineUnavailable, docker.errors.DockerException, IndexError) as error:
        if "CI" in os.environ:
            raise
        pytest.skip(f"no container engine with {BASE}: {error}")
    yield client
    client.close()


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Counts what is on the engine before and after every test with a real one."""
    if not request.node.get_closest_marker("engine"):
        yield
        return
    client = request.getfixturevalue("docker_client")
    home = request.getfixturevalue("tmp_path") / "home"
    before = things(client)
    yield
    left = new(before, things(client))
    labelled = ours(client, home, left)
    remove(client, labelled)
    if SHARED_ENGINE in os.environ:
        left = labelled
    assert not left, f"left on the engine: {sorted(left.values())}"
    if not request.node.get_closest_marker("keeps_files"):
        assert not unexpected_files(home)


@pytest.fixture
def localdlc(tmp_path: Path, nothing_is_left: None) -> Iterator[CommandLine]:
    line = CommandLine(tmp_path / "home", tmp_path)
    yield line
    line.close()
    if (line.home / "cache" / "wheels").exists():
        line("cache", "rm", "--all")
        line.close()


# what is left


def things(client: docker.APIClient) -> Things:
    """Containers, networks and volumes, with our label or without."""
    containers = {("container", c["Id"]): c["Names"][0] for c in client.containers(all=True)}
    networks = {("network", n["Id"]): n["Name"] for n in client.networks()}
    volumes = {("volume", v["Name"]): v["Name"] for v in client.volumes()["Volumes"] or ()}
    return {**containers, **networks, **volumes}


def new(before: Things, after: Things) -> Things:
    return {key: name for key, name in after.items() if key not in before}


def ours(client: docker.APIClient, home: Path, left: Things) -> Things:
    """Those of ``left`` that carry the label of ``home``."""
    labelled = [("container", c) for c in client.containers(all=True)]
    labelled += [("network", n) for n in client.networks()]
    labelled += [("volume", {**v, "Id": v["Name"]}) for v in client.volumes()["Volumes"] or ()]
    digest = home_digest(home)
    keys = {(k, t["Id"]) for k, t in labelled if (t["Labels"] or {}).get("localdlc.home") == digest}
    return {key: name for key, name in left.items() if key in keys}


def remove(client: docker.APIClient, left: Iterable[tuple[str, str]]) -> None:
    actions: dict[str, Callable[[str], object]] = {
        "container": lambda name: client.remove_container(name, force=True, v=True),
        "network": client.remove_network,
        "volume": client.remove_volume,
    }
    for kind, name in sorted(left):
        try:
            actions[kind](name)
        except docker.errors.NotFound:
            continue


def unexpected_files(home: Path) -> list[str]:
    """Files of a home that the contract does not name."""
    files = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    return [str(path) for path in files if not expected(path.parts)]


def expected(parts: tuple[str, ...]) -> bool:
    match parts:
        case ("jobs.db" | "jobs.db-wal" | "jobs.db-shm" | "trimmed",):
            return True
        case ("jobs", _, "request.json" | "plan.json" | "lock"):
            return True
        case ("cache", "code", *_):
            return True
        case ("jobs", _, "logs", name):
            return name.endswith(".log")
        case ("jobs", _, "metrics", name):
            return name.endswith(".csv")
        case ("cache", "wheels", _, "lock") | ("cache", "wheels", _, "wheels" | "ready", _):
            return True
    return False
