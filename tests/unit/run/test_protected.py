"""The places of this machine that matter, found where they really are."""

from __future__ import annotations

from pathlib import Path

import pytest
from alone import Cli, Write
from given import request

from localdlc.run.protected import protected_places, real

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Two folders, data and linked, and a link to each of them and to /etc."""
    for name in ("data", "linked"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("linked")
    (tmp_path / "etc").symlink_to("/etc")
    return tmp_path


def refused(path: Path | str, home: Path, environment: dict[str, str]) -> str:
    found = protected_places(environment, home, [])
    return next((place.why for place in found if place.holds(real(Path(path)))), "")


SYSTEM = "/ /bin /boot /dev /etc /proc /run /sys /usr /usr/lib /var /var/run"


@pytest.mark.parametrize("path", SYSTEM.split())
def test_the_system_is_protected(tmp_path: Path, path: str) -> None:
    assert refused(path, tmp_path / "home", {"HOME": "/home/ann"})


def test_the_engines_socket_is_wherever_it_is(places: Path) -> None:
    environment = {"DOCKER_HOST": f"unix://{places}/link/docker.sock", "HOME": "/home/ann"}
    assert refused(places / "linked", Path("/h"), environment) == "the engine's socket"
    assert refused(places, Path("/h"), environment) == "the engine's socket"
    assert not refused(places / "data", Path("/h"), environment)
    elsewhere = {"DOCKER_HOST": "tcp://there:1", "HOME": "/home/ann"}
    assert not refused(places / "linked", Path("/h"), elsewhere)


def test_homes_are_protected_but_not_what_is_in_them(places: Path) -> None:
    environment = {"HOME": str(places / "link")}
    home = places / "data"
    assert refused(places / "linked", home, environment) == "your home"
    assert refused(places / "linked" / ".aws", home, environment) == "where your keys are"
    assert not refused(places / "linked" / "sets", home, environment)
    assert refused(home, home, environment) == "where localdlc keeps its jobs"
    assert refused(home / "cache" / "data", home, environment) == "the cache of localdlc"
    assert not refused(home / "jobs" / "dlc1" / "layers" / "0", home, environment)


def test_every_place_is_told_at_once_and_nothing_starts(
    cli: Cli, job_file: Write, places: Path
) -> None:
    body = request({"Master": 1})
    body["JobSpecs"][0]["LocalMountSpecs"] = [{"LocalPath": "/boot", "MountPath": "/m"}]
    body["DataSources"] = [{"Uri": "oss://b/x/"}, {"Uri": "file:///proc/self"}]
    said = cli("plan", job_file(body), "--map", "oss://b/x/=etc", "--code-dir", "/")
    assert said.code == 2
    lines = said.err.splitlines()
    assert lines[0] == "localdlc: places that matter on this machine are not mounted"
    assert lines[1].startswith(f"  DataSources[0]: {places}/etc, which leads to /etc, is part of")
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "DataSources[0]",
        "DataSources[1]",
        "--code-dir",
        "JobSpecs[0].LocalMountSpecs[0].LocalPath",
    ]


def test_a_flag_allows_and_a_setting_denies(cli: Cli, job_file: Write, places: Path) -> None:
    body = request({"Master": 1}, DataSources=[{"Uri": "file:///etc/ssl"}])
    assert cli("plan", job_file(body)).code == 2
    assert cli("plan", job_file(body), "--allow-host-path", "/etc/ssl").code == 0
    body["DataSources"][0]["Uri"] = f"file://{places}/data"
    assert cli("plan", job_file(body)).code == 0
    (places / "localdlc.toml").write_text('denied_host_paths = ["data"]\n')
    said = cli("plan", job_file(body))
    assert said.code == 2
    assert f"{places}/data is named in denied_host_paths" in said.err
