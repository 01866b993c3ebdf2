"""Programs of ours in other people's images: run by whatever Python there is.

Such a program is a module that is plain and needs nothing; its text travels in the command.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

__all__ = ["NO_PYTHON", "in_any_python"]

RUN = 'exec "$(command -v python3 || command -v python)" -c "$0" "$@"'
# What the shell ends with where there is none.
NO_PYTHON = frozenset({126, 127})


def in_any_python(program: ModuleType, *arguments: str, before: str = "") -> tuple[str, ...]:
    """The command; ``before`` are shell lines that come first."""
    return ("/bin/sh", "-c", before + RUN, Path(str(program.__file__)).read_text(), *arguments)
