"""An image that a job needs: there already, pulled, or missing with a good word."""

from __future__ import annotations

import time

from localdlc.errors import ImageError
from localdlc.plan.model import Login, Plan
from localdlc.record.events import ImageReady, Progress
from localdlc.run.engine import Engine
from localdlc.run.inbox import Post

__all__ = ["ImageTask", "image_tasks"]


def image_tasks(engine: Engine, plan: Plan, pull: str) -> dict[str, ImageTask]:
    """One task an image; roles may share it, and the first that has a login lends it."""
    logins: dict[str, Login | None] = {}
    for replica in plan.replicas:
        logins[replica.image] = logins.get(replica.image) or replica.login
        for side in replica.pod.sides:
            logins.setdefault(side.image, replica.login)
    return {
        f"image {image}": ImageTask(engine, image, pull, login) for image, login in logins.items()
    }


class ImageTask:
    """Makes sure of one image by the pull policy: ``missing``, ``always`` or ``never``."""

    def __init__(self, engine: Engine, image: str, pull: str, login: Login | None) -> None:
        self._engine = engine
        self._image = image
        self._pull = pull
        self._login = login

    def __call__(self, post: Post) -> None:
        """Posts `ImageReady`; raises `ImageError`: the engine's words and names that look alike."""
        began = time.monotonic()
        found = self._engine.find_image(self._image)
        pulled = self._pull == "always" or (found is None and self._pull == "missing")
        if pulled:
            self._bring(post)
            found = self._engine.find_image(self._image)
        if found is None:
            raise ImageError(self._missing(f"the image {self._image} is not on this machine"))
        seconds = round(time.monotonic() - began, 3) if pulled else 0.0
        post(ImageReady(self._image, found, seconds, pulled))

    def _bring(self, post: Post) -> None:
        post(Progress(self._image, "pulling"))
        try:
            for line in self._engine.pull_image(self._image, self._login):
                post(Progress(self._image, line))
        except ImageError as error:
            raise ImageError(self._missing(str(error))) from error

    def _missing(self, words: str) -> str:
        names = self._engine.image_names()
        import difflib

        close = difflib.get_close_matches(self._image, names, 3, cutoff=0.5)
        if not close:
            stem = self._image.rsplit("/", 1)[-1].partition(":")[0]
            close = [name for name in names if stem and stem in name][:3]
        alike = f" Local images that look alike: {', '.join(close)}." if close else ""
        return (
            f"{words}.{alike} Build it, or run another in its place with "
            f"--image-map {self._image}=LOCAL-IMAGE."
        )
