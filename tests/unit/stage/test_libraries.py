"""What staging libraries asks of an errand, keeps of it and leaves to replicas."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from localdlc.errors import ImageError, InputError
from localdlc.plan.errand import Errand
from localdlc.plan.libraries import WHEELS
from localdlc.plan.model import Libraries, Mount
from localdlc.record.events import Event, InputStaged, Note
from localdlc.stage.libraries import LibrariesTask, Surroundings
from localdlc.stage.ready_image import ReadyImage

pytestmark = pytest.mark.servers

SECRET = "c0rrect-horse"
WORK = "/run/localdlc/work"
WHEEL = "a-1-py3-none-any.whl"
LINES = ("Requirement already satisfied: six in /usr/lib", "Successfully installed a-1")


@dataclass
class Ended:
    code: int


@dataclass
class Pip:
    """An errand's pip: it says its lines, and makes one wheel when it ends well.

    What it installs is at ``place``, unless that cannot become an image.
    """

    lines: tuple[str, ...] = LINES
    code: int = 0
    ran: list[Errand] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    modes: list[tuple[int, set[int]]] = field(default_factory=list)
    images: set[str] = field(default_factory=lambda: {"img:1"})
    installing: list[Errand] = field(default_factory=list)
    steered: list[str] = field(default_factory=list)
    place: str = "/usr/lib/python3"
    unfit: str = ""
    installed: int = 0

    def run(self, errand: Errand, on_line: Callable[[str], None]) -> Ended:
        return self.install(errand, on_line) if errand.becomes else self.resolve(errand, on_line)

    def install(self, errand: Errand, on_line: Callable[[str], None]) -> Ended:
        self.installing.append(errand)
        (seen,) = (Path(mount.source) for mount in errand.mounts)
        self.steered.append((seen / "environment").read_text())
        assert (seen / "install.txt").read_text() == f"{WHEELS}/{WHEEL}\n"
        for line in ("Processing /a.whl", "Found a-0", "Successfully installed a-1"):
            on_line(line)
        if self.installed:
            return Ended(self.installed)
        if self.place:
            on_line(f"localdlc: in {self.place}")
        if self.unfit:
            raise ImageError(self.unfit)
        self.images.add(errand.becomes)
        return Ended(0)

    def resolve(self, errand: Errand, on_line: Callable[[str], None]) -> Ended:
        self.ran.append(errand)
        mounted = {mount.target: Path(mount.source) for mount in errand.mounts}
        settings = mounted["/run/localdlc/pip"]
        self.told.append((settings / "pip.conf").read_text())
        modes = {stat.S_IMODE(path.stat().st_mode) for path in settings.iterdir()}
        self.modes.append((stat.S_IMODE(settings.stat().st_mode), modes))
        for line in self.lines:
            on_line(line)
        if not self.code:
            (mounted[WORK] / WHEEL).write_bytes(b"wheel")
        return Ended(self.code)


@dataclass
class Home:
    """A home, its pip, and what was learnt and posted."""

    path: Path
    pip: Pip = field(default_factory=Pip)
    offline: bool = False
    learnt: set[str] = field(default_factory=set)
    env: dict[str, str] = field(default_factory=dict)
    posted: list[Event] = field(default_factory=list)

    def bring(
        self, job: str, *wanted: str, listed: str = "", mounts: tuple[Mount, ...] = ()
    ) -> Path:
        """The folder that the job's replicas will see."""
        folder = self.path / "jobs" / job / "wheels" / "0"
        index = {
            "PIP_INDEX_URL": f"https://ann:{SECRET}@pypi/simple",
            "PIP_CONFIG_FILE": os.devnull,
        }
        around = Surroundings(
            cache=self.path / "cache" / "wheels",
            offline=self.offline,
            environment={"PATH": os.environ["PATH"], **index},
            errands=self.pip,
            image_id=lambda image: "sha256:1" if image in self.pip.images else None,
            reference=lambda key: f"ready:{key}",
            learn=self.learnt.update,
        )
        libraries = Libraries("img:1", wanted, listed, str(folder), mounts, self.env)
        self.task = LibrariesTask(0, libraries, around)
        self.task(self.posted.append)
        self.wheels = Mount(str(folder), WHEELS, read_only=True)
        return folder

    def ready(self, *mounts: Mount) -> ReadyImage | None:
        """Where a replica of the last job begins; None: in the image that was asked."""
        return self.task.ready_for((self.wheels, *mounts))

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.posted if isinstance(event, Note)]

    @property
    def staged(self) -> InputStaged:
        (event,) = (event for event in self.posted[-1:] if isinstance(event, InputStaged))
        return event


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_second_job_links_what_the_first_has_brought(home: Home) -> None:
    first, second = (home.bring(job, "a") for job in ("one", "two"))
    assert len(home.pip.ran) == 1
    assert home.staged.cached
    assert (first / WHEEL).stat().st_ino == (second / WHEEL).stat().st_ino
    assert (second / "install.txt").read_text() == f"{WHEELS}/{WHEEL}\n"
    assert (second / "satisfied.txt").read_text() == f"{LINES[0]}\n"
    assert not (second / "installed.txt").exists()


