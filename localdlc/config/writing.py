"""Datasets and code sources as the text that registers them in a localdlc.toml."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from localdlc.config.model import CodeSource, Dataset
from localdlc.errors import UsageError

__all__ = ["as_toml", "write"]


def as_toml(datasets: Mapping[str, Dataset], code_sources: Mapping[str, CodeSource]) -> str:
    """A table each. A token is left out: this text is for a file that is shared."""
    tables = [
        *(table(f"datasets.{quoted(id_)}", known) for id_, known in datasets.items()),
        *(table(f"code_sources.{quoted(id_)}", known) for id_, known in code_sources.items()),
    ]
    return "\n".join(tables)


def table(title: str, known: Dataset | CodeSource) -> str:
    lines = [f"[{title}]", *members(known)]
    if isinstance(known, CodeSource) and known.token:
        lines.append('# token = "…"  It has one, which is not written here.')
    return "\n".join(lines) + "\n"


def members(known: Dataset | CodeSource) -> Iterator[str]:
    for member in fields(known):
        value = getattr(known, "shown" if member.name == "repository" else member.name)
        if value != member.default and value and member.repr:
            yield f"{member.name} = {literal(value)}"


def literal(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{quoted(k)} = {literal(v)}" for k, v in value.items()) + " }"
    return str(value) if isinstance(value, int) else quoted(str(value))


def quoted(text: str) -> str:
    """A JSON string is a basic string of TOML."""
    return json.dumps(text)


def write(path: Path, text: str) -> None:
    """Adds ``text`` at the end of the file. Raises `UsageError` where it would not stand."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = f"{before.rstrip()}\n\n{text}" if before.strip() else text
    try:
        tomllib.loads(after)
    except ValueError as error:
        raise UsageError(f"{path} cannot take this at its end, add it yourself: {error}") from error
    path.write_text(after, encoding="utf-8")
