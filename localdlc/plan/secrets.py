"""Which values must not be shown."""

from __future__ import annotations

import re

# Whole words of a name, so that TOKENIZERS_PARALLELISM or MAX_TOKENS stay readable.
WORDS = frozenset(
    {"key", "secret", "token", "password", "passwd", "passphrase", "credential", "credentials"}
    | {"apikey", "accesskey", "secretkey", "authtoken"}
)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def names_a_secret(name: str) -> bool:
    """Whether a variable's name says that its value is one: ``OSS_ACCESS_KEY_ID``, ``apiToken``."""
    return any(word.lower() in WORDS for word in WORD.findall(name))
