"""The Debian made on the spot: which tool, which sources, and nothing of the host in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from localdlc.errors import ImageError
from localdlc.stage import rootfs

SETTINGS = """\
APT::Install-Recommends "1";
Acquire::http::Proxy "http://proxy:3128";
Acquire::https::CAInfo "/etc/ssl/own.pem";
Acquire::Retries "3";
Acquire::Languages "none";
Dir::Cache "var/cache/apt";
"""
DEB822 = "Types: deb\nURIs: {0}\nSuites: {1}\nComponents: main\n"


def test_the_command_installs_python_and_the_packages() -> None:
    command = rootfs.mmdebstrap_command(Path("r.tar"), ["git", "python3"], [], [])
    assert "--include=git,python3" in command
    assert command[-2:] == ("bookworm", "r.tar")


def test_sources_and_options_of_the_host_are_used_and_removed() -> None:
    command = rootfs.mmdebstrap_command(
        Path("r.tar"), ["git"], [Path("/etc/apt/sources.list")], ['Acquire::http::Proxy "p";']
    )
    assert command[-1] == "/etc/apt/sources.list"
    assert '--aptopt=Acquire::http::Proxy "p";' in command
    hooks = [part for part in command if part.startswith("--customize-hook=")]
    for left in ("apt.conf.d/99mmdebstrap", "sources.list.d/*", "etc/hostname", "etc/resolv.conf"):
        assert any(hook.endswith(left) for hook in hooks)
    assert hooks[-1].endswith('"$1/etc/apt/sources.list"')


def test_only_what_a_fetch_needs_is_taken_from_apt() -> None:
    assert [line.split()[0] for line in rootfs.apt_options(SETTINGS)] == [
        "Acquire::http::Proxy",
        "Acquire::https::CAInfo",
        "Acquire::Retries",
    ]


@pytest.mark.parametrize(
    ("name", "text", "serves"),
    [
        ("sources.list", "deb http://m/debian bookworm main contrib\n", True),
        ("sources.list", "deb [arch=amd64] http://m/debian bookworm contrib main\n", True),
        ("sources.list", "deb http://m/debian trixie main\n", False),
        ("sources.list", "# deb http://m/debian bookworm main\n", False),
        ("sources.list.d/vendor.list", "deb http://m cloud-bookworm main\n", False),
        ("sources.list.d/vendor.list", "deb http://m bookworm-vendor main\n", False),
        ("sources.list.d/vendor.list", "deb http://m bookworm stable\n", False),
        ("sources.list.d/debian.sources", DEB822.format("m", "bookworm bookworm-updates"), True),
        ("sources.list.d/node.sources", DEB822.format("m", "nodistro"), False),
        ("sources.list.d/debian.sources.off", DEB822.format("m", "bookworm"), False),
    ],
)
def test_sources_are_taken_when_they_hold_the_suite(
    tmp_path: Path, name: str, text: str, serves: bool
) -> None:
    file = tmp_path / "apt" / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert rootfs.debian_sources(tmp_path) == ([file] if serves else [])


def test_a_host_without_apt_has_no_sources(tmp_path: Path) -> None:
    assert rootfs.debian_sources(tmp_path) == []


@pytest.mark.parametrize(
    ("user", "there", "tool"),
    [
        (0, {"mmdebstrap", "debootstrap"}, "mmdebstrap"),
        (0, {"debootstrap"}, "debootstrap"),
        (0, set(), None),
        (1000, {"mmdebstrap"}, "mmdebstrap"),
        (1000, {"debootstrap"}, None),
    ],
)
def test_the_tool_that_can_be_used(
    monkeypatch: pytest.MonkeyPatch, user: int, there: set[str], tool: str | None
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr(shutil, "which", lambda name: name if name in there else None)
    assert rootfs.find_tool() == tool


def test_without_a_tool_and_without_root_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ImageError, match="Install mmdebstrap"):
        rootfs.install_tool(lambda _: None)


def test_a_command_that_fails_ends_with_its_last_words() -> None:
    said: list[str] = []
    with pytest.raises(ImageError, match=r"sh failed \(3\):\nE: no space"):
        rootfs.stream(("sh", "-c", "echo E: no space >&2; exit 3"), said.append)
    assert said == ["E: no space"]
