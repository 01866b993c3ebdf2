"""``--debug-replica master-0[:PORT]``: a replica whose Python waits for a debugger.

debugpy of this machine is mounted into it, and started by a sitecustomize; the code stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from localdlc.errors import UsageError
from localdlc.plan import debug_hook, files
from localdlc.plan.debug_hook import HOOK, LIBRARY, PORT
from localdlc.plan.files import File
from localdlc.plan.model import Door, Mount, Plan, ReplicaPlan
from localdlc.record.names import short

__all__ = ["debugged", "launch"]

PACKAGE = f"{LIBRARY}/debugpy"
HIGHEST_PORT = 65535
# Else it warns of Python's frozen modules, which nobody debugs.
QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def debugged(plan: Plan, asked: Sequence[str], home: Path, debugpy: str) -> Plan:
    """The plan with each replica that is ``asked`` for waiting for a debugger.

    ``debugpy`` is the folder of that package. Raises `UsageError` for a replica that there is not,
    and for a port that is none or is asked for twice.
    """
    ports = dict(wanted(text, number, plan) for number, text in enumerate(asked))
    if len(set(ports.values())) < len(asked):
        raise UsageError("--debug-replica: every replica needs a port of its own, and one only.")
    replicas = tuple(
        waiting(replica, ports[replica.pod_id], home / "jobs" / plan.job_id, debugpy)
        if replica.pod_id in ports
        else replica
        for replica in plan.replicas
    )
    where = home / "jobs" / plan.job_id / "launch.json"
    told = (
        f"{short(pod, plan.job_id)} waits for a debugger at 127.0.0.1:{port}; "
        f"{where} is for .vscode/ of the code's folder."
        for pod, port in ports.items()
    )
    return replace(plan, replicas=replicas, notes=(*plan.notes, *told))


def wanted(text: str, number: int, plan: Plan) -> tuple[str, int]:
    """``worker-0:5679`` as a PodId and a port; the ports that are not said count upwards."""
    name, colon, port = text.partition(":")
    pods = {short(replica.pod_id, plan.job_id): replica.pod_id for replica in plan.replicas}
    if name not in pods:
        raise UsageError(f"--debug-replica: there is no {name}; there are: {', '.join(pods)}.")
    if not colon:
        return pods[name], PORT + number
    if not (port.isascii() and port.isdecimal() and 0 < int(port) <= HIGHEST_PORT):
        raise UsageError(f"--debug-replica {text}: {port!r} is no port (1 to {HIGHEST_PORT}).")
    return pods[name], int(port)


def waiting(replica: ReplicaPlan, port: int, folder: Path, debugpy: str) -> ReplicaPlan:
    hook = File(f"{HOOK}/sitecustomize.py", Path(debug_hook.__file__).read_text())
    there = replica.env.get("PYTHONPATH")
    mounts = files.mounts((hook,), folder / "files" / replica.pod_id)
    return replace(
        replica,
        env={**replica.env, **QUIET, "PYTHONPATH": f"{HOOK}:{there}" if there else HOOK},
        files=(*replica.files, hook),
        mounts=(*replica.mounts, *mounts, Mount(debugpy, PACKAGE, read_only=True)),
        doors=(*replica.doors, Door(PORT, port)),
    )


def launch(plan: Plan) -> dict[str, Any]:
    """VS Code's launch.json: one way in for each replica that waits, and one for all of them."""
    maps = [
        {"localRoot": brought.source, "remoteRoot": brought.target}
        for brought in plan.inputs
        if brought.source
    ]
    ways = [way for replica in plan.replicas for way in way_in(replica, plan.job_id, maps)]
    names = [way["name"] for way in ways]
    whole = [{"name": "localdlc: all of them", "configurations": names}] if len(ways) > 1 else []
    return {"version": "0.2.0", "configurations": ways, "compounds": whole}


def way_in(
    replica: ReplicaPlan, job_id: str, maps: Sequence[Mapping[str, str]]
) -> Iterable[dict[str, Any]]:
    if any(mount.target == PACKAGE for mount in replica.mounts):
        port = next(door.outside for door in replica.doors if door.inside == PORT)
        yield {
            "name": f"localdlc: {short(replica.pod_id, job_id)}",
            "type": "debugpy",
            "request": "attach",
            "connect": {"host": "127.0.0.1", "port": port},
            "pathMappings": list(maps),
            "justMyCode": False,
            "subProcess": True,
        }
