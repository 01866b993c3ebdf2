"""``Options``: what the request tells the cloud's storage client, as far as it matters here."""

from __future__ import annotations

import json

__all__ = ["parallel"]

# How many downloads the client makes at a time (dlc-api A.5).
CONCURRENCY = "fs.oss.download.thread.concurrency"
MOST = 64


def parallel(source: str | None, job: str | None) -> int | None:
    """Downloads at a time, 1 to 64, as a source's Options (JSON) or the job's (``k=v,…``) ask.

    The source's go first, being the more specific; what is no number is not counted.
    """
    asked = {**of_job(job), **of_source(source)}.get(CONCURRENCY, "").strip()
    return min(max(int(asked), 1), MOST) if asked.isdecimal() else None


def of_job(text: str | None) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in (text or "").split(","))
    return {name.strip(): value for name, _, value in pairs}


def of_source(text: str | None) -> dict[str, str]:
    return {name: str(value) for name, value in json.loads(text).items()} if text else {}
