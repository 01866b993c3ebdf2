"""What a path means in a job: whose MountPath it is below, and what may be wrong there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from localdlc.why.case import Case

__all__ = ["place"]

KINDS = {"data": "the data source", "code": "the code", "libs": "the libraries of"}


def place(path: str, case: Case, mounts: list[Mapping[str, Any]]) -> str:
    """A clause without a full stop, such as ``below /mnt/data, where …/ is mounted``."""
    if not path.startswith("/"):
        return f"{path} is relative to the working directory, which is the image's own{code(case)}"
    inputs = [one for one in case.plan.get("inputs", ()) if below(path, one["target"])]
    if inputs:
        return mounted(path, max(inputs, key=lambda one: len(one["target"])), case)
    if any(below(path, mount["target"]) for mount in mounts):
        return f"{path} is below a mount of the job"
    return f"{path} is of the image itself, as the job mounts nothing there{known(case)}"


def mounted(path: str, brought: Mapping[str, Any], case: Case) -> str:
    uri, target = brought["uri"], brought["target"]
    where = f"{path} is below {target}, where {KINDS[brought['kind']]} {uri} is mounted"
    samples = {one.uri: one.sample for one in case.view.inputs if one.sample and one.part}
    if uri in samples:
        return f"{where}, of which the job saw a sample of {samples[uri]}"
    return f"{where} read-only" if brought["read_only"] else where


def below(path: str, target: str) -> bool:
    return PurePosixPath(path).is_relative_to(target)


def code(case: Case) -> str:
    """Where the code is, which is what a relative path usually means."""
    targets = [one["target"] for one in case.plan.get("inputs", ()) if one["kind"] == "code"]
    return f"; the code is in {' and '.join(targets)}" if targets else ""


def known(case: Case) -> str:
    targets = [one["target"] for one in case.plan.get("inputs", ()) if one["target"]]
    return f" (but at {', '.join(targets)})" if targets else ""
