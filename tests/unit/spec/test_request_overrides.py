"""--set PATH=VALUE."""

from __future__ import annotations

from typing import Any

import pytest

from localdlc.errors import UsageError
from localdlc.spec.overrides import apply

TREE: dict[str, Any] = {
    "DisplayName": "a",
    "JobSpecs": [{"Type": "Worker", "PodCount": 1}],
    "Envs": {},
}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("DisplayName=b", TREE | {"DisplayName": "b"}),
        ('DisplayName="b"', TREE | {"DisplayName": "b"}),
        ("DisplayName=", TREE | {"DisplayName": ""}),
        ("Priority=3", TREE | {"Priority": 3}),
        ("Envs.A=x=y", TREE | {"Envs": {"A": "x=y"}}),
        ('Envs["a.b"]=x', TREE | {"Envs": {"a.b": "x"}}),
        ("JobSpecs[0].PodCount=2", TREE | {"JobSpecs": [{"Type": "Worker", "PodCount": 2}]}),
        ("JobSpecs[1].Type=PS", TREE | {"JobSpecs": [TREE["JobSpecs"][0], {"Type": "PS"}]}),
        ("Settings.Tags.a=b", TREE | {"Settings": {"Tags": {"a": "b"}}}),
        ("DataSources[0].Uri=oss://b/", TREE | {"DataSources": [{"Uri": "oss://b/"}]}),
        ("JobSpecs=null", TREE | {"JobSpecs": None}),
        (" JobSpecs =[]", TREE | {"JobSpecs": []}),
    ],
)
def test_an_override_makes_a_new_tree(override: str, expected: dict[str, Any]) -> None:
    assert apply(TREE, override) == expected


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("DisplayName", "there is no '='"),
        ("=x", "there is no path"),
        ("a..b=x", "is no path at character 2"),
        (".a=x", "is no path at character 1"),
        ("JobSpecs[x]=1", "is no path at character 9"),
        ("JobSpecs[-1]=1", "is no path at character 9"),
        ("JobSpecs[2]=1", "index 2 is past the end; the list has 1 items"),
        ("JobSpecs.Type=x", "Type needs an object"),
        ("DisplayName[0]=x", "[0] needs a list"),
        ("DisplayName.a=x", "a needs an object"),
        (".".join("a" * 40) + "=x", "more than 32 steps"),
        ("a=" + "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_path_that_leads_nowhere(override: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply(TREE, override)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("override", "member"),
    [
        ("Envs.LR=0.1", ("Envs", {"LR": "0.1"})),
        ("UserCommand=true", ("UserCommand", "true")),
        ("ThirdpartyLibs[0]=1", ("ThirdpartyLibs", ["1"])),
        ('Envs.LR="0.1"', ("Envs", {"LR": "0.1"})),
        ("Priority=3", ("Priority", 3)),
        ("Unheard=3", ("Unheard", 3)),
    ],
)
def test_where_the_api_wants_a_text_a_number_needs_no_quotes(
    override: str, member: tuple[str, object]
) -> None:
    assert apply({}, override) == dict([member])
