"""What git hears when it asks for a login.

The token is in no argument, variable, URL or file. It lies in a piece of memory whose descriptor
git's children inherit, and which the kernel takes back with the last of them, also after SIGKILL.
git learns of it as a credential helper of one host: so git itself sees to it that a submodule or a
redirection elsewhere gets nothing, and that the user's own helpers, some of which would write the
token into a file, are not told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["NOBODY", "Login", "login"]

# What the code source leaves out: hosts that go by the token take any name with it.
ANYBODY = "git"


@dataclass(frozen=True, slots=True)
class Login:
    """Options that git needs to log in, and the descriptors that they speak of."""

    options: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()


NOBODY = Login()


@contextmanager
def login(repository: str, user: str | None, token: str | None) -> Iterator[Login]:
    """A login at the host of a repository, while the context lasts; `NOBODY` where none is given.

    A user without a token is told to the user's own helpers. ssh has keys of its own.
    """
    section = f"credential.{host_of(repository)}"
    if not repository.lower().startswith(("http://", "https://")):
        yield NOBODY
    elif token is None:
        yield Login(("-c", f"{section}.username={user}")) if user else NOBODY
    else:
        with os.fdopen(os.memfd_create("login"), "wb") as memory:
            memory.write(f"username={user or ANYBODY}\npassword={token}\n".encode())
            memory.flush()
            number = memory.fileno()
            # Opened anew by each reader: a descriptor that is shared has one position for all.
            answer = f'!f() {{ test "$1" = get && cat /proc/self/fd/{number}; }}; f'
            forgotten = f"{section}.helper="
            yield Login(("-c", forgotten, "-c", forgotten + answer), (number,))


def host_of(repository: str) -> str:
    """``https://host:port``"""
    return "/".join(repository.split("/", 3)[:3])
