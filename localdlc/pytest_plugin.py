"""What pytest finds where localdlc is installed: fixtures, a marker, options, and job reports.

Every run of pytest loads this module, so it imports nothing that a test does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from localdlc.job.journal import Listener
    from localdlc.run.engine import Engine
    from localdlc.testing.client import Client
    from localdlc.testing.outcome import Outcome

MARKER = (
    "localdlc(timeout=600, replicas=None, fake=None, **settings): how jobs of this test are run. "
    "timeout: seconds after which one is stopped and the test fails; replicas: at most so many, or "
    "of roles so many ({'Worker': 2}); fake: the function that is each replica on the fake engine; "
    "all else is a setting of localdlc.toml, such as grace=1 or gpus='none'."
)
TIMEOUT = 600.0

CLIENT = pytest.StashKey["Client"]()
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("localdlc", "jobs of PAI-DLC on this machine")
    group.addoption(
        "--localdlc-engine",
        choices=("real", "fake"),
        default="real",
        help="Run replicas in containers (default), or as the functions that tests give.",
    )
    group.addoption(
        "--localdlc-require-engine",
        action="store_true",
        help="A test fails when no engine answers; else it is skipped.",
    )
    group.addoption(
        "--localdlc-keep",
        action="store_true",
        help="Keep the containers of jobs of a test that fails.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """A test that fails shows the jobs that it ran."""
    outcome = yield
    client = item.stash.get(CLIENT, None)
    if client is None:
        return
    report = outcome.get_result()
    if report.failed:
        item.stash[FAILED] = True
        for job in client.outcomes:
            report.sections.append((f"localdlc: {job.view.job_type} {job.job_id}", job.story()))


@pytest.fixture
def localdlc(request: pytest.FixtureRequest, localdlc_home: Path) -> Iterator[Client]:
    """A client in a temporary home: ``run``, ``plan``, ``outcomes``. It leaves nothing behind."""
    from localdlc.testing.client import Client

    client = Client(
        localdlc_home,
        lambda: request.getfixturevalue("localdlc_engine"),
        settings_of(request),
        live_listeners(request.config),
    )
    request.node.stash[CLIENT] = client
    yield client
    if not request.node.stash.get(FAILED, False):
        client.discard_kept()


@pytest.fixture
def localdlc_job(localdlc: Client, localdlc_engine: Engine) -> Callable[..., Outcome]:
    """Runs a request (a file or a dict) to its end: ``localdlc_job("job.json").ranks``."""
    return localdlc.run


@pytest.fixture
def localdlc_engine(request: pytest.FixtureRequest) -> Engine:
    """The engine that jobs run on, by ``--localdlc-engine``. Override it to choose another."""
    if request.config.getoption("localdlc_engine") == "real":
        engine: Engine = request.getfixturevalue("_localdlc_real_engine")
        return engine
    script = marked(request).get("fake")
    if script is None:
        pytest.skip("for the fake engine it needs @pytest.mark.localdlc(fake=<a function>)")
    from localdlc.run.fake_engine import FakeEngine

    return FakeEngine(script)


@pytest.fixture(scope="session")
def localdlc_home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Where jobs and caches of this session are: among pytest's temporary folders.

    It stays after a test that failed, until pytest removes it.
    """
    import shutil

    home = tmp_path_factory.mktemp("localdlc", numbered=False)
    yield home
    if not request.session.testsfailed:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def _localdlc_real_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """One connection a session. What earlier sessions left that were killed is removed first."""
    import os

    from localdlc.errors import EngineUnavailable
    from localdlc.run.docker_engine import connect
    from localdlc.testing.homes import sweep_homes

    absent = ""
    try:
        engine = connect(os.environ)
    except EngineUnavailable as error:
        absent = str(error)
    if absent and request.config.getoption("localdlc_require_engine"):
        pytest.fail(absent, pytrace=False)
    if absent:
        pytest.skip(" ".join(absent.split()))
    sweep_homes(engine, tmp_path_factory.getbasetemp())
    yield engine
    engine.close()


def settings_of(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How the jobs of a test are run, unless a call says otherwise."""
    keep = {"keep": "always"} if request.config.getoption("localdlc_keep") else {}
    settings = {"timeout": TIMEOUT, **keep, **marked(request)}
    settings.pop("fake", None)
    return settings


def marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The arguments of the markers around a test; the nearest wins."""
    markers = list(request.node.iter_markers("localdlc"))
    return {name: value for marker in reversed(markers) for name, value in marker.kwargs.items()}


def live_listeners(config: pytest.Config) -> list[Listener]:
    """With ``pytest -s`` jobs are shown as they happen."""
    if config.getoption("capture") != "no":
        return []
    import sys

    from localdlc.terminal.printers import TextPrinter

    return [TextPrinter(sys.stdout.buffer, sys.stderr)]
