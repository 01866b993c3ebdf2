"""Whether a request is signed by whom it says: versions 1 and 4, in a header or in the query.

Version 1 is what oss2 and ossfs use unless told otherwise. The text that is signed there:
https://www.alibabacloud.com/help/en/oss/developer-reference/include-signatures-in-the-authorization-header
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from . import signature_v4
from .messages import Request
from .refusal import Refusal, access_denied

SKEW = 15 * 60
# Of the parameters that are part of the signed resource, those that we answer to.
SIGNED = frozenset(
    (
        "append",
        "bucketInfo",
        "continuation-token",
        "delete",
        "location",
        "objectMeta",
        "partNumber",
        "position",
        "security-token",
        "uploadId",
        "uploads",
    )
)


@dataclass(frozen=True, slots=True)
class Account:
    """Keys, and the token that temporary ones come with."""

    key: str
    secret: str
    token: str = ""

    def variables(self, endpoint: str) -> dict[str, str]:
        """What clients look for in their environment to come to ``endpoint`` as this account."""
        told = {
            "OSS_ENDPOINT": endpoint,
            "OSS_ACCESS_KEY_ID": self.key,
            "OSS_ACCESS_KEY_SECRET": self.secret,
        }
        return {**told, "OSS_SECURITY_TOKEN": self.token} if self.token else told


PERMANENT = Account("LTAI5tOssTestsKey", "secret-of-the-oss-tests")
TEMPORARY = Account("STS.OssTestsKey", "secret-of-the-sts-tests", "token-of-the-sts-tests")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a request says that it is from, and what it proves it with.

    ``sign`` gives the signature of ``text`` for a secret.
    """

    key: str
    signature: str
    token: str
    text: str
    sign: Callable[[str, str], str]


def check(request: Request, accounts: Mapping[str, Account]) -> Claim:
    """Raises a `Refusal` unless one of ``accounts``, by their keys, has signed ``request``."""
    claim = claimed(request)
    account = accounts.get(claim.key)
    # Temporary keys are known to OSS by their token alone.
    if account is None or (account.token and not claim.token):
        raise Refusal(
            403,
            "InvalidAccessKeyId",
            "The OSS Access Key Id you provided does not exist in our records.",
            OSSAccessKeyId=claim.key,
        )
    if claim.token != account.token:
        raise Refusal(403, "InvalidSecurityToken", "The security token you provided is invalid.")
    if not hmac.compare_digest(claim.sign(account.secret, claim.text), claim.signature):
        raise Refusal(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            OSSAccessKeyId=claim.key,
            SignatureProvided=claim.signature,
            StringToSign=claim.text,
        )
    return claim


def claimed(request: Request) -> Claim:
    query = request.query
    if "Signature" in query:
        if float(query["Expires"]) < time.time():
            raise access_denied("Request has expired.")
        token, text = query.get("security-token", ""), text_to_sign(request, query["Expires"])
        return Claim(query["OSSAccessKeyId"], query["Signature"], token, text, signature)
    if "x-oss-signature" in query:
        token = query.get("x-oss-security-token", "")
        return claimed_v4(request, signature_v4.in_query(request), token)
    scheme, _, proof = request.headers.get("authorization", "").partition(" ")
    if not proof:
        raise access_denied("You have no right to access this object because of bucket acl.")
    token = request.headers.get("x-oss-security-token", "")
    date = request.headers.get("x-oss-date") or request.headers.get("date", "")
    if scheme == signature_v4.SCHEME:
        check_clock(date, signature_v4.moment)
        return claimed_v4(request, signature_v4.in_header(request), token)
    if scheme != "OSS":
        raise Refusal(400, "InvalidArgument", f"This server knows no signatures of {scheme}.")
    key, _, proof = proof.partition(":")
    check_clock(date, parsedate_to_datetime)
    return Claim(key, proof, token, text_to_sign(request, date), signature)


def claimed_v4(request: Request, proof: signature_v4.Proof, token: str) -> Claim:
    text = signature_v4.text_to_sign(request, proof)
    return Claim(proof.key, proof.signature, token, text, signature_v4.signature)


def check_clock(date: str, moment: Callable[[str], datetime]) -> None:
    try:
        sent = moment(date)
    except ValueError as error:
        raise access_denied("OSS authentication requires a valid Date.") from error
    now = datetime.now(UTC)
    if abs((now - sent).total_seconds()) > SKEW:
        raise Refusal(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            RequestTime=sent.isoformat(),
            ServerTime=now.isoformat(),
        )


def text_to_sign(request: Request, date: str) -> str:
    headers = request.headers
    vendors = sorted(name for name in headers if name.startswith("x-oss-"))
    return "\n".join(
        (
            request.method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            date,
            *(f"{name}:{headers[name]}" for name in vendors),
            resource(request),
        )
    )


def resource(request: Request) -> str:
    path = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    signed = sorted(item for item in request.query.items() if item[0] in SIGNED)
    query = "&".join(f"{name}={value}" if value else name for name, value in signed)
    return f"{path}?{query}" if query else path


def signature(secret: str, text: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha1)).decode()
