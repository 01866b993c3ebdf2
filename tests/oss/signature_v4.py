"""Signatures of version 4, in a header or in the query, over the region and the day as well.

The text that is signed:
https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from functools import reduce
from urllib.parse import quote

from .messages import Request
from .refusal import Refusal, access_denied

SCHEME = "OSS4-HMAC-SHA256"
TERMINATOR = "aliyun_v4_request"
DATE = "%Y%m%dT%H%M%SZ"
LONGEST = 7 * 24 * 3600
PAYLOAD = "UNSIGNED-PAYLOAD"
ALWAYS = frozenset(("content-type", "content-md5"))


class Proof:
    """What a request says of its signature, from wherever it says it."""

    def __init__(self, credential: str, date: str, signature: str, additional: str) -> None:
        self.key, _, self.scope = credential.partition("/")
        self.date = date
        self.signature = signature
        self.additional = additional
        day, region, *rest = [*self.scope.split("/"), ""]
        if rest[:-1] != ["oss", TERMINATOR] or not region or day != date[:8]:
            raise Refusal(400, "InvalidArgument", f"The credential's scope is {self.scope}.")


def in_query(request: Request) -> Proof:
    """Raises a `Refusal` for one that has expired."""
    query = request.query
    proof = Proof(
        query["x-oss-credential"],
        query["x-oss-date"],
        query["x-oss-signature"],
        query.get("x-oss-additional-headers", ""),
    )
    seconds = int(query["x-oss-expires"])
    if seconds > LONGEST or moment(proof.date) + timedelta(seconds=seconds) < datetime.now(UTC):
        raise access_denied("Request has expired.")
    return proof


def in_header(request: Request) -> Proof:
    words = request.headers["authorization"].removeprefix(SCHEME)
    said = dict(re.findall(r"(\w+)=([^\s,]*)", words))
    return Proof(
        said["Credential"],
        request.headers.get("x-oss-date", ""),
        said["Signature"],
        said.get("AdditionalHeaders", ""),
    )


def moment(date: str) -> datetime:
    return datetime.strptime(date, DATE).replace(tzinfo=UTC)


def text_to_sign(request: Request, proof: Proof) -> str:
    canonical = hashlib.sha256(canonical_request(request, proof.additional).encode()).hexdigest()
    return f"{SCHEME}\n{proof.date}\n{proof.scope}\n{canonical}"


def canonical_request(request: Request, additional: str) -> str:
    path = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    asked = {name: v for name, v in request.query.items() if name != "x-oss-signature"}
    told = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in asked.items())
    signed = ALWAYS | set(filter(None, additional.split(";")))
    headers = sorted(
        (name, value.strip())
        for name, value in request.headers.items()
        if name.startswith("x-oss-") or name in signed
    )
    return "\n".join(
        (
            request.method,
            quote(path, safe="/~"),
            "&".join(f"{name}={value}" if value else name for name, value in told),
            "".join(f"{name}:{value}\n" for name, value in headers),
            additional,
            request.headers.get("x-oss-content-sha256", PAYLOAD),
        )
    )


def signature(secret: str, text: str) -> str:
    """The key is derived from each part of the scope in turn; it is the text's third line."""
    scope = text.split("\n")[2].split("/")
    key = reduce(digest, scope, f"aliyun_v4{secret}".encode())
    return digest(key, text).hex()


def digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), hashlib.sha256)
