"""How many examples a property is tried with: all, or a share where somebody waits for the end."""

from __future__ import annotations

import os

from hypothesis import settings

__all__ = ["tried"]

# `make test-fast` asks for a part of them, `make test` tries them all.
SHARE = float(os.environ.get("LOCALDLC_TEST_EXAMPLES", "1"))
LEAST = 10


def tried(times: int) -> settings:
    """At most so many examples, however long each takes."""
    return settings(max_examples=min(times, max(LEAST, round(times * SHARE))), deadline=None)
