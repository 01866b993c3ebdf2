"""One frozen `Config` from flags, LOCALDLC_* variables and localdlc.toml; each value has an origin.

Precedence: flag, variable, the nearest ``localdlc.toml`` (this folder or a parent, or
``--config``), the user's ``~/.config/localdlc/localdlc.toml``, default. Tables are merged key by
key. A relative folder is relative to the file that names it, or to the working directory for flags
and variables.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from localdlc.errors import UsageError

__all__ = ["CodeSource", "Config", "load_config"]

FILE_NAME = "localdlc.toml"


@dataclass(frozen=True, slots=True)
class CodeSource:
    """A code source of the workspace, as ``[code_sources."<CodeSourceId>"]`` registers it.

    ``clone_type`` 0 clones into a new folder of ``mount_path`` named like the repository, 1
    straight into it (AIWorkSpace CreateCodeSource).
    """

    repository: str
    branch: str | None = None
    commit: str | None = None
    mount_path: str | None = None
    clone_type: int = 0
    user: str | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The repository without the ``user:token@`` that people paste into its URL."""
        return re.sub(r"(?<=://)[^/@]*@", "", self.repository)

    @property
    def local(self) -> bool:
        """Whether the repository is a folder of this machine."""
        return self.repository.startswith(("/", "file://"))


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting. ``origins`` says where each one came from; ``grace`` is in seconds."""

    home: Path
    user_id: str = "1000000000000000"
    pull: str = "missing"
    offline: bool = False
    keep: str = "never"
    grace: float | None = None
    subnets: tuple[IPv4Network, ...] = (
        IPv4Network("10.213.0.0/16"),
        IPv4Network("172.29.0.0/16"),
        IPv4Network("192.168.208.0/20"),
    )
    map: Mapping[str, Path] = field(default_factory=dict)
    image_map: Mapping[str, str] = field(default_factory=dict)
    code_sources: Mapping[str, CodeSource] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The Kubernetes namespace that DLC's service names carry."""
        return f"t{self.user_id}"


def load_config(flags: Mapping[str, Any], environment: Mapping[str, str], folder: Path) -> Config:
    """Reads every layer; raises `UsageError` naming the file and key, or the variable, at fault."""
    layers = [
        (layer, origin)
        for path in config_files(flags.get("config"), environment, folder)
        for layer, origin in [(read_file(path), str(path))]
    ]
    layers.append((read_environment(environment, folder), "environment"))
    layers.append((read_flags(flags, folder), "flag"))
    home = Path(environment.get("HOME") or Path.home()) / ".localdlc"
    return merged([({"home": home}, "default"), *layers])


def merged(layers: list[tuple[dict[str, Any], str]]) -> Config:
    values: dict[str, Any] = {}
    origins = {setting.name: "default" for setting in fields(Config) if setting.name != "origins"}
    for layer, origin in layers:
        for name, value in layer.items():
            table = isinstance(value, dict)
            values[name] = {**values.get(name, {}), **value} if table else value
            origins[name] = origin_of(name, origin)
    return Config(**values, origins=origins)


def origin_of(name: str, origin: str) -> str:
    spelled = {"environment": f"LOCALDLC_{name.upper()}", "flag": f"--{name.replace('_', '-')}"}
    return spelled.get(origin, origin)


def config_files(chosen: str | None, environment: Mapping[str, str], folder: Path) -> list[Path]:
    """The user's file, then the project's: later ones win."""
    home = Path(environment.get("HOME") or Path.home())
    config_home = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    users = config_home / "localdlc" / FILE_NAME
    found = [users] if users.is_file() else []
    if named := chosen or environment.get("LOCALDLC_CONFIG"):
        path = (folder / named).resolve()
        if not path.is_file():
            raise UsageError(f"there is no configuration file {path}")
        return [*found, path]
    nearest = (f / FILE_NAME for f in (folder, *folder.parents) if (f / FILE_NAME).is_file())
    return [*found, *[path for path in [next(nearest, None)] if path]]


