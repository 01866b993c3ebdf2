"""Which values must not be shown."""

from __future__ import annotations

import re
from typing import Any

from localdlc.record.masking import MASK

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


def masked_by_name(value: Any) -> Any:
    """A request as JSON with every credential masked whose place or name gives it away."""
    if isinstance(value, list):
        return [masked_by_name(item) for item in value]
    if not isinstance(value, dict):
        return value
    if {"Key", "Value"} <= value.keys():  # an item of CustomEnvs
        return value if value.get("Visible") == "public" else {**value, "Value": MASK}
    return {name: masked_member(name, member) for name, member in value.items()}


def masked_member(name: str, member: Any) -> Any:
    if name in MEMBERS and isinstance(member, str):
        return MASK
    if name == "Envs" and isinstance(member, dict):
        return {key: MASK if names_a_secret(key) else text for key, text in member.items()}
    return masked_by_name(member)
