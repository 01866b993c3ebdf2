"""STS on loopback: answers AssumeRole to whoever signs as the vendor's client does."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from json_service import served

ADMIN = ("LTAI-admin-id", "admin-secret")


@dataclass
class Sts:
    """``users`` are ids and secrets; every answered question is in ``asked``, newest last.

    Each answer has keys of its own, and they may assume the next role of a chain.
    """

    users: dict[str, str] = field(default_factory=lambda: dict([ADMIN]))
    tokens: dict[str, str] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    lasts: timedelta = timedelta(hours=1)
    asked: list[dict[str, str]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    endpoint: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def answer(self, method: str, query: Mapping[str, str]) -> tuple[int, dict[str, object]]:
        user = query.get("AccessKeyId", "")
        secret = self.users.get(user)
        if secret is None:
            return 404, refusal("InvalidAccessKeyId.NotFound", "there is no such key")
        if signature(method, query, secret) != query.get("Signature"):
            words = "the signature is another; string to sign is:…"
            return 400, refusal("SignatureDoesNotMatch", words)
        if self.tokens.get(user) != query.get("SecurityToken"):
            return 400, refusal("InvalidSecurityToken.MismatchWithAccessKey", "another token")
        if (query["Action"], query["Version"]) != ("AssumeRole", "2015-04-01"):
            return 404, refusal("InvalidAction.NotFound", query["Action"])
        if query["RoleArn"] in self.forbidden:
            return 403, refusal("NoPermission", "you may not assume this role")
        self.asked.append(dict(query))
        return 200, {"RequestId": "R", "Credentials": self.fresh()}

    def fresh(self) -> dict[str, str]:
        number = next(self.numbers)
        id_, secret, token = (f"STS.{kind}-{number}-planted" for kind in ("id", "secret", "token"))
        self.users[id_], self.tokens[id_] = secret, token
        self.secrets += [id_, secret, token]
        expires = datetime.now(UTC) + self.lasts
        return {
            "AccessKeyId": id_,
            "AccessKeySecret": secret,
            "SecurityToken": token,
            "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def refusal(code: str, message: str) -> dict[str, object]:
    return {"RequestId": "R", "HostId": "sts", "Code": code, "Message": message}


def signature(method: str, query: Mapping[str, str], secret: str) -> str:
    """HMAC-SHA1 of the sorted parameters, as the vendor documents it for RPC APIs."""
    sorted_ = sorted((k, v) for k, v in query.items() if k != "Signature")
    joined = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted_)
    text = f"{method}&%2F&{quote(joined, safe='~')}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


@contextmanager
def sts() -> Iterator[Sts]:
    service = Sts()

    def answer(
        method: str, path: str, headers: Mapping[str, str], form: str
    ) -> tuple[int, Mapping[str, Any]]:
        query = dict(parse_qsl(urlsplit(path).query, True) + parse_qsl(form, True))
        return service.answer(method, query)

    with served(answer) as service.endpoint:
        yield service
