"""The XML that OSS answers with. It has no namespace, and the vendor's client counts on that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from .listing import Page
from .objects import Bucket, Stored

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
# An element's text, its children by name, or several elements of one name.
Node = str | Mapping[str, "Node"] | Sequence["Node"]
OWNER: Node = {"ID": "1234567890", "DisplayName": "1234567890"}


def document(root: str, content: Node) -> bytes:
    return f"{DECLARATION}{element(root, content)}".encode()


def element(name: str, content: Node) -> str:
    if isinstance(content, str):
        return f"<{name}>{escape(content)}</{name}>"
    if isinstance(content, Mapping):
        inner = "".join(element(child, value) for child, value in content.items())
        return f"<{name}>{inner}</{name}>"
    return "".join(element(name, one) for one in content)


def moment(seconds: float) -> str:
    """``2026-11-22T14:09:07.000Z``"""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def listing(bucket: str, page: Page, query: Mapping[str, str], second: bool) -> bytes:
    """One page in the form of ListObjects, or of ListObjectsV2 when ``second``."""
    url = query.get("encoding-type") == "url"

    def name(text: str) -> str:
        return quote(text, safe="") if url else text

    head: dict[str, Node] = {
        "Name": bucket,
        "Prefix": name(query.get("prefix", "")),
        "MaxKeys": str(page.limit),
        "Delimiter": name(query.get("delimiter", "")),
        "IsTruncated": str(bool(page.following)).lower(),
    }
    if url:
        head["EncodingType"] = "url"
    if second:
        head["KeyCount"] = str(len(page.objects) + len(page.prefixes))
    else:
        head["Marker"] = name(query.get("marker", ""))
    if page.following:
        head["NextContinuationToken" if second else "NextMarker"] = name(page.following)
    # The second form names owners only on request.
    owner = "" if second else element("Owner", OWNER)
    inner = [element(*one) for one in head.items()]
    inner += [contents(escape(name(key)), stored, owner) for key, stored in page.objects]
    inner += [element("CommonPrefixes", {"Prefix": name(prefix)}) for prefix in page.prefixes]
    return f"{DECLARATION}<ListBucketResult>{''.join(inner)}</ListBucketResult>".encode()


def contents(key: str, stored: Stored, owner: str) -> str:
    """By hand: a page has a thousand of them, and who measures a client waits for no server."""
    return (
        f"<Contents><Key>{key}</Key><LastModified>{moment(stored.modified)}</LastModified>"
        f'<ETag>"{stored.etag}"</ETag><Type>{stored.kind}</Type><Size>{stored.size}</Size>'
        f"<StorageClass>Standard</StorageClass>{owner}</Contents>"
    )


def bucket_info(bucket: Bucket, host: str) -> bytes:
    told: Node = {
        **about(bucket, host),
        "Owner": OWNER,
        "AccessControlList": {"Grant": "public-read" if bucket.public else "private"},
    }
    return document("BucketInfo", {"Bucket": told})


def about(bucket: Bucket, host: str) -> dict[str, Node]:
    return {
        "Name": bucket.name,
        "CreationDate": moment(0),
        "ExtranetEndpoint": host,
        "IntranetEndpoint": host,
        "Location": "oss-cn-test",
        "StorageClass": "Standard",
    }


def buckets(all_of_them: Sequence[Bucket], host: str) -> bytes:
    told = [about(bucket, host) for bucket in all_of_them]
    return document("ListAllMyBucketsResult", {"Owner": OWNER, "Buckets": {"Bucket": told}})


def deleted(keys: Sequence[str], url: bool) -> bytes:
    told: list[Node] = [{"Key": quote(key, safe="") if url else key} for key in keys]
    content: dict[str, Node] = {"EncodingType": "url"} if url else {}
    return document("DeleteResult", {**content, "Deleted": told})
