"""A debugger as small as can be: it speaks the Debug Adapter Protocol to one debugpy."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

PATIENCE = 30


class Debugger:
    """Attached to ``port`` of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._stream = self._socket.makefile("rb")
        self._sent = 0
        self._events: list[dict[str, Any]] = []
        self.ask("initialize", adapterID="test", pathFormat="path")

    def attach(self, breakpoints: Mapping[str, list[int]]) -> None:
        """Lets the program begin; it will stop at these lines of these files of the replica."""
        attaching = self._send("attach", justMyCode=False, subProcess=True)
        self.wait_for("initialized")
        for file, lines in breakpoints.items():
            places = [{"line": line} for line in lines]
            self.ask("setBreakpoints", source={"path": file}, breakpoints=places)
        self.ask("configurationDone")
        self._answer_to(attaching)

    def wait_for(self, event: str) -> dict[str, Any]:
        while not (found := [e for e in self._events if e["event"] == event]):
            self._read()
        self._events.remove(found[0])
        body: dict[str, Any] = found[0].get("body") or {}
        return body

    def evaluate(self, expression: str, thread: int) -> str:
        frame = self.ask("stackTrace", threadId=thread)["stackFrames"][0]["id"]
        return str(self.ask("evaluate", expression=expression, frameId=frame)["result"])

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        return self._answer_to(self._send(command, **arguments))

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _send(self, command: str, **arguments: Any) -> int:
        self._sent += 1
        body = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        data = json.dumps(body).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        return self._sent

    def _answer_to(self, number: int) -> dict[str, Any]:
        while (message := self._read()).get("request_seq") != number:
            pass
        assert message["success"], message
        body: dict[str, Any] = message.get("body") or {}
        return body

    def _read(self) -> dict[str, Any]:
        size = 0
        while (line := self._stream.readline()) not in {b"\r\n", b""}:
            size = int(line.partition(b":")[2])
        message: dict[str, Any] = json.loads(self._stream.read(size))
        if message["type"] == "event":
            self._events.append(message)
        return message
