"""How the pip of this machine is set up, made ready for a pip in a container.

Only what says where packages come from is taken. It travels in a mounted folder, because anybody
who may talk to the engine can read a container's variables and command.
"""

from __future__ import annotations

import ast
import netrc
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from localdlc.plan.model import PASTED, Mount

__all__ = ["PipSettings", "pip_settings"]

# pip's names of the options, and whether each holds many values.
INDEXES = ("index-url", "extra-index-url", "find-links")
PLAIN = (
    *("no-index", "trusted-host", "proxy", "timeout", "default-timeout", "retries"),
    *("prefer-binary", "only-binary", "no-binary", "pre"),
)
CERTIFICATES = ("cert", "client-cert")
# Where requests, which pip is made of, finds certificates when pip itself was told of none.
CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# Later ones win, as in pip.
SECTIONS = ("global", "install", ":env:")

# Where the errand sees what is written by `PipSettings.write`.
PLACE = "/run/localdlc/pip"
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class PipSettings:
    """``options`` by pip's names without dashes, ``variables`` of the environment.

    ``logins`` are names and passwords of a netrc by host, for the hosts of ``options`` alone.
    """

    options: Mapping[str, str]
    variables: Mapping[str, str]
    logins: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    def secrets(self) -> set[str]:
        """Passwords and tokens of every URL, as they stand there and as they are meant."""
        texts = (*self.options.values(), *self.variables.values())
        found = {secret for text in texts for secret in PASTED.findall(text)}
        passwords = {password for _, password in self.logins.values() if password}
        return found | {unquote(secret) for secret in found} | passwords

    def mounts(self) -> tuple[Mount, ...]:
        """Indexes and folders of wheels that are on this machine, at the same path."""
        values = " ".join(self.options.get(name, "") for name in INDEXES).split()
        folders = {folder for value in values if (folder := local(value))}
        return tuple(Mount(str(f), str(f), read_only=True) for f in sorted(folders))

    def environment(self) -> dict[str, str]:
        """For the errand: where the file is, and nothing of the image's own for what we set."""
        blank = {f"PIP_{name.upper().replace('-', '_')}": "" for name in self.options}
        netrc = {"NETRC": f"{PLACE}/netrc"} if self.logins else {}
        return {**blank, **netrc, "PIP_CONFIG_FILE": f"{PLACE}/pip.conf"}

    def write(self, folder: Path) -> None:
        """Makes ``folder``, to be mounted at `PLACE`; every user of a container may read it."""
        folder.mkdir(parents=True)
        options = dict(self.options)
        for name in CERTIFICATES:
            if name in options:
                copy(Path(options[name]), folder / name)
                options[name] = f"{PLACE}/{name}"
        variables = dict(self.variables)
        if "cert" in options:
            variables |= dict.fromkeys(CERTIFICATE_VARIABLES, f"{PLACE}/cert")
        (folder / "pip.conf").write_text("".join(conf(options)))
        exports = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        (folder / "environment").write_text("".join(exports))
        if self.logins:
            (folder / "netrc").write_text("".join(map(machine, self.logins.items())))


def conf(options: Mapping[str, str]) -> Iterator[str]:
    """The lines of a pip.conf; what holds many values has one on each line."""
    yield "[global]\n"
    for name, value in sorted(options.items()):
        values = "\n    ".join(value.split())
        yield f"{name} = {values}\n"


def machine(entry: tuple[str, tuple[str, str]]) -> str:
    """A line of a netrc. What needs no quotes has none: Pythons before 3.11 kept them."""
    host, (name, password) = entry
    said = (
        word
        if re.fullmatch(r"[^\s\"'\\#]+", word)
        else '"' + re.sub(r'(["\\])', r"\\\1", word) + '"'
        for word in (name, password)
    )
    return "machine {} login {} password {}\n".format(host, *said)


def logins_of(
    options: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """What pip would take from this machine's netrc for the hosts that ``options`` name."""
    home = Path(environment.get("HOME") or Path.home())
    named = environment.get("NETRC")
    places = [Path(named).expanduser()] if named else [home / ".netrc", home / "_netrc"]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return {}
    found = {}
    with suppress(OSError, UnicodeDecodeError, netrc.NetrcParseError):  # as pip itself does
        known = netrc.netrc(str(file))
        values = " ".join(options.get(name, "") for name in INDEXES).split()
        for host in filter(None, (urlsplit(value).hostname for value in values)):
            if login := known.authenticators(host):
                found[host] = (login[0] or "", login[2] or "")
    return found


def copy(source: Path, target: Path) -> None:
    """A file or a folder of certificates, its links followed: their targets are not mounted."""
    if source.is_dir():
        shutil.copytree(source, target, ignore_dangling_symlinks=True)
    else:
        shutil.copyfile(source, target)


def local(place: str) -> Path | None:
    """The folder of this machine that a file:// URL or a path needs; None for anything else.

    The links of an index are relative and lead out of its ``simple`` folder, to its files.
    """
    parts = urlsplit(place)
    if parts.scheme not in {"", "file"}:
        return None
    path = Path(unquote(parts.path)).expanduser()
    if not path.is_absolute() or not path.exists():
        return None
    return path.parent if path.name == "simple" else path


def pip_settings(environment: Mapping[str, str]) -> PipSettings:
    """What pip on this machine would use."""
    told = by_section(listed(environment))
    known = {*INDEXES, *PLAIN, *CERTIFICATES}
    options = {
        name: value
        for section in SECTIONS
        for name, value in told.get(section, {}).items()
        if name in known and value
    }
    if "cert" not in options:
        found = next((environment[n] for n in CERTIFICATE_VARIABLES if environment.get(n)), None)
        options |= {"cert": found} if found else {}
    for name in CERTIFICATES:
        if name in options and not Path(options[name]).exists():
            del options[name]
    spelled = (*PROXIES, *(name.upper() for name in PROXIES))
    variables = {name: environment[name] for name in spelled if name in environment}
    return PipSettings(options, variables, logins_of(options, environment))


def by_section(lines: str) -> dict[str, dict[str, str]]:
    """``pip config list``: a line ``global.index-url='https://…'`` for each option."""
    found: dict[str, dict[str, str]] = {}
    for line in lines.splitlines():
        if told := re.fullmatch(r"(:?\w+:?)\.([\w-]+)=(['\"].*['\"])", line):
            section, name, value = told.groups()
            found.setdefault(section, {})[name] = str(ast.literal_eval(value))
    return found


def listed(environment: Mapping[str, str]) -> str:
    """What pip says; where there is none, its variables, which need no pip to be read."""
    for pip in ((sys.executable, "-m", "pip"), ("pip",)):
        try:
            done = subprocess.run(
                (*pip, "config", "list"),
                env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return done.stdout
    return "\n".join(
        f":env:.{name.removeprefix('PIP_').lower().replace('_', '-')}={value!r}"
        for name, value in environment.items()
        if name.startswith("PIP_")
    )
