"""This machine as far as a plan cares: cores, memory, and the networks it already reaches."""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from localdlc.plan.resources import Host

ROUTES = Path("/proc/net/route")


def observe_host() -> Host:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Host(cpus=os.cpu_count() or 1, memory=memory)


def routed_subnets(routes: Path = ROUTES) -> tuple[IPv4Network, ...]:
    """Destinations of the kernel's routing table, default routes aside.

    A job's subnet must not hide one of them: a VPN or an office network would go dark.
    """
    try:
        lines = routes.read_text().splitlines()[1:]
    except OSError:  # not Linux: Docker Desktop's networks live in a machine of their own
        return ()
    networks = (subnet(line.split()) for line in lines)
    # Half the world (0.0.0.0/1) is how a VPN spells a default route of its own.
    return tuple(network for network in networks if network.prefixlen > 1)


def subnet(fields: list[str]) -> IPv4Network:
    """One line of /proc/net/route: destination and mask are hexadecimal, in host byte order."""
    destination, mask = (
        IPv4Address(socket.inet_ntoa(struct.pack("=L", int(fields[column], 16))))
        for column in (1, 7)
    )
    return IPv4Network(f"{destination}/{mask}")
