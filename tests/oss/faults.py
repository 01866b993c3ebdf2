"""What may go wrong on demand. Each fault has its place on an answer's way to the wire.

To which requests one applies is said when it is added: ``faults.add(Cut(at=100), key="*.bin")``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from threading import Event, Lock
from typing import Any, TypeVar

from .messages import Answer, Request
from .objects import Bucket
from .refusal import Refusal

PATIENCE = 60.0
AnyFault = TypeVar("AnyFault", bound="Fault")


class Severed(Exception):
    """The connection is to end here; ``reset`` as if the peer had crashed."""

    def __init__(self, reset: bool) -> None:
        self.reset = reset


@dataclass(slots=True)
class Fault:
    """By default nothing is wrong."""

    def before(self, request: Request, bucket: Bucket | None) -> None:
        """May raise a `Refusal`, or change what is in the bucket."""

    def answer(self, answer: Answer) -> Answer:
        return answer

    def sent(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The body on its way; may raise `Severed`."""
        return blocks


@dataclass(slots=True)
class Refuse(Fault):
    """500, 503 or 403, whatever the request deserved."""

    status: int = 500
    code: str = "InternalError"

    def before(self, request: Request, bucket: Bucket | None) -> None:
        raise Refusal(self.status, self.code, "This was ordered by a test.")


@dataclass(slots=True)
class Change(Fault):
    """The object gets another content just before the request is answered."""

    content: bytes = b"changed"

    def before(self, request: Request, bucket: Bucket | None) -> None:
        if bucket:
            bucket.put(request.key, self.content)


@dataclass(slots=True)
class Spoil(Fault):
    """A wrong ``etag`` or ``crc`` in the headers, or wrong bytes in the body (``byte``)."""

    what: str

    def answer(self, answer: Answer) -> Answer:
        headers = dict(answer.headers)
        if self.what == "etag" and "ETag" in headers:
            headers["ETag"] = '"00000000000000000000000000000000"'
        if self.what == "crc" and "x-oss-hash-crc64ecma" in headers:
            headers["x-oss-hash-crc64ecma"] = "1"
        return replace(answer, headers=headers)

    def sent(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            yield bytes([block[0] ^ 1]) + block[1:] if self.what == "byte" else block


@dataclass(slots=True)
class Short(Fault):
    """A body of the first ``at`` bytes that passes for the whole: a listing that breaks off."""

    at: int

    def answer(self, answer: Answer) -> Answer:
        return replace(answer, body=b"".join(answer.blocks())[: self.at])


@dataclass(slots=True)
class Cut(Fault):
    """The connection ends after ``at`` bytes of the body, by a ``reset`` or as if in order."""

    at: int
    reset: bool = True

    def sent(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        first, rest = split(blocks, self.at)
        yield first
        if next(rest, None) is not None:
            raise Severed(self.reset)


@dataclass(slots=True)
class Drip(Fault):
    """A slow body: ``size`` bytes, then a pause of ``seconds``, and so on."""

    size: int = 1024
    seconds: float = 0.01

    def sent(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        pause = Event()
        for block in blocks:
            for start in range(0, len(block), self.size):
                yield block[start : start + self.size]
                pause.wait(self.seconds)


@dataclass(slots=True)
class Hold(Fault):
    """Stands still after ``at`` bytes until a test says `release`. ``reached`` is set by then."""

    at: int = 0
    reached: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def sent(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        first, rest = split(blocks, self.at)
        yield first
        self.reached.set()
        self.released.wait(PATIENCE)
        yield from rest

    def release(self) -> None:
        self.released.set()


def split(blocks: Iterable[bytes], at: int) -> tuple[bytes, Iterator[bytes]]:
    """The first ``at`` bytes, and the blocks that hold the rest."""
    blocks = iter(blocks)
    first = b""
    while len(first) < at and (block := next(blocks, b"")):
        first += block
    tail = first[at:]

    def rest() -> Iterator[bytes]:
        if tail:
            yield tail
        yield from blocks

    return first[:at], rest()


@dataclass(slots=True)
class Order:
    """A fault and the requests that it is for; ``met`` counts those that fitted."""

    fault: Fault
    operation: str
    key: str
    skip: int
    every: int
    times: int | None
    met: int = 0

    def takes(self, operation: str, key: str) -> bool:
        """Counts a request, and says whether it is to suffer."""
        if not (fnmatchcase(operation, self.operation) and fnmatchcase(key, self.key)):
            return False
        self.met += 1
        turn, off = divmod(self.met - self.skip, self.every)
        return turn >= 1 and not off and (self.times is None or turn <= self.times)


@dataclass(slots=True)
class Faults:
    """Everything that was ordered."""

    orders: list[Order] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(
        self,
        fault: AnyFault,
        *,
        operation: str = "*",
        key: str = "*",
        skip: int = 0,
        every: int = 1,
        times: int | None = None,
    ) -> AnyFault:
        """Orders ``fault``: after ``skip`` requests that fit, each ``every`` th, ``times`` times.

        ``operation`` (such as ``GetObject``, ``List*``) and ``key`` are patterns.
        """
        with self.lock:
            self.orders.append(Order(fault, operation, key, skip, every, times))
        return fault

    def of(self, operation: str, key: str) -> list[Fault]:
        """Those that this request has to suffer."""
        with self.lock:
            return [order.fault for order in self.orders if order.takes(operation, key)]

    def clear(self) -> None:
        with self.lock:
            for order in self.orders:
                if isinstance(order.fault, Hold):
                    order.fault.release()
            self.orders.clear()


NAMED: dict[str, type[Fault]] = {
    kind.__name__: kind for kind in (Refuse, Change, Spoil, Short, Cut, Drip)
}


def order_from(told: dict[str, Any], faults: Faults) -> None:
    """``{"fault": "Cut", "with": {"at": 100}, "key": "*.bin", "times": 1}``"""
    fault = NAMED[told.pop("fault")](**told.pop("with", {}))
    faults.add(fault, **told)
