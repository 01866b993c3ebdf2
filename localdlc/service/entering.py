"""A replica, to be entered: the container in which it runs, or another one like what it left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localdlc.errors import BadRequest, NotFound
from localdlc.record.names import short
from localdlc.record.store import home_digest
from localdlc.record.view import JobView, ReplicaView
from localdlc.run.engine import Engine, Leftover

__all__ = ["SHELL", "entered"]

# What is run where nothing else is asked for.
SHELL = ("/bin/sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi")


@contextmanager
def entered(
    engine: Engine, home: Path, view: JobView, plan: Mapping[str, Any], pod: str
) -> Iterator[str]:
    """The container that can be entered. Raises `NotFound`, `BadRequest`.

    ``pod`` may be short, such as ``worker-0``.
    """
    replica = chosen(view, plan, pod)
    name = replica.pod_id if replica.attempt == 1 else f"{replica.pod_id}-{replica.attempt}"
    there = find(engine.leftovers(home_digest(home)), name)
    if there is None:
        raise BadRequest(f"{name} cannot be entered: {why_not(view, replica)}")
    if there.state == "running":
        yield there.id
        return
    if there.state != "exited":
        raise BadRequest(f"{name} cannot be entered: its container is {there.state}.")
    from localdlc.service.reviving import revived

    with revived(engine, there.id, name) as container:
        yield container


def chosen(view: JobView, plan: Mapping[str, Any], pod: str) -> ReplicaView:
    known = [replica["pod_id"] for replica in plan["replicas"]]
    for name in (pod, f"{view.job_id}-{pod}"):
        if name in known:
            return view.replicas.get(name) or ReplicaView(name)
    there = ", ".join(short(name, view.job_id) for name in known)
    raise NotFound(f"{view.job_id} has no replica {pod}; there are: {there}.")


def find(leftovers: tuple[Leftover, ...], name: str) -> Leftover | None:
    return next((t for t in leftovers if (t.kind, t.name) == ("container", name)), None)


def why_not(view: JobView, replica: ReplicaView) -> str:
    if view.terminal:
        return (
            f"the job has ended ({view.status}) and its containers are gone. "
            "`run --keep failed` keeps those of replicas that fail."
        )
    return f"it is {replica.status} and has no container."
