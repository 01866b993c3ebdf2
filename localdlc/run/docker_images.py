"""Images that come to be: pulled, imported, built, or made of what a container has written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from localdlc.errors import ImageError
from localdlc.run.docker_bodies import auth_config, committed, progress
from localdlc.run.docker_errors import speaking

if TYPE_CHECKING:
    import docker

    from localdlc.plan.model import Login

__all__ = ["MadeImages"]


class MadeImages:
    """The part of `DockerEngine` that brings an engine images."""

    _client: docker.APIClient

    def pull_image(self, reference: str, login: Login | None = None) -> Iterator[str]:
        # Without a tag the API pulls every tag there is; the command line adds this one, too.
        bare = "@" not in reference and ":" not in reference.rsplit("/", 1)[-1]
        with speaking(f"pull the image {reference}", ImageError):
            lines = self._client.pull(
                f"{reference}:latest" if bare else reference,
                stream=True,
                decode=True,
                auth_config=auth_config(login),
            )
            yield from progress(lines, f"cannot pull the image {reference}")

    def import_image(self, tar: Path, reference: str) -> None:
        repository, _, tag = reference.rpartition(":")
        with speaking(f"import {tar} as {reference}", ImageError):
            # Not from_stream: docker-py announces a chunked body there and then sends it plain.
            told = self._client.import_image_from_file(str(tar), repository=repository, tag=tag)
        if '"error"' in told:
            raise ImageError(f"cannot import {tar} as {reference}: {told.strip()}")

    def build_image(
        self,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        dockerfile: str = "Dockerfile",
    ) -> Iterator[str]:
        with speaking(f"build the image {reference}", ImageError):
            lines = self._client.build(
                path=str(context),
                tag=reference,
                buildargs=dict(arguments),
                dockerfile=dockerfile,
                rm=True,
                forcerm=True,
                decode=True,
            )
            yield from progress(lines, f"cannot build the image {reference}")

    def commit(self, container_id: str, reference: str) -> None:
        repository, _, tag = reference.rpartition(":")
        with speaking(f"make the image {reference}", ImageError):
            container = self._client.inspect_container(container_id)
            config = self._client.inspect_image(container["Image"])["Config"]  # type: ignore[no-untyped-call]
            if config.get("Volumes"):
                told = ", ".join(config["Volumes"])
                raise ImageError(f"{container['Config']['Image']} has volumes: {told}")
            body = committed(config, container["Config"])
            self._client.commit(container_id, repository=repository, tag=tag, conf=body)
