"""The operations of OSS, from a request to an answer."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import NoReturn
from uuid import uuid4
from xml.etree import ElementTree as ET

from . import documents
from .listing import page
from .messages import Answer, Request
from .objects import Bucket, Stored, Upload, crc64, md5
from .refusal import Refusal, no_such_bucket, no_such_key
from .signature import Account, check

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
PAGE, LARGEST_PAGE = 100, 1000
# What anybody may do with a bucket that is public.
READING = frozenset({"GetObject", "HeadObject", "ListObjects", "ListObjectsV2", "GetBucketInfo"})


def operation(request: Request) -> str:
    """OSS's name for what is asked."""
    if not request.bucket:
        return "ListBuckets"
    if not request.key:
        return of_bucket(request)
    return of_object(request)


def of_bucket(request: Request) -> str:
    query = request.query
    if request.method == "POST" and "delete" in query:
        return "DeleteMultipleObjects"
    if request.method != "GET":
        return "Unknown"
    if "bucketInfo" in query:
        return "GetBucketInfo"
    if "location" in query:
        return "GetBucketLocation"
    return "ListObjectsV2" if query.get("list-type") == "2" else "ListObjects"


def of_object(request: Request) -> str:
    """By the method, and within it by the parameters that name something else."""
    others = {
        "PUT": {"partNumber": "UploadPart"},
        "POST": {
            "append": "AppendObject",
            "uploads": "InitiateMultipartUpload",
            "uploadId": "CompleteMultipartUpload",
        },
        "DELETE": {"uploadId": "AbortMultipartUpload"},
    }
    for parameter, name in others.get(request.method, {}).items():
        if parameter in request.query:
            return name
    plain = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
    return plain.get(request.method, "Unknown")


@dataclass(slots=True)
class Service:
    """Buckets by name, the accounts that may use them by key, and tokens that have expired."""

    buckets: dict[str, Bucket] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)

    def answer(self, name: str, request: Request) -> Answer:
        """Raises a `Refusal`."""
        bucket = self.buckets.get(request.bucket)
        self.admit(name, request, bucket)
        if name == "ListBuckets":
            return xml(documents.buckets([*self.buckets.values()], request.headers["host"]))
        if bucket is None:
            raise no_such_bucket(request.bucket)
        return OPERATIONS.get(name, unknown)(bucket, request)

    def admit(self, name: str, request: Request, bucket: Bucket | None) -> None:
        unsigned = "authorization" not in request.headers and "Signature" not in request.query
        if not (unsigned and bucket and bucket.public and name in READING):
            claim = check(request, self.accounts)
            if claim.token in self.expired:
                raise Refusal(
                    403, "SecurityTokenExpired", "The security token you provided has expired."
                )


def unknown(bucket: Bucket, request: Request) -> NoReturn:
    raise Refusal(400, "NotImplemented", f"The tests' OSS does not know this {request.method}.")


def xml(text: bytes) -> Answer:
    return Answer(200, {"Content-Type": "application/xml"}, text)


def get_bucket_info(bucket: Bucket, request: Request) -> Answer:
    return xml(documents.bucket_info(bucket, request.headers["host"]))


def get_bucket_location(bucket: Bucket, request: Request) -> Answer:
    return xml(documents.document("LocationConstraint", "oss-cn-test"))


def list_objects(bucket: Bucket, request: Request) -> Answer:
    query = request.query
    second = query.get("list-type") == "2"
    after = query.get("continuation-token") or query.get("start-after") or ""
    limit = int(query.get("max-keys") or PAGE)
    if not 1 <= limit <= LARGEST_PAGE:
        raise Refusal(400, "InvalidArgument", "max-keys is from 1 to 1000.")
    with bucket.lock:
        found = page(
            bucket.keys,
            bucket.objects,
            query.get("prefix", ""),
            query.get("delimiter", ""),
            after if second else query.get("marker", ""),
            limit,
        )
    return xml(documents.listing(bucket.name, found, query, second))


