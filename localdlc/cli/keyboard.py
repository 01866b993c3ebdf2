"""What keys do while a job is shown in a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from localdlc.spawning import spawn
from localdlc.terminal.keys import Keys

if TYPE_CHECKING:
    from localdlc.run.control import Control
    from localdlc.service.looking import Looking
    from localdlc.terminal.live import LivePrinter

__all__ = ["keyboard_of"]

# Only then has the job all its containers, and somebody else can carry on with it.
LEAVABLE = frozenset({"Running", "SucceededReserving", "FailedReserving"})


def keyboard_of(live: LivePrinter, control: Control, jobs: Looking) -> Keys:
    """The keys of a live view; enter it to have them heard."""
    home = str(jobs.config.home)
    wishes = 0

    def stop() -> None:
        """The first time it stops the job, the second kills it."""
        nonlocal wishes
        wishes += 1
        if wishes == 1:
            control.stop("q")
        else:
            control.kill()

    def detach() -> None:
        """Another process carries on as soon as this one, and with it its lock, is gone."""
        job_id, status = live.view.job_id, live.view.status
        if status not in LEAVABLE:
            live.say(f"  a job can be left while it runs; this one is {status or 'not there'} yet")
            return
        live.say("  leaving the job to itself")
        spawn("carry-on", home, job_id, str(os.getpid())).loaded()
        live.__exit__()
        keys.__exit__()
        sys.stderr.write(f"{job_id} goes on by itself; `localdlc logs -f {job_id}` follows it\n")
        sys.stderr.flush()
        os._exit(0)

    def shell() -> None:
        """A shell in the replica whose logs are shown, or else the first that runs."""
        pod = live.watched
        if pod is None:
            live.say("  no replica runs yet")
            return
        with live.aside(), keys.aside():
            sys.stderr.write(f"a shell in {pod}; exit leaves it\n")
            sys.stderr.flush()
            command = (sys.executable, "-m", "localdlc", "exec", "--home", home)
            subprocess.run((*command, live.view.job_id, pod), check=False)

    bound = {"q": stop, "f": live.filter, "d": detach, "s": shell}
    keys = Keys(sys.stdin.fileno(), bound)
    return keys
