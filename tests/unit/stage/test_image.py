"""The base image and the samples' images, against an engine that only takes notes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localdlc.errors import ImageError, InputError
from localdlc.stage import image
from localdlc.stage.image import BASE, build_base, build_sample, fetch_wheels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[3]
OFFICIAL = "python:3.11-slim"

CACHED = """\
Step 1/6 : ARG BASE
Step 2/6 : FROM ${BASE} AS installed
 ---> 0000000000aa
Step 3/6 : RUN pip install
 ---> Running in 1111111111bb
Successfully installed torch
Removing intermediate container 1111111111bb
 ---> 2222222222cc
Step 4/6 : FROM ${BASE} AS untouched
 ---> 0000000000aa
Step 5/6 : FROM ${BASE}
 ---> 0000000000aa
Step 6/6 : COPY --from=installed /usr/local /usr/local
 ---> 3333333333dd
Successfully built 3333333333dd""".splitlines()


class NotedEngine:
    """Holds names, gives out what a test says, and notes every call."""

    def __init__(self, *held: str, registry: Callable[[], Iterator[str]] | None = None) -> None:
        self.held = set(held)
        self.registry = registry
        self.removed: list[str] = []
        self.builds: list[tuple[str, dict[str, str]]] = []
        self.contexts: list[dict[str, bytes]] = []
        self.refused: set[str] = set()
        self.lines = ["Step 1/1 : FROM x", " ---> 0000000000aa"]

    def find_image(self, reference: str) -> str | None:
        return f"id of {reference}" if reference in self.held else None

    def pull_image(self, reference: str) -> Iterator[str]:
        if self.registry is None:
            raise ImageError("no such host")
        yield from self.registry()
        self.held.add(reference)

    def import_image(self, tar: Path, reference: str) -> None:
        assert tar.read_bytes() == b"a root file system"
        self.held.add(reference)

    def build_image(
        self,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        dockerfile: str = "Dockerfile",
    ) -> Iterator[str]:
        assert (context / dockerfile).is_file()
        start = arguments.get("FROM", OFFICIAL)
        self.builds.append((start, dict(arguments)))
        self.contexts.append(
            {str(f.relative_to(context)): f.read_bytes() for f in context.rglob("*") if f.is_file()}
        )
        if start in self.refused:
            raise ImageError("apt-get: no network in the build")
        yield from self.lines
        self.held.add(reference)

    def remove_image(self, reference: str) -> None:
        self.removed.append(reference)


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    made: list[list[str]] = []

    def make_rootfs(tar: Path, wanted: list[str], on_progress: Callable[[str], None]) -> None:
        made.append(wanted)
        tar.write_bytes(b"a root file system")

    monkeypatch.setattr(image, "make_rootfs", make_rootfs)
    return made


def base(engine: NotedEngine) -> str:
    return build_base(engine, ROOT / "Dockerfile.base", on_progress=lambda _: None)


def test_base_starts_from_the_official_image_where_a_registry_gives_it(
    packages: list[list[str]],
) -> None:
    engine = NotedEngine(registry=lambda: iter(["pulling", "done"]))
    assert base(engine) == f"id of {BASE}"
    assert engine.builds == [(OFFICIAL, {})]
    assert packages == []


def test_base_starts_from_an_official_image_that_is_held_without_a_registry(
    packages: list[list[str]],
) -> None:
    engine = NotedEngine(OFFICIAL)
    base(engine)
    assert engine.builds == [(OFFICIAL, {})]
    assert packages == []


def test_base_starts_from_a_debian_made_here_where_no_registry_answers(
    packages: list[list[str]],
) -> None:
    engine = NotedEngine()
    assert base(engine) == f"id of {BASE}"
    ((start, _),) = engine.builds
    assert start.startswith("localdlc/debian:bookworm-")
    assert {"git", "openssh-server", "openmpi-bin", "bash"} <= set(packages[0])


def test_the_debian_is_made_once_for_the_same_packages(packages: list[list[str]]) -> None:
    engine = NotedEngine()
    base(engine)
    base(engine)
    assert len(packages) == 1


def test_base_falls_back_when_the_official_image_cannot_be_filled(
    packages: list[list[str]],
) -> None:
    engine = NotedEngine(OFFICIAL)
    engine.refused = {OFFICIAL}
    assert base(engine) == f"id of {BASE}"
    first, second = [start for start, _ in engine.builds]
    assert first == OFFICIAL
    assert second.startswith("localdlc/debian:")


def test_a_silent_registry_is_done_without() -> None:
    def silent() -> Iterator[str]:
        time.sleep(5)
        yield "too late"

    said: list[str] = []
    start = time.monotonic()
    assert not image.pulled(NotedEngine(registry=silent), OFFICIAL, said.append, patience=0.05)
    assert time.monotonic() - start < 2
    assert said == ["no registry: it was silent for 0 s"]


def test_the_base_context_is_the_dockerfile_alone(packages: list[list[str]]) -> None:
    engine = NotedEngine()
    base(engine)
    assert list(engine.contexts[0]) == ["Dockerfile"]


def test_no_dockerfile_names_an_index_a_certificate_or_a_proxy() -> None:
    files = [ROOT / "Dockerfile.base", *(ROOT / "samples").glob("*/Dockerfile")]
    assert len(files) >= 3
    for file in files:
        steps = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        for word in ("://", "index-url", "pip.conf", "cert", "_proxy"):
            assert not any(word in line.replace("ca-certificates", "") for line in steps), file


def test_arguments_are_read_quoted_and_bare() -> None:
    text = 'ARG FROM=python:3.11-slim\nFROM ${FROM}\nARG PACKAGES="bash git"\nARG EMPTY\n'
    assert image.read_arguments(text) == {"FROM": OFFICIAL, "PACKAGES": "bash git"}


def test_what_stages_leave_is_found_but_never_what_they_start_from() -> None:
    assert image.left_stages(CACHED) == ["2222222222cc"]


def test_one_stage_leaves_nothing() -> None:
    assert image.left_stages(["Step 1/1 : FROM x", " ---> 0000000000aa"]) == []


def test_left_stages_are_removed(tmp_path: Path) -> None:
    engine = NotedEngine()
    engine.lines = CACHED
    (tmp_path / "Dockerfile").write_text("FROM x")
    assert image.build(engine, tmp_path, "a:b", {}, lambda _: None) == "id of a:b"
    assert engine.removed == ["2222222222cc"]


def test_a_stage_that_cannot_be_removed_is_no_failure(tmp_path: Path) -> None:
    class Holding(NotedEngine):
        def remove_image(self, reference: str) -> None:
            raise ImageError("in use")

    engine = Holding()
    engine.lines = CACHED
    (tmp_path / "Dockerfile").write_text("FROM x")
    assert image.build(engine, tmp_path, "a:b", {}, lambda _: None)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM x")
    (folder / "requirements.txt").write_text("toy==1.0\n")
    (folder / "train.py").write_text("print()")
    return folder


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    calls: list[tuple[str, ...]] = []

    def stream(command: tuple[str, ...], on_progress: Callable[[str], None]) -> None:
        calls.append(command)
        (Path(command[command.index("-d") + 1]) / "toy-1.0-py3-none-any.whl").write_bytes(b"wheel")

    monkeypatch.setattr(image, "stream", stream)
    return calls


def test_a_sample_is_built_from_its_wheels(
    sample: Path, tmp_path: Path, pip: list[tuple[str, ...]]
) -> None:
    engine = NotedEngine()
    build_sample(engine, sample, "toy:1", cache=tmp_path / "cache", on_progress=lambda _: None)
    held = {"Dockerfile", "requirements.txt", "wheels/toy-1.0-py3-none-any.whl"}
    assert set(engine.contexts[0]) == held


@pytest.mark.parametrize(("held", "made"), [(["base:1"], []), ([], [["bash", "gcc"]])])
def test_packages_of_a_sample_are_in_its_base_or_in_a_debian_in_its_place(
    held: list[str],
    made: list[list[str]],
    sample: Path,
    tmp_path: Path,
    pip: list[tuple[str, ...]],
    packages: list[list[str]],
) -> None:
    (sample / "Dockerfile").write_text('ARG BASE=base:1\nFROM ${BASE}\nARG PACKAGES="bash gcc"\n')
    engine = NotedEngine(*held)
    build_sample(engine, sample, "toy:1", cache=tmp_path / "cache", on_progress=lambda _: None)
    [(_, arguments)] = engine.builds
    assert [start.startswith("localdlc/debian:") for start in arguments.values()] == [True] * len(
        made
    )
    assert "wheels/toy-1.0-py3-none-any.whl" in engine.contexts[0]
    assert packages == made


def test_wheels_are_fetched_once_for_the_same_requirements_and_index(
    sample: Path, tmp_path: Path, pip: list[tuple[str, ...]]
) -> None:
    def fetch(index: str | None = None) -> Path:
        return fetch_wheels(sample, cache=tmp_path, on_progress=lambda _: None, index=index)

    assert fetch() == fetch()
    assert len(pip) == 1
    assert fetch("file:///other") != fetch()
    (sample / "requirements.txt").write_text("toy==2.0\n")
    fetch()
    assert len(pip) == 3


def test_a_failed_fetch_says_whose_and_leaves_no_wheelhouse(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stream(command: tuple[str, ...], on_progress: Callable[[str], None]) -> None:
        raise ImageError("No matching distribution found for toy==1.0")

    monkeypatch.setattr(image, "stream", stream)
    with pytest.raises(InputError, match=r"requirements\.txt cannot be had.*toy==1\.0"):
        fetch_wheels(sample, cache=tmp_path / "cache", on_progress=lambda _: None)
    assert not list((tmp_path / "cache").glob("*/wheels"))


def test_the_same_python_takes_pip_as_it_is() -> None:
    command = image.wheel_command(Path("r.txt"), Path("w"), None, host=(3, 11), machine="x86_64")
    assert command[1:] == (
        *("-m", "pip", "download", "--progress-bar=off", "--no-input"),
        *("-d", "w", "-r", "r.txt"),
    )


def test_another_index_is_passed_on() -> None:
    command = image.wheel_command(Path("r.txt"), Path("w"), "file:///i", host=(3, 11))
    assert command[command.index("--index-url") + 1] == "file:///i"


def test_another_python_asks_for_wheels_of_the_images_python() -> None:
    command = image.wheel_command(Path("r"), Path("w"), None, host=(3, 13), machine="aarch64")
    assert {"--python-version=3.11", "--only-binary=:all:"} <= set(command)
    assert {"--platform=manylinux_2_28_aarch64", "--platform=manylinux2014_aarch64"} <= set(command)
    assert "--platform=manylinux_2_39_aarch64" not in command