def test_replicas_begin_where_they_are_installed(home: Home) -> None:
    for job in ("one", "two"):
        home.bring(job, "a")
        ready = home.ready()
        assert ready
        assert ready.image in home.pip.images
        assert (ready.folder / "satisfied.txt").read_text() == f"{LINES[0]}\n"
        assert (
            ready.folder / "installed.txt"
        ).read_text() == "Found a-0\nSuccessfully installed a-1\n"
    assert len(home.pip.installing) == 1
    home.task.leave()
    assert not list(home.path.glob("jobs/two/wheels"))


def test_what_is_installed_knows_nothing_of_the_job(home: Home) -> None:
    home.env = {"PIP_USER": "1", "PIP_INDEX_URL": f"https://ann:{SECRET}@pypi/simple"}
    home.bring("one", "a")
    (errand,) = home.pip.installing
    assert (errand.env, errand.network) == ({}, "none")
    assert SECRET not in str(errand)
    assert "export PIP_USER=1\n" in home.pip.steered[0]
    assert not list(home.path.rglob("environment"))


def test_an_image_that_somebody_removed_is_made_anew_from_the_wheels(home: Home) -> None:
    home.bring("one", "a")
    home.pip.images = {"img:1"}
    home.offline = True
    home.bring("two", "a")
    assert home.ready()
    assert (len(home.pip.ran), len(home.pip.installing)) == (1, 2)
    assert home.staged.cached


@pytest.mark.parametrize(
    ("pip", "why"),
    [
        (Pip(unfit="img:1 has volumes: /opt"), "img:1 has volumes: /opt"),
        (Pip(installed=2), "Successfully installed a-1"),
    ],
)
def test_what_cannot_be_made_ready_is_told_and_not_tried_again(
    home: Home, pip: Pip, why: str
) -> None:
    home.pip = pip
    for job in ("one", "two"):
        home.bring(job, "a")
        assert home.ready() is None
    assert len(home.pip.installing) == 1
    (key,) = (folder.name for folder in home.path.glob("cache/wheels/*"))
    again = f"After `localdlc cache rm {key}` the next job tries once more."
    assert home.notes == [f"each replica installs its libraries itself: {why}. {again}"] * 2


def test_a_replica_that_would_not_see_them_installs_them_itself(home: Home) -> None:
    home.bring("one", "a")
    assert home.ready(Mount("/data", "/usr/library", read_only=True))
    assert home.ready(Mount("/data", "/usr", read_only=True)) is None
    assert home.task.ready_for(()) is None


def test_where_pip_does_not_know_what_it_has_installed_replicas_do_it_themselves(
    home: Home,
) -> None:
    home.pip.place = ""
    home.bring("one", "a")
    assert home.ready() is None


def test_any_user_of_a_container_may_read_them(home: Home) -> None:
    before = os.umask(0o077)
    try:
        folder = home.bring("one", "a")
    finally:
        os.umask(before)
    ready = home.ready()
    assert ready
    files = [*folder.iterdir(), *ready.folder.iterdir()]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in files}
    assert stat.S_IMODE(ready.folder.stat().st_mode) == 0o755
    assert (stat.S_IMODE(folder.stat().st_mode), modes) == (0o755, {0o644})
    assert home.pip.modes == [(0o755, {0o644})]


