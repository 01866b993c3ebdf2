"""Flags, LOCALDLC_* variables and localdlc.toml become one `Config`; each value has an origin.

Precedence: flag, variable, the nearest ``localdlc.toml`` (this folder or a parent, or
``--config``), the user's ``~/.config/localdlc/localdlc.toml``, default. Tables are merged key by
key. A relative folder is relative to the file that names it, or to the working directory for flags
and variables.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from localdlc.config.model import Cloud, Config, Oss
from localdlc.config.settings import SETTINGS
from localdlc.errors import UsageError

__all__ = ["load_config", "project_file"]

FILE_NAME = "localdlc.toml"
# Tables of a fixed form; layers may each give a part of one.
TABLES: dict[str, type] = {"oss": Oss, "cloud": Cloud}


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
    tables = {name: shape(**values.get(name, {})) for name, shape in TABLES.items()}
    return Config(**values | tables, origins=origins)


def origin_of(name: str, origin: str) -> str:
    spelled = {"environment": f"LOCALDLC_{name.upper()}", "flag": f"--{name.replace('_', '-')}"}
    return spelled.get(origin, origin)


def config_files(chosen: str | None, environment: Mapping[str, str], folder: Path) -> list[Path]:
    """The user's file, then the project's: later ones win."""
    home = Path(environment.get("HOME") or Path.home())
    config_home = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    users = config_home / "localdlc" / FILE_NAME
    found = [users] if users.is_file() else []
    projects = project_file(chosen, environment, folder)
    return [*found, projects] if projects.is_file() else found


def project_file(chosen: str | None, environment: Mapping[str, str], folder: Path) -> Path:
    """The chosen file, else the nearest; without any the one that there could be, here."""
    if named := chosen or environment.get("LOCALDLC_CONFIG"):
        path = (folder / named).resolve()
        if not path.is_file():
            raise UsageError(f"there is no configuration file {path}")
        return path
    nearest = (f / FILE_NAME for f in (folder, *folder.parents) if (f / FILE_NAME).is_file())
    return next(nearest, folder / FILE_NAME)


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
