"""A small subnet for a job, clear of everything that is already there."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network

from localdlc.errors import ResourceError

# The network's own address, the gateway and the broadcast address.
RESERVED = 3


def prefix_for(replicas: int) -> int:
    """The longest prefix with room for so many replicas: 5 fit into a /29, 13 into a /28."""
    return 32 - (replicas + RESERVED - 1).bit_length()


def choose_subnet(
    job_id: str, replicas: int, pools: Sequence[IPv4Network], taken: Iterable[IPv4Network]
) -> IPv4Network:
    """The first free subnet, looking from a place that the job's id gives.

    Jobs that start at the same moment look from different places and so rarely collide; a hundred
    networks in a row take a hundred small slices, not the engine's thirty-one large ones.
    """
    others = tuple(taken)
    prefix = prefix_for(replicas)
    for pool in pools:
        for subnet in slices(pool, prefix, start=zlib.crc32(job_id.encode())):
            if not any(subnet.overlaps(other) for other in others):
                return subnet
    raise ResourceError(
        f"no free subnet for {replicas} replicas in {', '.join(map(str, pools))}. "
        'Name another range in localdlc.toml: subnets = ["10.77.0.0/16"].'
    )


def slices(pool: IPv4Network, prefix: int, start: int) -> Iterator[IPv4Network]:
    """Every subnet of that prefix in the pool once, beginning anywhere."""
    count = 1 << max(0, prefix - pool.prefixlen)
    size = 1 << (32 - prefix)
    for n in range(count if prefix >= pool.prefixlen else 0):
        yield IPv4Network((int(pool.network_address) + (start + n) % count * size, prefix))
