"""Images come from a registry only when they are missing, and the user sees them come."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from registry import Registry, registry

from localdlc.errors import ImageError
from localdlc.plan.model import Login
from localdlc.record.events import ImageReady, Progress
from localdlc.run.docker_engine import DockerEngine, connect
from localdlc.run.images import ImageTask
from localdlc.run.inbox import Message

pytestmark = pytest.mark.engine

LOGIN = Login(None, "trainer", "correct-horse", None)


@pytest.fixture
def docker_engine() -> DockerEngine:
    return connect(os.environ)


@pytest.fixture
def served(docker_engine: DockerEngine) -> Iterator[Registry]:
    with registry("team/train") as place:
        yield place
        docker_engine.remove_image(place.image)


@pytest.fixture
def guarded(docker_engine: DockerEngine) -> Iterator[Registry]:
    with registry("team/private", login=("trainer", "correct-horse")) as place:
        yield place
        docker_engine.remove_image(place.image)


def staged(
    engine: DockerEngine, image: str, pull: str, login: Login | None = None
) -> list[Message]:
    messages: list[Message] = []
    ImageTask(engine, image, pull, login)(messages.append)
    return messages


def test_a_missing_image_is_pulled_with_progress_for_each_layer(
    docker_engine: DockerEngine, served: Registry
) -> None:
    *progress, ready = staged(docker_engine, served.image, "missing")
    assert isinstance(ready, ImageReady)
    assert ready.pulled
    assert ready.image_id == docker_engine.find_image(served.image)
    complete = [m for m in progress if isinstance(m, Progress) and "Pull complete" in m.text]
    assert len(complete) == 2


def test_an_image_that_is_there_costs_no_word_with_the_registry(
    docker_engine: DockerEngine, served: Registry
) -> None:
    staged(docker_engine, served.image, "missing")
    served.asked.clear()
    (ready,) = staged(docker_engine, served.image, "missing")
    assert isinstance(ready, ImageReady)
    assert not ready.pulled
    assert served.asked == []


def test_pull_always_asks_the_registry_each_time(
    docker_engine: DockerEngine, served: Registry
) -> None:
    staged(docker_engine, served.image, "missing")
    served.asked.clear()
    staged(docker_engine, served.image, "always")
    assert served.asked


def test_an_image_config_logs_in(docker_engine: DockerEngine, guarded: Registry) -> None:
    ready = staged(docker_engine, guarded.image, "missing", LOGIN)[-1]
    assert isinstance(ready, ImageReady)


def test_without_a_login_the_engines_own_words_are_shown(
    docker_engine: DockerEngine, guarded: Registry
) -> None:
    with pytest.raises(ImageError, match=r"cannot pull the image .*private.*(auth|access)"):
        staged(docker_engine, guarded.image, "missing")


def test_an_unknown_tag_names_images_that_look_alike(
    docker_engine: DockerEngine, served: Registry
) -> None:
    staged(docker_engine, served.image, "missing")
    wrong = served.image.replace("latest", "latst")
    with pytest.raises(ImageError, match=f"look alike: .*{served.image}"):
        staged(docker_engine, wrong, "missing")
