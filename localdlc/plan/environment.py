"""The variables of a replica: the user's, the job type's, and who wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.plan.secrets import names_a_secret

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from localdlc.plan.model import ReplicaPlan
    from localdlc.spec.request import CreateJobRequest

# Real requests set these two themselves; everything else that DLC injects wins over the request,
# because its operator appends and the last duplicate counts.
USERS_TO_SET = frozenset({"NPROC_PER_NODE", "PYTHONUNBUFFERED"})
# The engine says by it which GPUs a container has, and would take it from the request as well.
ENGINES = frozenset({"NVIDIA_VISIBLE_DEVICES"})


def users_variables(request: CreateJobRequest) -> tuple[dict[str, str], frozenset[str]]:
    """Envs, then CustomEnvs; and the names whose values no sink may show.

    ``Visible: public`` is the one value of CustomEnvs that is known to mean shown.
    """
    custom = {e.Key: e for e in request.CustomEnvs or () if e.Key}
    variables = dict(request.Envs or {})
    variables |= {name: e.Value or "" for name, e in custom.items()}
    hidden = {name for name, e in custom.items() if e.Visible != "public"}
    return variables, frozenset(hidden | {name for name in variables if names_a_secret(name)})


def injected_variables(job_id: str, wiring: dict[str, str], gpus: int = 0) -> dict[str, str]:
    """What DLC sets in a replica with so many GPUs, then what the job type adds.

    PYTHONUNBUFFERED is 1 where the cloud has 0: with 0 the log of a running replica stays empty.
    """
    return {
        "DLC_JOB_ID": job_id,
        "KUBERNETES_CONTAINER_RESOURCE_GPU": str(gpus),
        "PYTHONUNBUFFERED": "1",
        # The engine's init passes SIGTERM on to the whole process group only when told so.
        "TINI_KILL_PROCESS_GROUP": "1",
        **wiring,
    }


def combined(users: dict[str, str], injected: dict[str, str]) -> dict[str, str]:
    """One environment of both."""
    users = {name: value for name, value in users.items() if name not in ENGINES}
    kept = {name: value for name, value in users.items() if name in USERS_TO_SET}
    return {**users, **injected, **kept}


def overridden(users: dict[str, str], replicas: Iterable[ReplicaPlan]) -> Iterator[str]:
    """A note for each variable of the user's that the injected one replaces, and where."""
    lost = {r.role_type: losers(users, r.injected) for r in replicas}
    for name in sorted(frozenset().union(*lost.values())):
        roles = [role for role, names in lost.items() if name in names]
        where = "" if len(roles) == len(lost) else f" in {' and '.join(roles)}"
        there = " there" if where else ""
        yield (
            f"{name}: DLC sets this variable itself{where}; the value of the request has no "
            f"effect{there}."
        )


def losers(users: dict[str, str], injected: Collection[str]) -> frozenset[str]:
    """Variables of the user's whose value is not the one that counts."""
    return frozenset(users.keys() & ({*injected} | ENGINES)) - USERS_TO_SET
