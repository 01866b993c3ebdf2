"""What OSS says when it does not do what it was asked."""

from __future__ import annotations

from .documents import document
from .messages import Answer


class Refusal(Exception):
    """An error of OSS: an HTTP status, a code, a sentence, and elements that belong to the code."""

    def __init__(self, status: int, code: str, message: str, **details: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.headers = {"Content-Type": "application/xml"}

    def answer(self, number: str) -> Answer:
        """``number`` is the request's own, which OSS repeats in the text."""
        elements = {
            "Code": self.code,
            "Message": str(self),
            "RequestId": number,
            "HostId": "oss.test",
            **self.details,
        }
        return Answer(self.status, self.headers, document("Error", elements))


def no_such_bucket(name: str) -> Refusal:
    return Refusal(404, "NoSuchBucket", "The specified bucket does not exist.", BucketName=name)


def no_such_key(key: str) -> Refusal:
    return Refusal(404, "NoSuchKey", "The specified key does not exist.", Key=key)


def access_denied(why: str) -> Refusal:
    return Refusal(403, "AccessDenied", why)