def read_file(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    return read_layer(content, path.parent, str(path))


def read_environment(environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """``LOCALDLC_<SETTING>``; tables as ``FROM=TO,FROM=TO``, ``code_sources`` as JSON."""
    layer: dict[str, Any] = {}
    for name in SETTINGS:
        variable = f"LOCALDLC_{name.upper()}"
        if text := environment.get(variable):
            layer |= read_layer({name: text}, folder, variable)
    return layer


def read_flags(flags: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    given = {name: value for name, value in flags.items() if name in SETTINGS}
    return read_layer({n: v for n, v in given.items() if v not in (None, ())}, folder, "")


def read_layer(content: Mapping[str, Any], folder: Path, where: str) -> dict[str, Any]:
    layer = {}
    for name, value in content.items():
        if name not in SETTINGS:
            import difflib

            close = difflib.get_close_matches(name, SETTINGS, 1)
            hint = f" Did you mean {close[0]}?" if close else f" There are: {', '.join(SETTINGS)}."
            raise UsageError(f"{where}: there is no setting {name!r}.{hint}")
        try:
            layer[name] = SETTINGS[name](value, folder)
        except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: ~nobody
            place = where if where.startswith("LOCALDLC_") else f"{where}: {name}".lstrip(": ")
            raise UsageError(f"{place}: {error}") from error
    return layer


def a_text(value: Any, folder: Path) -> str:
    if not isinstance(value, str | int | Path) or isinstance(value, bool) or not str(value):
        raise ValueError(f"expected a text, got {value!r}")
    return str(value)


def texts(value: Any, folder: Path) -> list[str]:
    """A list, or one text with commas between."""
    items = value.split(",") if isinstance(value, str) else value
    return [a_text(item, folder).strip() for item in items]


def a_folder(value: Any, folder: Path) -> Path:
    # Not resolved: a symbolic link is the user's own name for the place.
    return Path(os.path.normpath(folder / Path(a_text(value, folder)).expanduser()))


def a_switch(value: Any, folder: Path) -> bool:
    spelled = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in spelled:
        raise ValueError(f"expected true or false, got {value!r}")
    return spelled[str(value).lower()]


def seconds(value: Any, folder: Path) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError(f"expected a number of seconds, got {value!r}")
    return number


def one_of(*allowed: str) -> Callable[[Any, Path], str]:
    def read(value: Any, folder: Path) -> str:
        if value not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}, got {value!r}")
        return str(value)

    return read


def networks(value: Any, folder: Path) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(text) for text in texts(value, folder))


def pairs(value: Any, folder: Path) -> dict[str, str]:
    """A table, or ``FROM=TO`` texts. The last ``=`` divides: paths like ``dt=2026/`` are Uris."""
    if isinstance(value, Mapping):
        return {str(source): a_text(target, folder) for source, target in value.items()}
    divided = {text: text.rpartition("=") for text in texts(value, folder)}
    if bad := next((text for text, (a, _, b) in divided.items() if not (a and b)), None):
        raise ValueError(f"expected FROM=TO, got {bad!r}")
    return {source: target for source, _, target in divided.values()}


def folders(value: Any, folder: Path) -> dict[str, Path]:
    return {source: a_folder(target, folder) for source, target in pairs(value, folder).items()}


def code_sources(value: Any, folder: Path) -> dict[str, CodeSource]:
    table = json.loads(value) if isinstance(value, str) else value  # a variable holds JSON
    if not isinstance(table, Mapping):
        raise TypeError('expected a table such as [code_sources."code-…"]')
    return {name: code_source(name, body, folder) for name, body in table.items()}


def code_source(name: str, body: Any, folder: Path) -> CodeSource:
    known = [setting.name for setting in fields(CodeSource)]
    if not isinstance(body, Mapping) or "repository" not in body:
        raise ValueError(f"{name!r} needs a repository (a URL or a folder)")
    if unknown := next((key for key in body if key not in known), None):
        raise ValueError(f"{name!r} has no {unknown!r}; it may have: {', '.join(known)}")
    if body.get("clone_type", 0) not in (0, 1):
        raise ValueError(f"{name!r}: clone_type is 0 or 1")
    said: dict[str, Any] = {
        k: v if k == "clone_type" else a_text(v, folder) for k, v in body.items()
    }
    return CodeSource(**{**said, "repository": repository(said["repository"], folder)})


def repository(text: str, folder: Path) -> str:
    """A folder becomes absolute; a URL or ``user@host:path`` stays as it is."""
    remote = "://" in text or (":" in text and not text.startswith((".", "/", "~")))
    return text if remote else str((folder / Path(text).expanduser()).resolve())


SETTINGS: dict[str, Callable[[Any, Path], Any]] = {
    "home": a_folder,
    "user_id": a_text,
    "pull": one_of("missing", "always", "never"),
    "offline": a_switch,
    "keep": one_of("never", "failed", "always"),
    "grace": seconds,
    "subnets": networks,
    "map": folders,
    "image_map": pairs,
    "code_sources": code_sources,
}
