"""The base image as the engine holds it: what must be in it, and what of this host must not."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

from localdlc.run.engine_address import find_engine
from localdlc.stage.image import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine

BUNDLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
DISTRIBUTED = Path("/usr/share/ca-certificates/mozilla")


@contextmanager
def engine() -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=find_engine(os.environ).url)
    try:
        yield client
    finally:
        client.close()


def inside(script: str) -> str:
    """What ``script`` prints in a container of the base image, which must exit with 0."""
    with engine() as client:
        command = f"bash -c {shlex.quote(script)}"
        output = client.containers.run(BASE, command, remove=True, network_mode="none")
    return bytes(output).decode().strip()


def certificates(text: str) -> set[str]:
    bodies = re.findall(r"-----BEGIN CERTIFICATE-----(.+?)-----END", text, re.DOTALL)
    return {"".join(body.split()) for body in bodies}


def own_certificates() -> set[str]:
    """Certificates that this host trusts and Debian does not ship."""
    bundles = {Path(os.environ[name]) for name in BUNDLES if name in os.environ}
    trusted = [certificates(file.read_text()) for file in bundles if file.is_file()]
    shipped = [certificates(file.read_text()) for file in DISTRIBUTED.glob("*.crt")]
    return set().union(*trusted) - set().union(*shipped)


def test_python_is_3_11_under_every_name() -> None:
    for name in ("python", "python3"):
        assert inside(f"{name} --version").startswith("Python 3.11.")


def test_pip_is_of_that_python_and_installs_as_root() -> None:
    assert "(python 3.11)" in inside("pip --version")
    build = 'mkdir /p && cd /p && printf \'[project]\\nname="p"\\nversion="1"\' > pyproject.toml'
    inside(f"{build} && pip install --no-index --no-build-isolation --no-deps -q . && pip show p")


@pytest.mark.parametrize("program", ["bash", "git", "sshd", "ssh", "mpirun", "ps", "ip"])
def test_programs_are_on_the_path(program: str) -> None:
    assert inside(f"command -v {program}").endswith(f"/{program}")


def test_mpi_and_ssh_start() -> None:
    assert "Open MPI" in inside("mpirun --allow-run-as-root -np 2 hostname && mpirun --version")
    inside("$(command -v sshd) -t")


def test_nothing_of_the_hosts_pip_is_in_the_files() -> None:
    configurations = "/etc/pip.conf /etc/xdg/pip /root/.pip /root/.config"
    assert inside(f"ls -d {configurations} 2>/dev/null; true") == ""
    asked = "index-url|find-links|PIP_INDEX|PIP_CERT"
    assert inside(f"grep -rlE '{asked}' /etc /root /usr/local /opt 2>/dev/null; true") == ""


def test_nothing_of_the_hosts_apt_is_in_the_files() -> None:
    assert inside("cat /etc/apt/apt.conf.d/* | grep -i proxy; true") == ""
    assert inside("ls /etc/apt/apt.conf.d/99mmdebstrap 2>/dev/null; true") == ""


def test_the_hosts_name_is_not_in_the_files() -> None:
    assert inside(f"grep -rl root@{platform.node()} /etc; true") == ""


def test_no_certificate_of_this_host_is_in_the_files() -> None:
    """One line of a certificate tells it from any other."""
    bundle = certificates(inside("cat /etc/ssl/certs/ca-certificates.crt"))
    assert bundle
    assert not bundle & own_certificates()
    assert inside("ls -A /usr/local/share/ca-certificates 2>/dev/null; true") == ""


def test_the_history_tells_nothing_of_the_host() -> None:
    with engine() as client:
        image = client.images.get(BASE)
        told = json.dumps([image.history(), image.attrs["Config"]])
    for word in ("://", "index-url", "pip.conf", "proxy", "PIP_CERT", "find-links"):
        assert word.lower() not in told.lower()


def test_the_own_certificates_of_a_host_are_told_from_debians(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ("-subj", "/CN=own", "-keyout", "/dev/null")
    own = subprocess.run(
        ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *key),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bundle.pem").write_text(own)
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "bundle.pem"))
    assert own_certificates() == certificates(own)
