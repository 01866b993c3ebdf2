"""Rules of environment variables. Their values may be secret and appear in no sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localdlc.spec.paths import below
from localdlc.spec.problems import invalid, missing
from localdlc.spec.rules.places import containers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localdlc.errors import Problem
    from localdlc.spec.request import CreateJobRequest

__all__ = ["container_variables", "custom_variables", "distinct_custom_variables", "variables"]


def variables(request: CreateJobRequest) -> Iterator[Problem]:
    """Envs have names that the operating system can carry."""
    for name in request.Envs:
        if _name_flaw(name):
            yield invalid(below("Envs", name), _name_flaw(name))


def custom_variables(request: CreateJobRequest) -> Iterator[Problem]:
    """CustomEnvs do too."""
    for index, item in enumerate(request.CustomEnvs):
        yield from _named(f"CustomEnvs[{index}].Key", item.Key)


def distinct_custom_variables(request: CreateJobRequest) -> Iterator[Problem]:
    """One name comes once; of two, nobody knows which counts."""
    first: dict[str, int] = {}
    for index, item in enumerate(request.CustomEnvs):
        if item.Key is not None and first.setdefault(item.Key, index) != index:
            sentence = f"is also the Key of CustomEnvs[{first[item.Key]}]; keep one"
            yield invalid(f"CustomEnvs[{index}].Key", sentence)


def container_variables(request: CreateJobRequest) -> Iterator[Problem]:
    """Variables of side containers do too."""
    for path, container in containers(request):
        for index, item in enumerate(container.Env):
            yield from _named(f"{path}.Env[{index}].Name", item.Name)


def _named(path: str, name: str | None) -> Iterator[Problem]:
    if name is None:
        yield missing(path, "is required: the variable's name")
    elif _name_flaw(name):
        yield invalid(path, _name_flaw(name))


def _name_flaw(name: str) -> str:
    if not name:
        return "is a variable without a name"
    if "=" in name or "\0" in name:
        return "is no name of a variable: it must not hold '=' or NUL"
    return ""
