"""Stacks of the Python processes in a container, taken from beside it.

A container may neither have py-spy nor the right to look into its own processes. So py-spy of this
machine, a program without dependencies, is mounted into a one-off container that shares the
replica's processes and may trace them.
"""

from __future__ import annotations

import secrets
import shutil
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from localdlc.errors import LocaldlcError, UsageError
from localdlc.plan.errand import Errand
from localdlc.plan.model import Mount
from localdlc.plan.pod import Rights
from localdlc.run.errands import Errands
from localdlc.why.stacks import MARK, Stack, read_stacks

__all__ = ["Stacks", "find_py_spy"]

PROGRAM = "/localdlc-py-spy"
HANDS = 8
# $0 is the program. Whatever is no Python is left aside.
SCRIPT = f"""\
for each in /proc/[0-9]*; do
  case $(readlink "$each/exe") in *python* | *pypy*) ;; *) continue ;; esac
  printf '\\{ord(MARK):03o}%s %s\\n' "${{each#/proc/}}" "$(tr '\\0\\n' '  ' <"$each/cmdline")"
  "$0" dump --json --pid "${{each#/proc/}}" 2>&1
done"""


def find_py_spy() -> str:
    """Where py-spy is on this machine. Raises `UsageError` when it is not installed."""
    places = sysconfig.get_path("scripts")
    found = shutil.which("py-spy", path=places) or shutil.which("py-spy")
    if found is None:
        raise UsageError(
            "--hang-timeout takes stacks with py-spy, which is not installed: "
            "pip install 'localdlc[debug]'."
        )
    return found


class Stacks:
    """Takes stacks of the replicas of one job. Safe to use from many threads."""

    def __init__(
        self, images: Mapping[str, str], errands: Errands, short: Callable[[str], str], program: str
    ) -> None:
        """``images`` are by PodId; ``short`` shortens one; ``program`` is py-spy."""
        self._images = images
        self._errands = errands
        self._short = short
        self._program = program

    def take(self, pod_id: str, container: str) -> list[Stack]:
        """What its Python processes do; the replica is short in it."""
        said: list[str] = []
        name = self._short(pod_id)
        errand = Errand(
            f"stacks-{secrets.token_hex(4)}-{name}",
            self._images[pod_id],
            ("/bin/sh", "-c", SCRIPT, PROGRAM),
            mounts=(Mount(self._program, PROGRAM, read_only=True),),
            user="0",
            rights=Rights(added=("SYS_PTRACE",)),
            processes=f"container:{container}",
        )
        try:
            self._errands.run(errand, said.append)
        except LocaldlcError as error:
            return [Stack(name, "", "", (f"(no stack: {error})",))]
        return list(read_stacks(name, said))

    def take_all(self, running: Mapping[str, str]) -> list[Stack]:
        """Of all of them, PodIds and their containers, side by side."""
        with ThreadPoolExecutor(HANDS, "localdlc-stacks") as hands:
            taken: Sequence[list[Stack]] = list(hands.map(self.take, running, running.values()))
        return [stack for stacks in taken for stack in stacks]
