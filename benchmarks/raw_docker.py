"""What a careful person would write on docker-py's low-level client. A program of its own.

``noop IMAGE REPLICAS``: a network with a subnet of its own and, side by side, replicas with fixed
addresses: create, attach, start, read to the end, wait. Then it removes everything, side by side.
``lines IMAGE COUNT``: one container writes lines, ``logs(follow)`` reads them; prints lines/s.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from random import randrange
from typing import Any
from uuid import uuid4

__all__ = ["LINES", "writer"]

LINES = 300_000
FIRST_ADDRESS = 10


def writer(count: int) -> str:
    """A command that writes lines of 85 bytes as fast as Python can, its output buffered."""
    loop = f"for n in range({count}): write('%07d %076d\\n' % (n, n))"
    return f'python3 -c "import sys; write = sys.stdout.write\n{loop}"'


def client() -> Any:
    import docker

    # A pool of connections belongs to one URL here; one that is put out while it is in use breaks.
    return docker.APIClient(version="auto", timeout=600, num_pools=1024, max_pool_size=64)


def noop(image: str, replicas: int) -> None:
    engine = client()
    subnet = IPv4Network(f"10.211.{randrange(256)}.0/24")
    network = create_network(engine, subnet)
    addresses = [str(subnet.network_address + FIRST_ADDRESS + n) for n in range(replicas)]
    made: list[str] = []
    with ThreadPoolExecutor(replicas) as hands:
        try:
            list(hands.map(lambda a: run_one(engine, image, network, a, made), addresses))
        finally:
            list(hands.map(lambda c: engine.remove_container(c, force=True, v=True), made))
            engine.remove_network(network)


def create_network(engine: Any, subnet: IPv4Network) -> str:
    import docker

    pool = docker.types.IPAMPool(subnet=str(subnet), gateway=str(subnet.network_address + 1))
    name = f"localdlc-bench-{uuid4().hex[:8]}"
    engine.create_network(name, ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    return name


def run_one(engine: Any, image: str, network: str, address: str, made: list[str]) -> None:
    """One replica from creation to its exit code; its container is noted in ``made``."""
    endpoint = engine.create_endpoint_config(ipv4_address=address)
    container = engine.create_container(
        image,
        ["sh", "-c", "true"],
        host_config=engine.create_host_config(init=True, network_mode=network),
        networking_config=engine.create_networking_config({network: endpoint}),
    )["Id"]
    made.append(container)
    output = engine.attach_socket(container, params={"stdout": 1, "stderr": 1, "stream": 1})
    engine.start(container)
    while output.read(1 << 18):
        pass
    output.close()
    if code := engine.wait(container)["StatusCode"]:
        raise SystemExit(f"a replica exited with {code}")


def lines(image: str, count: int) -> None:
    engine = client()
    container = engine.create_container(
        image, ["sh", "-c", writer(count)], host_config=engine.create_host_config(init=True)
    )["Id"]
    try:
        engine.start(container)
        began = time.perf_counter()
        found = last = 0.0
        for line in engine.logs(container, stream=True, follow=True):
            found += line.count(b"\n")
            last = time.perf_counter()
    finally:
        engine.remove_container(container, force=True, v=True)
    if found != count:
        raise SystemExit(f"read {found:.0f} lines, not {count}")
    print(found / (last - began))


if __name__ == "__main__":
    {"noop": noop, "lines": lines}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
