"""What a server was asked, for tests that count."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """``operation`` is OSS's name for it; ``range`` is the header, empty when absent."""

    operation: str
    method: str
    bucket: str
    key: str
    query: dict[str, str]
    range: str

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Seen:
    """All requests in the order of their arrival, refused ones included."""

    requests: list[SeenRequest] = field(default_factory=list)

    def of(self, operation: str) -> list[SeenRequest]:
        return [request for request in self.requests if request.operation == operation]

    def count(self, operation: str) -> int:
        return len(self.of(operation))

    @property
    def listings(self) -> int:
        """Pages that were asked for, in either form."""
        return self.count("ListObjects") + self.count("ListObjectsV2")

    @property
    def fetched(self) -> list[str]:
        """The keys whose content was asked for, once for each time."""
        return [request.key for request in self.of("GetObject")]

    def clear(self) -> None:
        self.requests.clear()
