"""One page of a bucket's keys, by prefix, delimiter and the place where the last page ended."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .objects import Stored

LAST = chr(0x10FFFF)


@dataclass(slots=True)
class Page:
    """At most ``limit`` objects and prefixes; ``following`` is where the next page goes on."""

    limit: int
    objects: list[tuple[str, Stored]] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    following: str = ""


def page(
    keys: Sequence[str],
    objects: Mapping[str, Stored],
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
) -> Page:
    """What comes ``after`` a key or common prefix; ``keys`` are sorted."""
    found = Page(limit)
    at = bisect_left(keys, prefix)
    if after:
        whole_folder = delimiter and after.endswith(delimiter)
        at = max(at, bisect_right(keys, after + LAST if whole_folder else after))
    last = ""
    while at < len(keys) and keys[at].startswith(prefix):
        if len(found.objects) + len(found.prefixes) == limit:
            found.following = last
            break
        last = keys[at]
        if folder := common(last, prefix, delimiter):
            last = folder
            found.prefixes.append(folder)
            at = bisect_right(keys, folder + LAST)
        else:
            found.objects.append((last, objects[last]))
            at += 1
    return found


def common(key: str, prefix: str, delimiter: str) -> str:
    """``key`` up to the first delimiter behind the prefix; empty when there is none."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: end + len(delimiter)] if end >= 0 else ""
