"""Secrets out of everything that is shown or stored, by value."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from localdlc.errors import Problem

if TYPE_CHECKING:
    from localdlc.record.events import Event

__all__ = ["MASK", "Mask", "without_logins"]

MASK = "***"

# Members of events that hold our own words. A secret that happens to be "worker" or "Running" must
# not change who a replica is or which status a job has.
OURS = frozenset(
    {"pod_id", "pod_uid", "container_id", "ip", "deciding_replica", "names", "signal", "stream"}
    | {"from_", "to", "status", "reason_code", "kind", "job_type", "by"}
)

# Shorter values ("1", "true", "root") are in every other line; hiding them would hide the log.
# They are still masked wherever their name is known.
SHORTEST = 6


class Mask:
    """Replaces secret values, longest first so that none survives as part of another."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values: list[str] = []
        self._bytes: list[bytes] = []
        self.learn(values)

    def learn(self, values: Iterable[str]) -> None:
        """More secrets, from any thread: keys that were fetched, for example."""
        # Output comes line by line, so each line of a key file is a secret of its own; the newline
        # at its end is none, and ends a line that would be lost without it.
        lines = {line for v in values for line in (v.strip("\r\n"), *v.splitlines())}
        spelled = {form for line in lines if len(line) >= SHORTEST for form in spellings(line)}
        chosen = {*self._values, *spelled}
        self._values = sorted(chosen, key=lambda value: (-len(value), value))
        self._bytes = [value.encode() for value in self._values]

    def text(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, MASK)
        return text

    def data(self, data: bytes) -> bytes:
        """Of as many lines as before: they are counted when an output is resumed."""
        for value in self._bytes:
            hidden = b"\n".join([MASK.encode()] * (value.count(b"\n") + 1))
            data = data.replace(value, hidden)
        return data

    def begun(self, data: bytes) -> int:
        """How many bytes at the end of ``data`` may be the beginning of a secret."""
        longest = max(map(len, self._bytes), default=1) - 1
        sizes = range(min(longest, len(data)), 0, -1)
        ends = (size for size in sizes if any(v.startswith(data[-size:]) for v in self._bytes))
        return next(ends, 0)

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """No error leaves with a secret in it."""
        try:
            yield
        except Exception as error:
            self.exception(error)
            raise

    def exception(self, error: BaseException) -> None:
        """Every text in an error, and in what it came from, masked where it is."""
        seen: list[BaseException] = []
        cause: BaseException | None = error
        while cause is not None and cause not in seen:
            seen.append(cause)
            cause.args = self.value(cause.args)
            for name in (*vars(cause), "strerror", "filename"):  # OSError keeps these elsewhere
                if value := getattr(cause, name, None):
                    setattr(cause, name, self.value(value))
            cause = cause.__cause__ or cause.__context__

    def event(self, event: Event) -> Event:
        """The event with every text in it masked, our own words aside."""
        if not self._values:
            return event
        members = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
        masked = {k: v if k in OURS else self.value(v) for k, v in members.items()}
        return dataclasses.replace(event, **masked)

    def value(self, value: Any) -> Any:
        """Any JSON-like value, masked throughout."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.data(value)
        if isinstance(value, dict):
            return {key: self.value(member) for key, member in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self.value(member) for member in value)
        if isinstance(value, Problem):
            return Problem(self.text(value.path), value.code, self.text(value.message))
        return value


def spellings(secret: str) -> set[str]:
    """A secret as it is, in a URL, and in JSON."""
    return {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}


# `?OSSAccessKeyId=…&Signature=…&security-token=…`: who holds such an address may read the object.
SIGNED = re.compile(r"(?i)([?&][\w-]*(?:signature|token|key|credential|secret)[\w-]*=)[^&\s'\")]+")
LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


def without_logins(text: str) -> str:
    """A text of whoever's making without what addresses carry: logins, and signatures."""
    return LOGIN.sub(f"{MASK}@", SIGNED.sub(rf"\1{MASK}", text))
