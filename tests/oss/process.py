"""The server as a process of its own, and how to speak to it there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from .seen import Seen, SeenRequest
from .signature import PERMANENT, TEMPORARY, Account

TESTS = Path(__file__).parents[1]


class OssProcess:
    """Serves each subfolder of ``folder`` as a bucket, with the same keys as `OssServer`."""

    account: Account = PERMANENT
    temporary: Account = TEMPORARY

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "oss", "--folder", str(folder.resolve())]
        self.process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.variables: dict[str, str] = json.loads(self.process.stdout.readline())
        self.endpoint = self.variables["OSS_ENDPOINT"]

    def order(self, fault: str, **order: Any) -> None:
        """``order("Cut", key="*.bin", times=1, **{"with": {"at": 100}})``, as `Faults.add`."""
        self._ask("POST", "faults", {"fault": fault, **order})

    def seen(self) -> Seen:
        """A copy of what it has been asked up to now."""
        return Seen([SeenRequest(**one) for one in self._ask("GET", "requests")])

    def forget(self) -> None:
        """No more faults, and nothing seen."""
        self._ask("DELETE", "faults")
        self._ask("DELETE", "requests")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body else None
        with urlopen(Request(f"{self.endpoint}/-/{path}", data, method=method)) as answer:
            return json.load(answer)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
