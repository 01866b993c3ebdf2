"""ImageConfig logs in for one pull; the login is stored nowhere and shown nowhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from engines import CommandLine, job
from registry import Registry, registry

pytestmark = pytest.mark.engine

USER, PASSWORD = "trainer", "correct-horse-image"
PAIR = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture
def guarded(docker_client: docker.APIClient) -> Iterator[Registry]:
    with registry("team/guarded", login=(USER, PASSWORD)) as place:
        yield place
        docker_client.remove_image(place.image)


def with_login(image: str, **members: str) -> dict[str, Any]:
    """A job whose image has no shell in it: it is pulled, and then cannot start."""
    body = job("true", image=image)
    host = image.partition("/")[0]
    body["JobSpecs"][0]["ImageConfig"] = {"DockerRegistry": host, **members}
    return body


@pytest.mark.parametrize(
    "members", [{"Username": USER, "Password": PASSWORD}, {"Auth": PAIR}], ids=["password", "auth"]
)
def test_a_login_pulls_and_leaves_no_trace(
    localdlc: CommandLine,
    guarded: Registry,
    tmp_path: Path,
    members: dict[str, str],
) -> None:
    settings = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    request = with_login(guarded.image, **members)
    runs = [
        localdlc.run(request, "-o", "json", **settings),
        localdlc.run(request, "--pull", "always", **settings),
        localdlc.run(with_login(f"{guarded.image}-none", **members), "--debug", **settings),
    ]
    assert runs[0].of("ImageReady")[0]["pulled"]
    shown = [text for done in runs for text in (done.out, done.err.encode())]
    shown += [localdlc("show", "last", "-o", "json").out, localdlc("list", "-o", "json").out]
    files = [path.read_bytes() for path in localdlc.home.rglob("*") if path.is_file()]
    assert len(files) > 4
    for secret in (PASSWORD.encode(), PAIR.encode()):
        assert not [text for text in (*shown, *files) if secret in text]
    assert not (tmp_path / "docker").exists()
    # Whoever asks without a login is still refused: the engine has not kept it either.
    guarded.asked.clear()
    assert localdlc.run(job("true", image=guarded.image), "--pull", "always").code == 3
    assert guarded.asked
