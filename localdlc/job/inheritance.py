"""What a supervisor leaves behind when it is killed: enough of its plan for another to carry on.

``jobs/<JobId>/inheritance`` is there from before the first replica until the job has ended. It
holds no secret: what a replica was given is read from its container, which has it all.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from localdlc.config import Config
from localdlc.plan.model import Input, Plan, ReplicaPlan
from localdlc.plan.pod import Pod
from localdlc.record.masking import Mask
from localdlc.record.store import explained

__all__ = ["ENGINE", "NOT_CREATED", "Heirloom", "Inheritance", "discard_inheritance", "inherit"]

FILE = "inheritance"
# What says where the engine is.
ENGINE = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG")
KEPT = ("keep", "write_back", "hang_timeout", "on_hang")
NOT_CREATED = "its replicas had not all been created"
SIDES = "its replicas have side containers, whose output nobody reads any more"

Heirloom = tuple[Plan, Mapping[str, Any], Mapping[str, str]]
"""The plan, placed; the settings that matter to the end; the variables that name the engine."""


class Inheritance:
    """Of one job; written when its plan is placed."""

    def __init__(self, folder: Path, config: Config, mask: Mask) -> None:
        self._file = folder / FILE
        self._config = config
        self._mask = mask

    def leave(self, plan: Plan) -> None:
        """Raises `HomeError`."""
        settings = {name: getattr(self._config, name) for name in KEPT}
        engine = {name: os.environ[name] for name in ENGINE if name in os.environ}
        sides = any(replica.pod.sides for replica in plan.replicas)
        data = pickle.dumps(SIDES if sides else (bare(plan, self._mask), settings, engine))
        with explained(self._config.home):
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)

    def discard(self) -> None:
        discard_inheritance(self._file.parent)


def discard_inheritance(folder: Path) -> None:
    (folder / FILE).unlink(missing_ok=True)


def inherit(folder: Path) -> Heirloom | str:
    """What was left; or why it cannot be used."""
    try:
        left = pickle.loads((folder / FILE).read_bytes())  # noqa: S301 - our own
        if isinstance(left, str):
            return left
        plan, settings, engine = left
        plan.to_json()  # one of another version lacks what this one has
    except FileNotFoundError:
        return NOT_CREATED
    except Exception as error:  # noqa: BLE001 - of another version, or half written
        return f"its plan cannot be read ({type(error).__name__}: {error})"
    return plan, settings, engine


def bare(plan: Plan, mask: Mask) -> Plan:
    """What decisions need, and what must be tidied up."""
    return replace(
        plan,
        inputs=tuple(bare_input(each, mask) for each in plan.inputs),
        replicas=tuple(bare_replica(each, mask) for each in plan.replicas),
        notes=(),
        libraries=(),
        fidelity=None,
        faults=(),
    )


def bare_input(brought: Input, mask: Mask) -> Input:
    fetch = brought.fetch and replace(brought.fetch, uri=mask.text(brought.fetch.uri))
    return replace(brought, uri=mask.text(brought.uri), checkout=None, fetch=fetch)


def bare_replica(replica: ReplicaPlan, mask: Mask) -> ReplicaPlan:
    """Who it is and when it starts; what its container is, the engine knows."""
    hook = replica.pod.before_stop
    return replace(
        replica,
        env={},
        command=(),
        mounts=tuple(mount for mount in replica.mounts if mount.layer),
        injected=frozenset(),
        login=None,
        files=(),
        pod=Pod(before_stop=hook if mask.value(hook) == hook else ()),
    )
