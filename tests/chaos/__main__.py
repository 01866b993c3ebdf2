"""Plays scenarios until so many strikes have hit: ``python -m chaos --seed N --kills 200``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import docker
from daemons import Daemon

from chaos.runner import play
from chaos.scenario import scenario


def main() -> int:
    """Exit code 1 if something does not hold; its seed brings it about again (``--kills 1``)."""
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200)
    asked = parser.parse_args()
    struck: Counter[str] = Counter()
    wrong = 0
    with engine() as daemon:
        for seed in count(asked.seed):
            with tempfile.TemporaryDirectory(prefix="localdlc-chaos-") as folder:
                outcome = play(scenario(seed), daemon, Path(folder))
            struck.update(outcome.struck)
            wrong += len(outcome.complaints)
            say(f"seed {seed}: {', '.join(outcome.struck) or 'nothing hit'}", *outcome.complaints)
            if struck.total() >= asked.kills:
                break
    say(f"{struck.total()} kills ({dict(struck)}), {wrong} complaints")
    return 1 if wrong else 0


@contextmanager
def engine() -> Iterator[Daemon]:
    daemon = Daemon()
    try:
        daemon.begin()
        daemon.load(docker.APIClient(version="auto"))
        daemon.end()
        yield daemon
    finally:
        daemon.remove()


def say(*lines: str) -> None:
    sys.stdout.write("\n  ".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
