"""A replica that has ended, to be entered: a container of what it left, while somebody is in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from localdlc.run.engine import Engine

__all__ = ["revived"]

# The label of such a container; its value is the one that it was made of.
LABEL = "localdlc.revived"
IDLE = ("/bin/sh", "-c", "while :; do sleep 3600; done")


@contextmanager
def revived(engine: Engine, container_id: str, name: str) -> Iterator[str]:
    """A running container with the files, mounts, variables, names and address of that one.

    ``name`` is that of the container, which has ended and stays as it is. What is written outside
    of mounts is gone afterwards. Raises `ImageError` where the image has volumes, whose content
    nothing can bring back, and `EngineUnavailable`, also while somebody else is in another one.
    """
    token = secrets.token_hex(3)
    image = f"localdlc/revived:{name}-{token}"
    with ExitStack() as after:  # what comes last here is done first
        after.callback(engine.remove_image, image)
        engine.commit(container_id, image)
        labels = {LABEL: name}
        made = engine.create_again(container_id, f"{name}-revived-{token}", labels, image, IDLE)
        after.callback(engine.remove, made)
        engine.start(made)
        yield made
