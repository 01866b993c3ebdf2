"""Runs in a replica's network, in a container of its own: what reaches port 7002 reaches us.

Its text is handed to any python3 there may be, so it is plain and needs nothing. It ends as soon
as its first connection does: with its replica, or with us, however we end.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

PORT = 7002
BLOCK = 1 << 16


def desk() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    return connection


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            block = source.recv(BLOCK)
            if not block:
                break
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(door: socket.socket) -> None:
    while True:
        asking, _ = door.accept()
        answering = desk()
        for pair in ((asking, answering), (answering, asking)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def main() -> None:
    life = desk()
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", PORT))
    door.listen(64)
    threading.Thread(target=serve, args=(door,), daemon=True).start()
    print("ready", flush=True)  # noqa: T201 - it is waited for
    life.recv(1)
    os._exit(0)


if __name__ == "__main__":
    main()
