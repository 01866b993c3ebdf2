"""``oss://`` Uris, taken apart; and the endpoints that are reachable from outside the cloud."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["OssPlace", "oss_place", "public"]

# Names of a region's endpoint that only its own machines reach: in the classic network, in a VPC.
INTERNAL = re.compile(r"(?:vpc100-)?(oss-[a-z0-9-]+?)(?:-internal)?(\.aliyuncs\.com(?::\d+)?)")


@dataclass(frozen=True, slots=True)
class OssPlace:
    """A place in OSS. ``endpoint`` has no scheme, "" is not given; ``path`` no leading slash."""

    bucket: str
    endpoint: str
    path: str

    def __str__(self) -> str:
        host = f"{self.bucket}.{self.endpoint}" if self.endpoint else self.bucket
        return f"oss://{host}/{self.path}"


def oss_place(uri: str) -> OssPlace:
    """``oss://bucket.endpoint/path/`` or ``oss://bucket/path`` (dlc-api E.2).

    Names of buckets have no dots. ``//`` in a path is left as it is: OSS knows no folders.
    """
    host, _, path = uri.removeprefix("oss://").partition("/")
    bucket, _, endpoint = host.partition(".")
    return OssPlace(bucket, endpoint, path)


def public(endpoint: str) -> str:
    """The endpoint under the name that the outside can reach: without ``-internal``, ``vpc100-``.

    Of any other host (a domain of one's own, ``localhost:9000``) nothing is known.
    """
    found = INTERNAL.fullmatch(endpoint)
    return f"{found[1]}{found[2]}" if found else endpoint
