"""The sanity check on the fake engine: when it is made, what it says, how it is stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from given import JOB_ID, request

from localdlc.config import Config
from localdlc.errors import EngineUnavailable
from localdlc.job.result import Result
from localdlc.record.events import Note, Record, StatusChanged
from localdlc.run.control import Control
from localdlc.run.fake_engine import FakeEngine, FakeReplica
from localdlc.service import Service

pytestmark = pytest.mark.usefixtures("alone")
PATIENCE = 20.0
CHECKED: dict[str, Any] = {"Settings": {"EnableSanityCheck": True}}


def run(
    home: Path,
    engine: FakeEngine,
    told: list[Record],
    on_event: Callable[[Record, Control], object] = lambda record, control: None,
    **members: Any,
) -> Result:
    control = Control()

    def listen(record: Record, _: object) -> None:
        told.append(record)
        on_event(record, control)

    body = json.dumps(request({"Worker": 10}, **members)).encode()
    service = Service(Config(home), engine)
    return service.create_job(body, job_id=JOB_ID, listeners=[listen], control=control)


def statuses(told: list[Record]) -> list[str]:
    return [r.event.to for r in told if isinstance(r.event, StatusChanged)]


def notes(told: list[Record]) -> list[str]:
    return [r.event.text for r in told if isinstance(r.event, Note)]


def test_the_places_of_some_replicas_are_tried_before_any_starts(tmp_path: Path) -> None:
    told: list[Record] = []
    tried: list[str] = []
    began: list[int] = []

    def trains(replica: FakeReplica) -> int:
        began.append(len(tried))
        return 0

    def tries(replica: FakeReplica) -> int:
        tried.append(replica.spec.ip)
        assert len(replica.spec.command) == 4 + 1 + 7
        return 0

    engine = FakeEngine(trains, errands=tries)
    assert run(tmp_path / "home", engine, told, **CHECKED).status == "Succeeded"
    assert statuses(told) == ["Creating", "EnvPreparing", "SanityChecking", "Running", "Succeeded"]
    assert (len(tried), set(began)) == (8, {8})
    assert any("fake 1 answers; the places of 8 of 10 replicas reach" in t for t in notes(told))
    assert (engine.containers, engine.networks) == ({}, {})


def test_nothing_is_checked_unasked(tmp_path: Path) -> None:
    told: list[Record] = []
    run(tmp_path / "home", FakeEngine(lambda _: 0), told)
    assert "SanityChecking" not in statuses(told)


def test_a_place_that_cannot_be_reached_fails_the_job_before_it_runs(tmp_path: Path) -> None:
    told: list[Record] = []

    def cannot(replica: FakeReplica) -> int:
        if replica.spec.hostname.endswith("-3"):
            replica.write(b"the others cannot be reached\n")
            return 1
        return 0

    engine = FakeEngine(lambda _: 0, errands=cannot)
    with pytest.raises(EngineUnavailable, match="worker-3: the others cannot be reached"):
        run(tmp_path / "home", engine, told, **CHECKED)
    assert statuses(told) == ["Creating", "EnvPreparing", "SanityChecking", "Failed"]
    assert (engine.containers, engine.networks) == ({}, {})


def test_an_image_without_python_is_no_fault_of_the_job(tmp_path: Path) -> None:
    told: list[Record] = []

    def tries(replica: FakeReplica) -> int:
        if replica.spec.hostname.endswith("-3"):
            return 127
        replica.wait_for_signal(PATIENCE)  # for a peer that will never answer
        return 1

    engine = FakeEngine(lambda _: 0, errands=tries)
    assert run(tmp_path / "home", engine, told, **CHECKED).status == "Succeeded"
    assert statuses(told) == ["Creating", "EnvPreparing", "SanityChecking", "Running", "Succeeded"]
    [said] = [text for text in notes(told) if "sanity check" in text]
    assert said.endswith("replicas reach each other was not tried: no python3 in img:1.")


def test_a_check_can_be_stopped(tmp_path: Path) -> None:
    told: list[Record] = []

    def hangs(replica: FakeReplica) -> int:
        while True:
            replica.wait_for_signal(PATIENCE)

    def stop(record: Record, control: Control) -> None:
        if isinstance(record.event, StatusChanged) and record.event.to == "SanityChecking":
            control.stop("SIGINT")

    engine = FakeEngine(lambda _: 0, errands=hangs)
    assert run(tmp_path / "home", engine, told, stop, **CHECKED).status == "Stopped"
    assert (engine.containers, engine.networks) == ({}, {})
