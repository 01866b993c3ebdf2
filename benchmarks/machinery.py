"""What a run costs beside its engine: a job on the fake one. A program of its own.

``python -m benchmarks.machinery REPLICAS EVENTS``: so many replicas sleep, and write now and then
until there are so many events; each is decided on and folded, as in any run. Prints the seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localdlc.plan.model import Plan
    from localdlc.record.events import Event
    from localdlc.record.view import JobView
    from localdlc.run.fake_engine import FakeReplica

__all__ = ["Folded", "planned", "ran", "writer"]


def planned(replicas: int) -> Plan:
    """A PyTorchJob of one Master and Workers that start after it."""
    from localdlc.config import Config
    from localdlc.plan.build import build_plan
    from localdlc.plan.resources import Host
    from localdlc.spec import read_request

    roles = [{"Type": "Master", "PodCount": 1}, {"Type": "Worker", "PodCount": replicas - 1}]
    body = {
        "DisplayName": "machinery",
        "JobType": "PyTorchJob",
        "JobSpecs": [{**role, "Image": "image"} for role in roles],
        "UserCommand": "sleep 1",
    }
    asked = read_request(json.dumps(body).encode())
    return build_plan(asked.request, Config(Path("/home")), "dlc0", Host(64, 1 << 40))


def writer(lines: int) -> Callable[[FakeReplica], int]:
    """Lines of one stream that wait in a row are one event; so it writes to both in turn."""

    def sleeps(replica: FakeReplica) -> int:
        for n in range(lines):
            replica.write(b"step\n", "stderr" if n % 2 else "stdout")
        return 0

    return sleeps


class Folded:
    """Takes events as a journal does, and counts them."""

    def __init__(self) -> None:
        from localdlc.record.view import JobView

        self.view: JobView = JobView()
        self.count = 0

    def __call__(self, event: Event) -> None:
        from localdlc.record.events import Record
        from localdlc.record.view import after

        self.view = after(self.view, Record(self.count, datetime.now(UTC), "dlc0", event))
        self.count += 1


def ran(replicas: int, events: int) -> Folded:
    """The job, at its end. What each replica writes leaves room for its start and its end."""
    from localdlc.run.fake_engine import FakeEngine
    from localdlc.run.settings import Settings
    from localdlc.run.supervisor import Supervisor

    folded = Folded()
    engine = FakeEngine(writer(events // replicas - 2))
    settings = Settings("home", [IPv4Network("10.0.0.0/16")])
    Supervisor(planned(replicas), engine, folded, settings).run()
    return folded


def main() -> None:
    replicas, events = map(int, sys.argv[1:])
    ran(2, 10)  # imports are not what is measured
    began = time.perf_counter()
    folded = ran(replicas, events)
    seconds = time.perf_counter() - began
    if folded.view.status != "Succeeded" or folded.count < 0.9 * events:
        raise SystemExit(f"{folded.view.status} after {folded.count} events")
    print(seconds)


if __name__ == "__main__":
    main()
