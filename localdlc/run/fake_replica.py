"""A container of the fake engine, as its script sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from threading import Condition

from localdlc.run.engine import Answer, ContainerSpec, Exit, Stream

__all__ = ["FakeReplica", "FakeSession", "Killed"]


class Killed(BaseException):
    """Raised inside a script at its next step after SIGKILL."""


class FakeReplica:
    """What a script sees of its container."""

    def __init__(self, spec: ContainerSpec) -> None:
        self.spec = spec
        self._output: list[tuple[Stream, bytes]] = []
        self._changed = Condition()
        self._signals: list[str] = []
        self.end: Exit | None = None
        self.running = False
        self.paused = False
        self.cut_off = False
        self.executed: list[tuple[str, ...]] = []

    @property
    def env(self) -> Mapping[str, str]:
        """As an engine with GPUs adds to it which these are."""
        seen = {"NVIDIA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in self.spec.gpus)}
        return {**self.spec.env, **(seen if self.spec.gpus else {})}

    def write(self, data: bytes, stream: Stream = "stdout") -> None:
        """Output, as a process writes it: any bytes, whole lines or not."""
        with self._changed:
            self._go_on()
            self._output.append((stream, data))
            self._changed.notify_all()

    def wait_for_signal(self, timeout: float | None = None) -> str | None:
        """Sleeps until SIGTERM arrives; None when it did not in ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._signals), timeout)
            self._go_on()
            return self._signals.pop(0) if self._signals else None

    @property
    def state(self) -> str:
        if self.end:
            return "exited"
        return "running" if self.running else "created"

    def begin(self) -> None:
        """Also once more, after its end."""
        with self._changed:
            self.running, self.end = True, None
            self._signals.clear()

    def hold(self, *, paused: bool) -> None:
        with self._changed:
            self.paused = paused
            self._changed.notify_all()

    def _go_on(self) -> None:
        self._changed.wait_for(lambda: not self.paused or self.end is not None)
        if self.end or "SIGKILL" in self._signals:
            raise Killed

    def deliver(self, name: str) -> None:
        with self._changed:
            if not self.running or self.end:
                return
            self._signals.append(name)
            self.paused = False
            self._changed.notify_all()
            if name == "SIGKILL":
                self._finish(137)

    def finish(self, code: int, *, oom: bool = False) -> None:
        with self._changed:
            self._finish(code, oom=oom)

    def _finish(self, code: int, *, oom: bool = False) -> None:
        if self.end is None:
            self.end = Exit(code, oom, datetime.now(UTC))
            self._changed.notify_all()

    def wait(self) -> Exit:
        with self._changed:
            while self.end is None:
                self._changed.wait()
            return self.end

    def ended_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: bool(self.end) or not self.running, seconds)

    @property
    def written(self) -> int:
        """How many blocks of output there are."""
        return len(self._output)

    def blocks(self, first: int = 0) -> Iterator[tuple[Stream, bytes]]:
        """Its output from the block ``first`` on, until its end."""
        for number in count(first):
            with self._changed:
                self._changed.wait_for(lambda n=number: self.end or n < self.written)  # type: ignore[misc]
                if number >= self.written:
                    return
                block = self._output[number]
            yield block


class FakeSession:
    """What a command has said and how it ended; it hears nothing."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        yield "stdout", self._answer.output

    def send(self, data: bytes) -> None:
        """Nobody reads it."""

    def end_input(self) -> None:
        """Nobody reads it."""

    def resize(self, rows: int, columns: int) -> None:
        """There is no terminal."""

    def code(self) -> int:
        return self._answer.code

    def close(self) -> None:
        """There is nothing to give back."""
