"""Faults to rehearse: what is to befall which replica, and when.

``worker-1:kill@30s`` is 30 s after that replica has started, ``worker-0:preempt@step=200`` when it
has written ``step=200``, and ``worker-0:net-delay=100ms`` as soon as it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localdlc.errors import UsageError
from localdlc.record.names import short

__all__ = ["ACTIONS", "Fault", "faults"]

ACTIONS = {
    "kill": "is killed (SIGKILL)",
    "preempt": "is pre-empted: SIGTERM, and SIGKILL after the grace period",
    "oom": "runs out of memory",
    "pause": "is paused",
    "net-cut": "is cut off from its network",
    "net-delay": "sends everything later",
}
# Which may, and which must, say how long.
MAY = frozenset({"pause", "net-cut"})
MUST = frozenset({"net-delay"})

# Seconds: no clock can be set for longer than some hundred years.
LONGEST = 1e9
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
FORM = re.compile(r"([^:@]+):([a-z-]+)(?:=([^@]*))?(?:@(.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fault:
    """``text`` is how it was asked for; ``seconds`` how long it lasts, or is the delay.

    It comes ``after`` so many seconds of its replica, or once that has written ``pattern``.
    """

    text: str
    pod_id: str
    action: str
    seconds: float | None = None
    after: float = 0.0
    pattern: str = ""

    @property
    def words(self) -> str:
        """What becomes of the replica, after its name."""
        if self.action == "net-delay":
            return f"{ACTIONS[self.action]}, by {1000 * (self.seconds or 0):g} ms"
        lasts = f" for {self.seconds:g} s" if self.seconds is not None else ""
        return f"{ACTIONS[self.action]}{lasts}"

    def heard_in(self, output: str) -> bool:
        """Whether the output has the pattern, as a word of its own: 200 is not in 2000."""
        if not self.pattern:
            return False
        return bool(re.search(rf"(?<!\w){re.escape(self.pattern)}(?!\w)", output))


def faults(asked: Iterable[str], job_id: str, pods: Sequence[str]) -> tuple[Fault, ...]:
    """Reads them all. Raises `UsageError` with all that is wrong and what there is."""
    found, wrongs = [], []
    for text in asked:
        try:
            found.append(fault(text, job_id, pods))
        except UsageError as error:
            wrongs.append(str(error))
    if wrongs:
        raise UsageError("\n".join(wrongs))
    return tuple(found)


def fault(text: str, job_id: str, pods: Sequence[str]) -> Fault:
    form = FORM.fullmatch(text)
    if form is None:
        raise wrong(text, "it must be REPLICA:ACTION@WHEN, as in worker-1:kill@30s")
    replica, action, value, when = form.groups()
    pod_id = f"{job_id}-{replica}"
    if pod_id not in pods:
        names = ", ".join(short(pod, job_id) for pod in pods)
        raise wrong(text, f"there is no replica {replica}; there are: {names}")
    if action not in ACTIONS:
        raise wrong(text, f"there is no {action}; there are: {', '.join(ACTIONS)}")
    seconds = duration(text, action, value)
    at = TIME.fullmatch(when or "0s")
    if at:
        return Fault(text, pod_id, action, seconds, after=spelled(at))
    return Fault(text, pod_id, action, seconds, pattern=when)


def duration(text: str, action: str, value: str | None) -> float | None:
    if value is None:
        if action in MUST:
            raise wrong(text, f"{action} needs a time, as in {action}=100ms")
        return None
    given = TIME.fullmatch(value)
    if action not in MAY | MUST:
        raise wrong(text, f"{action} takes no value")
    if given is None:
        raise wrong(text, f"{value!r} is no time such as 100ms, 30s or 2m")
    return spelled(given)


def spelled(time: re.Match[str]) -> float:
    return min(float(time[1]) * UNITS[time[2]], LONGEST)


def wrong(text: str, why: str) -> UsageError:
    return UsageError(f"the fault {text!r} cannot be rehearsed: {why}.")
