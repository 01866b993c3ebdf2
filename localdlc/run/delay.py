"""Runs in a replica's network, in a container of its own: makes all it sends late by netem.

Its text is handed to any python3 there may be, so it is plain and needs nothing; no image need
have `tc`. The argument is the delay in seconds. Ends with 3 where the kernel has no netem.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys

NEW_QDISC = 36
REQUEST_ACK_REPLACE_CREATE = 0x1 | 0x4 | 0x100 | 0x400
ROOT, FIRST = 0xFFFFFFFF, 0x10000
KIND, OPTIONS = 1, 2
LATENCY64 = 10
PACKETS = 10_000
WITHOUT = 3


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def message(interface: int, seconds: float) -> bytes:
    """``tc qdisc replace dev INTERFACE root netem delay SECONDS``"""
    netem = struct.pack("=6I", 0, PACKETS, 0, 0, 0, 0)
    netem += attribute(LATENCY64, struct.pack("=q", int(seconds * 1e9)))
    body = struct.pack("=BxHiIII", 0, 0, interface, FIRST, ROOT, 0)
    body += attribute(KIND, b"netem\0") + attribute(OPTIONS, netem)
    return struct.pack("=IHHII", len(body) + 16, NEW_QDISC, REQUEST_ACK_REPLACE_CREATE, 1, 0) + body


def ask(interface: int, seconds: float) -> int:
    """The kernel's error number; 0 is none."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(message(interface, seconds))
        number: int = struct.unpack_from("=i", kernel.recv(4096), 16)[0]
        return -number


def main() -> int:
    wrong = 0
    for number, name in socket.if_nameindex():
        if name.startswith("eth"):
            wrong = wrong or ask(number, float(sys.argv[1]))
    if wrong == errno.ENOENT:
        return WITHOUT
    if wrong:
        print(os.strerror(wrong))  # noqa: T201 - it is listened to
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
