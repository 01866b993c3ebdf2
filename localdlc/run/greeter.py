"""Runs in a replica's place before it does: reaches every peer by its name, and is reached.

Its text is handed to any python3 there may be, so it is plain and needs nothing. Arguments: the
seconds it may take, and the names of all peers.
"""

from __future__ import annotations

import socket
import sys
import threading
import time

PORT = 52719


def listen(door: socket.socket, expected: int, all_came: threading.Event) -> None:
    for _ in range(expected):
        door.accept()[0].close()
    all_came.set()


def reach(name: str, end: float) -> str:
    """Why it could not be; "" if it could."""
    while True:
        try:
            socket.create_connection((name, PORT), timeout=1).close()
        except OSError as error:
            if time.monotonic() > end:
                return f"{name} cannot be reached: {error}"
            time.sleep(0.05)
        else:
            return ""


def main() -> int:
    patience, names = float(sys.argv[1]), sys.argv[2:]
    end = time.monotonic() + patience
    all_came = threading.Event()
    door = socket.create_server(("", PORT), backlog=256)
    threading.Thread(target=listen, args=(door, len(names), all_came), daemon=True).start()
    wrong = [words for words in (reach(name, end) for name in names) if words]
    if not all_came.wait(max(0.0, end - time.monotonic())) and not wrong:
        wrong = ["not all peers came"]
    for words in wrong:
        print(words, flush=True)  # noqa: T201 - it is waited for
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
