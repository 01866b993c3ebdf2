"""Settings.EnableSanityCheck on a real engine."""

from __future__ import annotations

import pytest
from engines import CommandLine, job

pytestmark = pytest.mark.engine


def test_replicas_reach_each_other_before_they_start(localdlc: CommandLine) -> None:
    body = job("echo trains", {"Worker": 3}, Settings={"EnableSanityCheck": True})
    done = localdlc.run(body, "-o", "json")
    assert done.code == 0
    assert [event["to"] for event in done.of("StatusChanged")] == [
        "Creating",
        "EnvPreparing",
        "SanityChecking",
        "Running",
        "Succeeded",
    ]
    [note] = [event["text"] for event in done.of("Note") if "sanity" in event["text"]]
    assert note.endswith("the places of 3 replicas reach each other by name.")
