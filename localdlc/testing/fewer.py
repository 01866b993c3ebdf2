"""A request with fewer replicas, for a machine smaller than the cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping

from localdlc.errors import UsageError

__all__ = ["with_replicas"]


def with_replicas(body: bytes, replicas: int | Mapping[str, int] | None) -> bytes:
    """The request with other PodCounts: of the roles named, or at most ``replicas`` in all.

    The largest roles give way first, and each keeps one. What is no request is left to who checks
    it. Raises `UsageError` for a role that the request has not, and for less than one a role.
    """
    if replicas is None:
        return body
    try:
        request = json.loads(body)
        counts = {spec["Type"]: spec.get("PodCount") or 1 for spec in request["JobSpecs"]}
        total = sum(counts.values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return body
    if isinstance(replicas, int):
        wanted = at_most(replicas, counts, total)
    else:
        wanted = named(replicas, counts)
    for spec in request["JobSpecs"]:
        spec["PodCount"] = wanted[spec["Type"]]
    return json.dumps(request).encode()


def at_most(replicas: int, counts: Mapping[str, int], total: int) -> dict[str, int]:
    if replicas < len(counts):
        raise UsageError(
            f"replicas={replicas}: the request has {len(counts)} roles ({', '.join(counts)}), "
            "and each needs one."
        )
    fewer = dict(counts)
    for _ in range(total - replicas):
        largest = max(fewer, key=lambda role: fewer[role])
        fewer[largest] -= 1
    return fewer


def named(replicas: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    if unknown := replicas.keys() - counts.keys():
        raise UsageError(
            f"replicas: the request has no role {', '.join(sorted(unknown))}; "
            f"it has: {', '.join(counts)}."
        )
    return {**counts, **replicas}
