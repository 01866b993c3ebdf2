"""AIMaster's arguments (``Settings.ErrorMonitoringArgs``), as far as they have a meaning here.

Source: PAI's page on AIMaster; the older names of its log-silence flags are in the SDK's examples.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from localdlc.spec.problems import quoted

__all__ = ["Arguments", "arguments", "flaws", "strays"]

SWITCHES = (
    "--enable-job-restart",
    "--enable-job-hang-detection",
    "--enable-log-hang-detection",
)
NUMBERS = (
    "--max-num-of-job-restart",
    "--job-hang-interval",
    "--log-hang-interval-in-seconds",
)
RESTARTS = 3
SILENCE = 1800.0
MODES = ("--job-execution-mode", "--execution-mode")

NUMBER = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Arguments:
    """Defaults are AIMaster's. ``silence`` is in seconds; ``others`` have no effect here.

    ``together``: the training is synchronous, so one failure restarts all replicas.
    """

    restart: bool = False
    restarts: int = RESTARTS
    together: bool = True
    detect_silence: bool = False
    silence: float = SILENCE
    others: tuple[str, ...] = ()


def arguments(text: str) -> Arguments:
    """Takes a text without `flaws`."""
    given = pairs(text)
    known = {*SWITCHES, *NUMBERS, *MODES}
    return Arguments(
        restart=on(given.get("--enable-job-restart", "false")),
        restarts=int(given.get("--max-num-of-job-restart", RESTARTS)),
        together=not any(given.get(name, "").lower() == "async" for name in MODES),
        detect_silence=any(on(given.get(name, "false")) for name in SWITCHES[1:]),
        silence=float(
            given.get("--job-hang-interval")
            or given.get("--log-hang-interval-in-seconds")
            or SILENCE
        ),
        others=tuple(name for name in given if name not in known),
    )


def flaws(text: str) -> list[str]:
    """A sentence for each argument that cannot be read."""
    given = pairs(text)
    found = strays(text)
    for name, value in given.items():
        if name in SWITCHES and value.lower() not in {"", "true", "false"}:
            found.append(f"{name} is true or false, not {quoted(value)}")
        if name in NUMBERS and not (NUMBER.fullmatch(value) and int(value)):
            found.append(f"{name} is a whole number, 1 to 999999999, not {quoted(value)}")
        if name in MODES and value.lower() not in {"sync", "async"}:
            found.append(f"{name} is Sync or Async, not {quoted(value)}")
    return found


def on(value: str) -> bool:
    """A switch that stands alone is on."""
    return value.lower() in {"", "true"}


def pairs(text: str) -> dict[str, str]:
    """``--name value`` and ``--name=value``; "" where no value follows."""
    found: dict[str, str] = {}
    name = ""
    for word in text.split():
        if word.startswith("--"):
            name, _, value = word.partition("=")
            found[name] = value
        elif name and not found[name]:
            found[name] = word
    return found


def strays(text: str) -> list[str]:
    """A sentence for each word that is neither a name nor the one value of the one before it."""
    found, room = [], False
    for word in text.split():
        if word.startswith("--"):
            room = "=" not in word
        elif room:
            room = False
        else:
            found.append(f"{quoted(word)} is no argument: --name value")
    return found
