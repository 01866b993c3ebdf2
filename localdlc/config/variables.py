"""LOCALDLC_* variables that mean nothing: most often a setting that is misspelt."""

from __future__ import annotations

from collections.abc import Mapping

from localdlc.config.settings import SETTINGS

__all__ = ["strangers"]

PREFIX = "LOCALDLC_"
# Read elsewhere: where the configuration is, how the tests are run.
KNOWN = frozenset({f"{PREFIX}CONFIG"})
TESTS = f"{PREFIX}TEST_"


def strangers(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that looks like ours and is not looked at."""
    settings = [PREFIX + name.upper() for name in SETTINGS]
    named = sorted(name for name in environment if name.startswith(PREFIX))
    return [
        f"{name} has no effect: there is no such setting.{alike(name)}"
        for name in named
        if name not in KNOWN and name not in settings and not name.startswith(TESTS)
    ]


def alike(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), SETTINGS, 1)
    return f" Did you mean {PREFIX}{close[0].upper()}?" if close else ""
