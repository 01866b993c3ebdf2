"""How one value of a setting is read; each raises `ValueError` or `TypeError` in its own words.

Every reader takes the value as TOML, a variable or a flag gives it, and the folder that relative
paths start from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from localdlc.config.model import Sample

__all__ = [
    "a_duration",
    "a_folder",
    "a_port",
    "a_sample",
    "a_scale",
    "a_secret",
    "a_size",
    "a_switch",
    "a_text",
    "folders",
    "networks",
    "one_of",
    "pairs",
    "places",
    "seconds",
    "texts",
    "whole",
]

Reader = Callable[[Any, Path], Any]

BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BYTES |= {f"{letter}i": 1024**power for power, letter in enumerate("KMGT", start=1)}
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?")
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
SAMPLE = re.compile(r"(\d+(?:\.\d+)?)\s*(files?|%|([KMGT]i?)?B)", re.IGNORECASE)


def a_text(value: Any, folder: Path) -> str:
    if not isinstance(value, str | int | Path) or isinstance(value, bool) or not str(value):
        raise ValueError(f"expected a text, got {value!r}")
    return str(value)


def a_secret(value: Any, folder: Path) -> str:
    """A text that no message quotes."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a text, got a {type(value).__name__}")
    return value


def texts(value: Any, folder: Path) -> list[str]:
    """A list, or one text with commas between, or one number."""
    items = value.split(",") if isinstance(value, str) else value
    listed = items if isinstance(items, list | tuple) else [items]
    return [a_text(item, folder).strip() for item in listed]


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


def a_scale(value: Any, folder: Path) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"expected a number above 0, such as 60, got {value!r}")
    return number


def seconds(value: Any, folder: Path) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(f"expected a number of seconds, 0 or more, got {value!r}")
    return number


def a_duration(value: Any, folder: Path) -> float:
    """Seconds, or ``90s``, ``5m``, ``1h``."""
    found = DURATION.fullmatch(str(value).strip())
    if found is None or not float(found[1]):
        raise ValueError(f"expected a duration such as 90s, 5m or 1h, got {value!r}")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def whole(least: int) -> Reader:
    def read(value: Any, folder: Path) -> int:
        text = str(value)
        if not (text.isascii() and text.isdecimal()) or int(text) < least:
            raise ValueError(f"expected a whole number, {least} or more, got {value!r}")
        return int(text)

    return read


def a_size(value: Any, folder: Path) -> int:
    """Bytes, or ``80GiB``, ``80Gi``, ``80GB``."""
    found = SIZE.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"expected a size in bytes or such as 80GiB, got {value!r}")
    return int(float(found[1]) * BYTES[found[2] or ""])


def a_port(value: Any, folder: Path) -> int:
    text = str(value)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ValueError(f"expected a port, 1 to 65535, got {value!r}")
    return int(text)


def one_of(*allowed: str) -> Callable[[Any, Path], str]:
    def read(value: Any, folder: Path) -> str:
        if value not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}, got {value!r}")
        return str(value)

    return read


def networks(value: Any, folder: Path) -> tuple[IPv4Network, ...]:
    try:
        return tuple(IPv4Network(text) for text in texts(value, folder))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"expected IPv4 networks such as 10.77.0.0/16, got {value!r} ({error})"
        ) from error


def pairs(value: Any, folder: Path) -> dict[str, str]:
    """A table, or ``FROM=TO`` texts. The last ``=`` divides: paths like ``dt=2026/`` are Uris."""
    if isinstance(value, Mapping):
        return {str(source): a_text(target, folder) for source, target in value.items()}
    divided = {text: text.rpartition("=") for text in texts(value, folder)}
    if bad := next((text for text, (a, _, b) in divided.items() if not (a and b)), None):
        raise ValueError(f"expected FROM=TO, got {bad!r}")
    return {source: target for source, _, target in divided.values()}


def places(value: Any, folder: Path) -> tuple[Path, ...]:
    return tuple(a_folder(place, folder) for place in texts(value, folder))


def folders(value: Any, folder: Path) -> dict[str, Path]:
    return {source: a_folder(target, folder) for source, target in pairs(value, folder).items()}


def a_sample(value: Any, folder: Path) -> Sample:
    """``100files``, ``512MB``, ``1.5GiB`` or ``1%``."""
    found = SAMPLE.fullmatch(str(value).strip())
    amount = float(found[1]) if found else 0.0
    if found is None or not amount:
        raise ValueError(f"expected a sample such as 100files, 512MB or 1%, got {value!r}")
    if found[2] == "%" and amount > 100:
        raise ValueError(f"expected at most 100% as a sample, got {value!r}")
    if found[2] == "%":
        return Sample(share=amount / 100)
    if found[2].lower().startswith("file"):
        return Sample(files=max(1, int(amount)))
    unit = (found[3] or "").upper().replace("I", "i")
    return Sample(bytes=int(amount * BYTES[unit]))