def get_object(bucket: Bucket, request: Request) -> Answer:
    stored = existing(bucket, request)
    headers = described(stored)
    if unchanged(stored, request):
        return Answer(304, headers)
    asked = RANGE.fullmatch(request.headers.get("range", ""))
    if not asked:
        return Answer(200, headers, stored.part(0, stored.size))
    first, last = bounds(asked[1], asked[2], stored.size)
    if first > last:
        # Unless told otherwise OSS answers a range that it cannot give with the whole object.
        if request.headers.get("x-oss-range-behavior") != "standard":
            return Answer(200, headers, stored.part(0, stored.size))
        raise Refusal(416, "InvalidRange", "The requested range cannot be satisfied.")
    headers["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
    return Answer(206, headers, stored.part(first, last - first + 1))


def bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and the last byte; they cross when the range is none of this object's."""
    if not first:
        return max(0, size - int(last or 0)), size - 1
    end = int(last) if last else size - 1
    # Where the standard would shorten a range that is too long, OSS takes it for invalid.
    return (int(first), end) if end < size else (size, -1)


def head_object(bucket: Bucket, request: Request) -> Answer:
    stored = existing(bucket, request)
    return Answer(200, described(stored), length=stored.size)


def existing(bucket: Bucket, request: Request) -> Stored:
    """The object that is asked for, in the version that is asked for."""
    stored = bucket.objects.get(request.key)
    if stored is None:
        raise no_such_key(request.key)
    wanted = request.headers.get("if-match")
    if wanted and wanted.strip('"') != stored.etag:
        raise Refusal(
            412,
            "PreconditionFailed",
            "At least one of the preconditions you specified did not hold.",
            Condition="If-Match",
        )
    return stored


def unchanged(stored: Stored, request: Request) -> bool:
    return request.headers.get("if-none-match", "").strip('"') == stored.etag


def described(stored: Stored) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "ETag": f'"{stored.etag}"',
        "Last-Modified": formatdate(stored.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "x-oss-object-type": stored.kind,
        "x-oss-storage-class": "Standard",
        "x-oss-hash-crc64ecma": str(stored.crc),
    }


def put_object(bucket: Bucket, request: Request) -> Answer:
    check_digest(request)
    return made(bucket.put(request.key, request.body))


def made(stored: Stored) -> Answer:
    return Answer(200, {"ETag": f'"{stored.etag}"', "x-oss-hash-crc64ecma": str(stored.crc)})


def check_digest(request: Request) -> None:
    digest = base64.b64encode(hashlib.md5(request.body).digest()).decode()
    if request.headers.get("content-md5", digest) != digest:
        raise Refusal(
            400, "InvalidDigest", "The Content-MD5 you specified was invalid or did not match."
        )


def append_object(bucket: Bucket, request: Request) -> Answer:
    with bucket.lock:
        there = bucket.objects.get(request.key)
        size = there.size if there else 0
        if there and there.kind != "Appendable":
            raise Refusal(409, "ObjectNotAppendable", "The object is not appendable.")
        if request.query.get("position") != str(size):
            raise misplaced(size)
        content = (bucket.read(request.key) if there else b"") + request.body
        # What OSS gives as the tag of an appendable object is no MD5 of its content.
        stored = bucket.put(request.key, content, "Appendable", f"{uuid4().hex.upper()}")
    answer = made(stored)
    answer.headers["x-oss-next-append-position"] = str(stored.size)
    return answer


def misplaced(size: int) -> Refusal:
    refusal = Refusal(409, "PositionNotEqualToLength", "Position is not equal to file length.")
    refusal.headers["x-oss-next-append-position"] = str(size)
    return refusal


def initiate_upload(bucket: Bucket, request: Request) -> Answer:
    name = uuid4().hex.upper()
    bucket.uploads[name] = Upload(request.key)
    told = {"Bucket": bucket.name, "Key": request.key, "UploadId": name}
    return xml(documents.document("InitiateMultipartUploadResult", told))


def upload_part(bucket: Bucket, request: Request) -> Answer:
    check_digest(request)
    going_on(bucket, request).parts[int(request.query["partNumber"])] = request.body
    tag = f'"{md5(request.body)}"'
    return Answer(200, {"ETag": tag, "x-oss-hash-crc64ecma": str(crc64()(request.body))})


def complete_upload(bucket: Bucket, request: Request) -> Answer:
    upload = going_on(bucket, request)
    listed = [
        (int(part.findtext("PartNumber", "0")), part.findtext("ETag", "").strip('"'))
        for part in ET.fromstring(request.body).findall("Part")
    ]
    if listed != sorted(listed):
        raise Refusal(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
    parts = [upload.parts.get(number, b"") for number, _ in listed]
    if [md5(part) for part in parts] != [tag for _, tag in listed]:
        raise Refusal(400, "InvalidPart", "One or more of the parts could not be found.")
    del bucket.uploads[request.query["uploadId"]]
    tag = f"{md5(b''.join(hashlib.md5(part).digest() for part in parts))}-{len(parts)}"
    stored = bucket.put(request.key, b"".join(parts), "Multipart", tag)
    told = {"Bucket": bucket.name, "Key": request.key, "ETag": f'"{tag}"'}
    answer = xml(documents.document("CompleteMultipartUploadResult", told))
    answer.headers.update(made(stored).headers)
    return answer


def abort_upload(bucket: Bucket, request: Request) -> Answer:
    going_on(bucket, request)
    del bucket.uploads[request.query["uploadId"]]
    return Answer(204)


def going_on(bucket: Bucket, request: Request) -> Upload:
    upload = bucket.uploads.get(request.query["uploadId"])
    if upload is None or upload.key != request.key:
        raise Refusal(404, "NoSuchUpload", "The specified upload does not exist.")
    return upload


def delete_object(bucket: Bucket, request: Request) -> Answer:
    bucket.remove(request.key)
    return Answer(204)


def delete_objects(bucket: Bucket, request: Request) -> Answer:
    check_digest(request)
    asked = ET.fromstring(request.body)
    keys = [one.findtext("Key", "") for one in asked.findall("Object")]
    for key in keys:
        bucket.remove(key)
    told = [] if asked.findtext("Quiet") == "true" else keys
    return xml(documents.deleted(told, request.query.get("encoding-type") == "url"))


OPERATIONS: dict[str, Callable[[Bucket, Request], Answer]] = {
    "GetBucketInfo": get_bucket_info,
    "GetBucketLocation": get_bucket_location,
    "ListObjects": list_objects,
    "ListObjectsV2": list_objects,
    "DeleteMultipleObjects": delete_objects,
    "GetObject": get_object,
    "HeadObject": head_object,
    "PutObject": put_object,
    "AppendObject": append_object,
    "InitiateMultipartUpload": initiate_upload,
    "UploadPart": upload_part,
    "CompleteMultipartUpload": complete_upload,
    "AbortMultipartUpload": abort_upload,
    "DeleteObject": delete_object,
}
