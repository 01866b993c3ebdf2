"""Only what no test of a module could answer to is left unread."""

from __future__ import annotations

import pytest
from unasked import ruled_out

MODULE = """\
import pytest

{mark}
raise RuntimeError("somebody has read this")
"""


@pytest.mark.parametrize(
    ("expression", "marks"),
    [
        ("", set()),
        ("not engine", {"engine"}),
        ("not engine and not servers", {"engine", "servers"}),
        ("not engine and servers", set()),
        ("not engine or not servers", set()),
        ("not (engine or servers)", set()),
        ("engine", set()),
    ],
)
def test_marks_that_are_ruled_out(expression: str, marks: set[str]) -> None:
    assert ruled_out(expression) == marks


@pytest.mark.servers
@pytest.mark.parametrize(
    ("mark", "read"),
    [
        ("pytestmark = pytest.mark.servers", False),
        ("pytestmark = [pytest.mark.gpu, pytest.mark.engine]", False),
        ("pytestmark = pytest.mark.gpu", True),
        ("unmarked = pytest.mark.servers", True),
    ],
)
def test_a_module_of_which_nothing_is_asked_is_not_read(
    mark: str, read: bool, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(MODULE.format(mark=mark))
    options = ("-p", "unasked", "-p", "no:localdlc", "-m", "not servers and not engine")
    done = pytester.runpytest_inprocess("--collect-only", "-q", *options, "-W", "ignore")
    assert ("somebody has read this" in done.stdout.str()) is read
