"""The sentences of problems, so that all rules speak with one voice.

No sentence quotes a value but a plain word where the API has a fixed list of them: variables,
passwords and tokens never reach a message.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from localdlc.errors import InvalidRequest, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["invalid", "missing", "nearest", "note", "one_of", "quoted", "refusal", "unsupported"]

_LONGEST_QUOTE = 40


def invalid(path: str, sentence: str) -> Problem:
    """Report a value that breaks a rule."""
    return Problem(path, "InvalidParameter", sentence)


def missing(path: str, sentence: str = "is required") -> Problem:
    """Report that a member must be there."""
    return Problem(path, "MissingParameter", sentence)


def unsupported(path: str, sentence: str) -> Problem:
    """Report a valid value that is not emulated."""
    return Problem(path, "UnsupportedOperation", sentence)


def note(path: str, sentence: str) -> Problem:
    """Worth saying, but nothing wrong."""
    return Problem(path, "Note", sentence)


def one_of(
    path: str,
    value: str | None,
    allowed: Sequence[str],
    synonyms: Mapping[str, str] | None = None,
) -> Iterator[Problem]:
    """Report a word that is none of the API's, with the one that was probably meant."""
    if value is None or value in allowed:
        return
    meant = (synonyms or {}).get(value.lower()) or nearest(value, allowed)
    hint = f"; did you mean {meant}?" if meant else ""
    yield invalid(path, f"{quoted(value)} is not one of {', '.join(allowed)}{hint}")


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Find what a mistyped word probably means: first by case alone, then by likeness."""
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(word[:_LONGEST_QUOTE].lower(), by_lower, n=1, cutoff=0.7)
    return by_lower.get(word.lower()) or (by_lower[close[0]] if close else None)


def quoted(word: str) -> str:
    """Put a word between quotes, cut to a length that fits a line."""
    return ascii(word if len(word) <= _LONGEST_QUOTE else word[:_LONGEST_QUOTE] + "...")


def refusal(problems: Sequence[Problem], notes: Sequence[Problem] = ()) -> InvalidRequest:
    """Make the error that carries these problems, and what is worth saying beside them."""
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    return InvalidRequest(f"the request has {count}", tuple(problems), tuple(notes))
