"""Which values must not be shown."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from localdlc.plan.model import PASTED
from localdlc.record.masking import MASK

if TYPE_CHECKING:
    from localdlc.config import Config

# Whole words of a name, so that TOKENIZERS_PARALLELISM or MAX_TOKENS stay readable.
WORDS = frozenset(
    {"key", "secret", "token", "password", "passwd", "passphrase", "credential", "credentials"}
    | {"apikey", "accesskey", "secretkey", "authtoken"}
)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def names_a_secret(name: str) -> bool:
    """Whether a variable's name says that its value is one: ``OSS_ACCESS_KEY_ID``, ``apiToken``."""
    return any(word.lower() in WORDS for word in WORD.findall(name))


# Members of a request that hold credentials, wherever they stand.
MEMBERS = frozenset({"Password", "Auth", "AccessKeyId", "SecurityToken"})


# Members whose keys are the user's own words, and whose values may be anything.
FREE = frozenset({"Envs", "Tags", "AdvancedSettings", "PodAnnotations", "PodLabels"})
# As a command or a list of options sets a variable: `export API_KEY=…`, `fs.oss.accessKeySecret=…`.
ASSIGNED = re.compile(r"""([A-Z][A-Z0-9_]*|[a-z]+(?:\.\w+)+)=("[^"$]*"|'[^']*'|[^\s"'$,;]+)""")


def secrets_of_request(data: bytes, overrides: Sequence[str] = ()) -> set[str]:
    """Every secret in the body of a request and in what changes it, whatever else is wrong there.

    ``overrides`` are ``PATH=VALUE``.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = data.decode("utf-8", "replace")
    found = set(secrets_in(body))
    for path, _, value in (text.partition("=") for text in overrides):
        name = re.split(r"[.\[\]]+", path.rstrip("]"))[-1]
        found |= set(secrets_in(value, name, free=True))
    return found


def secrets_of_config(config: Config) -> set[str]:
    """Every secret in the configuration: tokens, keys, and logins pasted into URLs."""
    return set(secrets_in(config))


def secrets_in(value: Any, name: str = "", *, free: bool = False) -> Iterator[str]:
    """The secrets in a JSON-like value or a dataclass; ``free``: ``name`` is the user's word."""
    if isinstance(value, str):
        yield from secrets_in_text(value, name, free=free)
    elif is_dataclass(value) and not isinstance(value, type):
        for member in fields(value):
            hidden = "Password" if not member.repr else member.name
            yield from secrets_in(getattr(value, member.name), hidden)
    elif isinstance(value, Mapping):
        yield from secrets_in_object(value, free=free or name in FREE)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item, name, free=free)


def secrets_in_object(value: Mapping[str, Any], *, free: bool) -> Iterator[str]:
    custom = {"Key", "Value"} <= value.keys()  # an item of CustomEnvs
    if custom and value.get("Visible") != "public":
        yield from secrets_in(value["Value"], "Password")
    if names_one(value):
        yield from secrets_in(value["Value"], "Password")
    for key, member in value.items():
        yield from secrets_in(key)
        yield from secrets_in(member, key, free=free)


def secrets_in_text(text: str, name: str, *, free: bool) -> Iterator[str]:
    if name in MEMBERS or (free and names_a_secret(name)):
        yield text
    if name == "Auth":
        yield from password_of(text)
    if name == "Options":
        yield from secrets_in(json_in(text), name, free=True)
    yield from PASTED.findall(text)
    for variable, assigned in ASSIGNED.findall(text):
        if names_a_secret(variable):
            yield assigned.strip("\"'")


def password_of(auth: str) -> Iterator[str]:
    """The password in ``base64(user:password)``."""
    try:
        login = base64.b64decode(auth, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    if ":" in login:
        yield login.partition(":")[2]


def json_in(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def masked_by_name(value: Any) -> Any:
    """A request as JSON with every credential masked whose place or name gives it away."""
    if isinstance(value, list):
        return [masked_by_name(item) for item in value]
    if not isinstance(value, dict):
        return value
    if {"Key", "Value"} <= value.keys():  # an item of CustomEnvs
        return value if value.get("Visible") == "public" else {**value, "Value": MASK}
    if names_one(value):
        return {**value, "Value": MASK}
    return {name: masked_member(name, member) for name, member in value.items()}


def names_one(value: Mapping[str, Any]) -> bool:
    """Whether this is an item of a side container's Env whose name says that it is a secret."""
    return {"Name", "Value"} <= value.keys() and names_a_secret(str(value["Name"]))


def masked_member(name: str, member: Any) -> Any:
    if name in MEMBERS and isinstance(member, str):
        return MASK
    if name in FREE and isinstance(member, dict):
        return {key: MASK if names_a_secret(key) else text for key, text in member.items()}
    return masked_by_name(member)