def test_secrets_are_learnt_and_only_in_a_file_that_is_gone(home: Home) -> None:
    home.bring("one", "a @ git+https://bob:t0k3n-of-git@host/a")
    assert {SECRET, "t0k3n-of-git"} <= home.learnt
    assert SECRET in home.pip.told[0]
    assert SECRET not in str(home.pip.ran)
    assert "t0k3n-of-git" not in str(home.pip.ran)
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET in path.read_text()]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("Looking", "ERROR: No matching distribution found for a"), "No matching distribution"),
        (("Killed",), "Killed"),
        ((), "pip ended with 137"),
    ],
)
def test_pips_words_are_the_error_and_nothing_stays(
    home: Home, lines: tuple[str, ...], words: str
) -> None:
    home.pip = Pip(lines, code=137)
    with pytest.raises(InputError, match=f"a cannot be installed in img:1: {words}"):
        home.bring("one", "a")
    assert not list(home.path.glob("cache/wheels/*"))
    home.pip = Pip()
    assert (home.bring("two", "a") / "install.txt").read_text()


@dataclass
class Mischievous(Pip):
    """Its package is built by somebody who would like to have a file of this machine."""

    prey: Path = Path()

    def resolve(self, errand: Errand, on_line: Callable[[str], None]) -> Ended:
        (work,) = (Path(m.source) for m in errand.mounts if m.target == WORK)
        (work / "install.txt").symlink_to(self.prey)
        (work / "b-1-py3-none-any.whl").symlink_to(self.prey)
        (work / "c-1-py3-none-any.whl").mkdir()
        os.mkfifo(work / "d-1-py3-none-any.whl")
        return super().resolve(errand, on_line)


def test_what_a_package_leaves_beside_its_wheel_leads_nowhere(home: Home, tmp_path: Path) -> None:
    prey = tmp_path / "prey"
    prey.write_text("private")
    home.pip = Mischievous(prey=prey)
    folder = home.bring("one", "a")
    assert prey.read_text() == "private"
    assert [wheel.name for wheel in folder.glob("*.whl")] == ["a-1-py3-none-any.whl"]
    assert not any(path.is_symlink() for path in home.path.rglob("*"))


@dataclass
class Satisfied(Pip):
    """The image has all libraries, and no requirements.txt."""

    def resolve(self, errand: Errand, on_line: Callable[[str], None]) -> Ended:
        (work,) = (Path(m.source) for m in errand.mounts if m.target == WORK)
        (work / "not-found.txt").touch()
        return Ended(0)


def test_a_requirements_file_that_is_missing_is_told(home: Home, tmp_path: Path) -> None:
    missing = "there is no /mnt/none/requirements.txt"
    mounts = (Mount(str(tmp_path), "/mnt/none", read_only=True),)
    home.bring("mounted", listed="/mnt/none/requirements.txt", mounts=mounts)
    assert home.staged.detail == missing
    home.bring("beside", "a", listed="/mnt/none/requirements.txt", mounts=mounts)
    assert home.staged.detail == f"a-1; {missing}"
    home.pip = Satisfied()
    for job in ("first", "cached"):
        home.bring(job, listed="/mnt/none/requirements.txt")
        assert home.staged.detail == missing
    home.bring("both", "b", listed="/mnt/none/requirements.txt")
    assert home.staged.detail == f"img:1 has all of them; {missing}"
    home.bring("unasked", "b")
    assert home.staged.detail == "img:1 has all of them"


def test_offline_one_is_singular(home: Home) -> None:
    home.offline = True
    with pytest.raises(InputError, match=r"offline: a cannot .* in img:1: it is not in the cache"):
        home.bring("one", "a")
    with pytest.raises(InputError, match=r"a, b cannot .* in img:1: they are not in the cache"):
        home.bring("two", "a", "b")


def test_a_folder_is_built_anew_for_each_job(home: Home) -> None:
    for job in ("one", "two"):
        home.bring(job, "a", "-e /root/code")
        assert not home.staged.cached
        assert home.ready() == ReadyImage(
            f"ready:{job}-0", home.path / f"jobs/{job}/wheels/0.ready"
        )
        assert home.task.own_image == f"ready:{job}-0"
    assert len(home.pip.ran) == 2
    home.bring("other", "a")
    assert home.task.own_image == ""
    home.offline = True
    with pytest.raises(InputError, match="offline: a, -e /root/code cannot be installed in img:1"):
        home.bring("three", "a", "-e /root/code")


def test_what_replicas_may_write_over_is_only_read(home: Home) -> None:
    layered = Mount("/data", "/mnt/data", read_only=False, layer="/layers/0")
    code = Mount("/code", "/root/code", read_only=False)
    home.bring("one", "a", mounts=(layered, code))
    assert {Mount("/data", "/mnt/data", read_only=True), code} <= set(home.pip.ran[0].mounts)
