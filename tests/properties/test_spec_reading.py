"""Whatever the body, reading it ends in a request or in InvalidRequest; nothing else."""

from __future__ import annotations

import copy
import json
from typing import Any

from examples import tried
from hypothesis import given
from hypothesis import strategies as st

from localdlc.errors import InvalidRequest
from localdlc.spec import Asked, paths, read_request, to_json
from localdlc.spec.fields import ROWS, refusals, report
from localdlc.spec.request import CreateJobRequest

FULL: dict[str, Any] = {
    "DisplayName": "hello",
    "JobType": "PyTorchJob",
    "UserCommand": "ls",
    "Envs": {"A": ""},
    "Settings": {"Shell": "/bin/sh", "DataJuicerConfig": {"ResourceLimit": {"CPU": "1"}}},
    "CodeSource": {"CodeSourceId": "code-1"},
    "DataSources": [{"Uri": "oss://b.e/p/", "MountPath": "/mnt/data"}],
    "JobSpecs": [
        {"Type": "Master", "Image": "i", "ResourceConfig": {"CPU": "1"}},
        {"Type": "Worker", "Image": "i", "SpotSpec": {"SpotPriceLimit": 1.5}},
    ],
}

NAMES = sorted({step for path in ROWS for step in path.replace("[]", "").split(".")})
WORDS = [
    "Worker",
    "Master",
    "PyTorchJob",
    "TFJob",
    "RO",
    "1",
    "1Gi",
    "/mnt",
    "oss://b/",
    "{}",
    "\ud800",
    "\0",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=8)
    | st.sampled_from(WORDS)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)
EMPTY: st.SearchStrategy[Any] = st.sampled_from([None, "", [], {}])


def ends_well(body: bytes) -> Asked | None:
    try:
        return read_request(body)
    except InvalidRequest as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.message
        paths.parse(problem.path)
        str(problem).encode()
    return None


@given(st.binary(max_size=200))
@tried(100)
def test_any_bytes(body: bytes) -> None:
    ends_well(body)


@given(st.dictionaries(st.sampled_from(NAMES), TREES, max_size=8))
@tried(80)
def test_any_object(tree: dict[str, Any]) -> None:
    ends_well(json.dumps(tree).encode())


@given(st.data())
@tried(150)
def test_a_sound_request_with_one_member_replaced(data: st.DataObject) -> None:
    tree = copy.deepcopy(FULL)
    objects = list(nodes(tree))
    target = data.draw(st.sampled_from(objects))
    names = sorted(target) + sorted(CreateJobRequest.model_fields)
    target[data.draw(st.sampled_from(names))] = data.draw(TREES)
    asked = ends_well(json.dumps(tree).encode())
    if asked:
        report(asked.request)
        refusals(asked.request)
        again = read_request(json.dumps(to_json(asked.request)).encode())
        assert again.request == asked.request


@given(st.data())
@tried(100)
def test_members_that_say_nothing_change_nothing(data: st.DataObject) -> None:
    before = read_request(json.dumps(FULL).encode()).request
    tree = copy.deepcopy(FULL)
    parts = [(tree, ""), (tree["Settings"], "Settings."), (tree["CodeSource"], "CodeSource.")]
    parts += [(spec, "JobSpecs[].") for spec in tree["JobSpecs"]]
    parts += [(source, "DataSources[].") for source in tree["DataSources"]]
    for part, prefix in parts:
        known = {path.removeprefix(prefix) for path in ROWS if path.startswith(prefix)}
        names = sorted({name.partition(".")[0].removesuffix("[]") for name in known} - part.keys())
        part.update(data.draw(st.dictionaries(st.sampled_from(names), EMPTY, max_size=4)))
    assert read_request(json.dumps(tree).encode()).request == before


def nodes(tree: Any) -> Any:
    """Every object in a tree."""
    if isinstance(tree, dict):
        yield tree
    for child in (
        tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    ):
        yield from nodes(child)
