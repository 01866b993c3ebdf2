"""AIWorkSpace on loopback: datasets and code sources for whoever signs as the vendor does."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from json_service import served

AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})"
)


@dataclass
class Workspace:
    """``answers`` by path; ``users`` are ids and secrets; ``asked`` is every answered path."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=lambda: {"ws-id-planted": "ws-secret-planted"})
    asked: list[tuple[str, str]] = field(default_factory=list)
    endpoint: str = ""

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        if not self.signed(path, headers):
            return 400, refusal("SignatureDoesNotMatch", "the signature is another")
        if headers.get("x-acs-version") != "2021-02-04":
            return 400, refusal("NoSuchVersion", headers.get("x-acs-version", ""))
        if path not in self.answers:
            return 404, refusal("NotFound", f"there is no {path}")
        self.asked.append((headers["x-acs-action"], path))
        return 200, {"RequestId": "R", **self.answers[path]}

    def signed(self, path: str, headers: Mapping[str, str]) -> bool:
        found = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not found or found[1] not in self.users:
            return False
        lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in found[2].split(";"))
        payload = headers["x-acs-content-sha256"]
        canonical = "\n".join(("GET", path, "", lines, found[2], payload))
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        wanted = hmac.new(self.users[found[1]].encode(), text.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, found[3])


def refusal(code: str, message: str) -> dict[str, Any]:
    return {"RequestId": "R", "HostId": "workspace", "Code": code, "Message": message}


@contextmanager
def workspace() -> Iterator[Workspace]:
    service = Workspace()

    def answer(
        method: str, path: str, headers: Mapping[str, str], body: str
    ) -> tuple[int, Mapping[str, Any]]:
        if method != "GET":
            return 501, refusal("Unsupported", f"nothing is {method} here")
        return service.answer(urlsplit(path).path, headers)

    with served(answer) as service.endpoint:
        yield service
