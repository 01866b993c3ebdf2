"""How this machine's pip is set up is read from pip itself, and handed over without a trace."""

from __future__ import annotations

import configparser
import netrc
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from localdlc.plan.model import Mount
from localdlc.stage.pip_settings import PipSettings, pip_settings

pytestmark = pytest.mark.servers

SECRET = "c0rrect%40horse"
INDEX = f"https://reader:{SECRET}@pypi.example.org/simple"

Read = Callable[..., PipSettings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """What a pip with this pip.conf and these variables would use."""

    def settings(conf: str = "", **variables: str) -> PipSettings:
        path = tmp_path / "pip.conf"
        path.write_text(conf)
        files = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(path) if conf else os.devnull}
        return pip_settings({"PATH": os.environ["PATH"], **files, **variables})

    return settings


def written(settings: PipSettings, folder: Path) -> dict[str, str]:
    """The pip.conf that a container gets, as pip will read it."""
    settings.write(folder)
    parser = configparser.RawConfigParser()
    parser.read(folder / "pip.conf")
    return dict(parser["global"])


def test_variables_win_over_sections_and_sections_over_the_rest(read: Read) -> None:
    conf = "[global]\nindex-url = https://a/\ntimeout = 7\n[install]\nindex-url = https://b/\n"
    conf = f"[global]\nretries = 3\n{conf.removeprefix('[global]')}"
    told = {"index-url": "https://b/", "timeout": "7", "retries": "3"}
    assert told.items() <= read(conf).options.items()
    assert read(conf, PIP_INDEX_URL="https://c/").options["index-url"] == "https://c/"


def test_what_does_not_say_where_packages_are_stays_here(read: Read) -> None:
    conf = "[global]\ntarget = /home/ann/lib\nuser = true\nrequire-virtualenv = true\n"
    told = read(conf, PIP_LOG="/home/ann/pip.log").options
    assert not {"target", "user", "require-virtualenv", "log"} & told.keys()


def test_logins_of_a_netrc_come_along_for_the_hosts_of_the_indexes(
    read: Read, tmp_path: Path
) -> None:
    """Told by the module that pip itself reads them with."""
    words = 'with "quotes", a \\ and a #'
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    (tmp_path / ".netrc").write_text(
        "machine pypi.example.org login ann password s3cret-of-ann\n"
        f'machine more.example.org login "bob b" password "{escaped}"\n'
        "machine git.example.org login eve password s3cret-of-eve\n"
    )
    more = "https://more.example.org:8443/simple"
    settings = read(PIP_INDEX_URL="https://pypi.example.org/simple", PIP_EXTRA_INDEX_URL=more)
    assert {"s3cret-of-ann", words} <= settings.secrets()
    assert "s3cret" not in repr(settings)
    assert settings.environment()["NETRC"] == "/run/localdlc/pip/netrc"
    settings.write(tmp_path / "pip")
    assert netrc.netrc(str(tmp_path / "pip" / "netrc")).hosts == {
        "pypi.example.org": ("ann", "", "s3cret-of-ann"),
        "more.example.org": ("bob b", "", words),
    }


@pytest.mark.parametrize("content", [None, "machine", "machine other login ann password x"])
def test_without_a_login_in_a_netrc_there_is_none(
    content: str | None, read: Read, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    if content:
        elsewhere.write_text(content)
    settings = read(PIP_INDEX_URL="https://pypi.example.org/simple", NETRC=str(elsewhere))
    assert "NETRC" not in settings.environment()
    settings.write(tmp_path / "pip")
    assert not (tmp_path / "pip" / "netrc").exists()


def test_many_values_arrive_as_many(read: Read, tmp_path: Path) -> None:
    conf = "[global]\nextra-index-url =\n    https://a/simple\n    https://b/simple\n"
    told = written(read(conf, PIP_TRUSTED_HOST="a b"), tmp_path / "pip")
    assert told["extra-index-url"].split() == ["https://a/simple", "https://b/simple"]
    assert told["trusted-host"].split() == ["a", "b"]


def test_certificates_travel_along(read: Read, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificate")
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "abc.0").symlink_to(bundle)
    for n, variables in enumerate(
        ({"PIP_CERT": str(bundle)}, {"REQUESTS_CA_BUNDLE": str(bundle)}, {"PIP_CERT": str(folder)})
    ):
        target = tmp_path / f"pip-{n}"
        assert written(read(**variables), target)["cert"] == "/run/localdlc/pip/cert"
        content = target / "cert"
        assert (content / "abc.0" if content.is_dir() else content).read_text() == "certificate"
    assert "cert" not in read(PIP_CERT=str(tmp_path / "gone")).options


def test_proxies_travel_in_the_file_that_the_errand_reads(read: Read, tmp_path: Path) -> None:
    read(HTTPS_PROXY="http://u:p%20q@proxy:1", no_proxy="a b").write(tmp_path / "pip")
    assert (tmp_path / "pip" / "environment").read_text().splitlines() == [
        "export no_proxy='a b'",
        "export HTTPS_PROXY=http://u:p%20q@proxy:1",
    ]


def test_what_is_on_this_machine_is_mounted_at_its_place(read: Read, tmp_path: Path) -> None:
    for name in ("pypi/simple", "wheels", "my wheels"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "page.html").touch()
    links = f"{tmp_path}/wheels {tmp_path.as_uri()}/my%20wheels {tmp_path}/page.html {tmp_path}/no"
    settings = read(
        PIP_INDEX_URL=f"{tmp_path.as_uri()}/pypi/simple",
        PIP_FIND_LINKS=f"{links} https://a/wheels",
    )
    places = (tmp_path / name for name in ("my wheels", "page.html", "pypi", "wheels"))
    assert settings.mounts() == tuple(Mount(str(place), str(place), True) for place in places)


def test_no_secret_is_where_docker_inspect_would_show_it(read: Read, tmp_path: Path) -> None:
    settings = read(PIP_INDEX_URL=INDEX, https_proxy=f"http://ann:{SECRET}@proxy:3128")
    assert settings.secrets() == {SECRET, "c0rrect@horse"}
    assert SECRET not in f"{settings.environment()}{settings.mounts()}"
    assert written(settings, tmp_path / "pip")["index-url"] == INDEX


def test_the_images_own_variables_do_not_win(read: Read) -> None:
    assert read(PIP_INDEX_URL=INDEX).environment() == {
        "PIP_INDEX_URL": "",
        "PIP_CONFIG_FILE": "/run/localdlc/pip/pip.conf",
    }


def test_without_any_pip_the_variables_are_read(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    settings = read(PATH="/nowhere", PIP_INDEX_URL=INDEX, PIP_NO_INPUT="1")
    assert dict(settings.options) == {"index-url": INDEX}
