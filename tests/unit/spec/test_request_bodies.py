"""Bodies that no request can be read from, and everything said about them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localdlc.errors import InvalidRequest, Problem, UsageError
from localdlc.spec import read_request

SMALLEST = (Path(__file__).parent / "requests/smallest.json").read_bytes()


def with_member(member: str) -> bytes:
    return b"{" + member.encode() + b"," + SMALLEST.strip()[1:]


def problems_of(data: bytes, *overrides: str, strict: bool = False) -> list[Problem]:
    with pytest.raises(InvalidRequest) as caught:
        read_request(data, overrides, strict)
    return list(caught.value.problems)


UNREADABLE = {
    "empty": (b"", "is not JSON: Expecting value at line 1, column 1"),
    "prose": (b"hello", "is not JSON"),
    "trailing comma": (b'{"DisplayName": "a",\n  }', "line 2, column 3"),
    "single quotes": (b"{'DisplayName': 'a'}", "line 1, column 2"),
    "cut off": (b'{"DisplayName": "a"', "is not JSON"),
    "two objects": (b"{} {}", "Extra data at line 1, column 4"),
    "a list": (b"[]", "must be a JSON object"),
    "a string": (b'"job"', "must be a JSON object"),
    "null": (b"null", "must be a JSON object"),
    "a number of 5000 digits": (b"9" * 5000, "must be a JSON object"),
    "huge": (b" " * (1 << 20) + b"{}", "has 1,048,578 bytes; a request has at most 65,536"),
    "latin-1": (b'{"DisplayName": "caf\xe9"}', "is not UTF-8: byte 0xe9 at offset 20"),
    "latin-1 after a mark": (b'\xef\xbb\xbf{"a": "\xe9"}', "byte 0xe9 at offset 10"),
    "utf-16 with a mark": ("{}".encode("utf-16"), "save it as UTF-8"),
    "utf-16 without": ("{}".encode("utf-16-le"), "save it as UTF-8"),
    "utf-16 big end": ("{}".encode("utf-16-be"), "save it as UTF-8"),
    "deep list": (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "nested deeper than 64 levels"),
    "bottomless": (b"[" * 100_000, "nested deeper than 64 levels"),
    "bottomless object": (b'{"a":' * 100_000, "nested deeper than 64 levels"),
}


@pytest.mark.parametrize(("body", "says"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read(body: bytes, says: str) -> None:
    [problem] = problems_of(body)
    assert (problem.path, problem.code) == ("", "InvalidParameter")
    assert says in problem.message


FLAWED = {
    "repeated": ('"Priority": 1, "Priority": 2', "Priority", "given more than once"),
    "repeated below": ('"Envs": {"A": "1", "A": "2"}', "Envs.A", "given more than once"),
    "NaN": ('"Priority": NaN', "Priority", "finite number"),
    "infinity": ('"Settings": {"AdvancedSettings": {"x": -Infinity}}',
                 "Settings.AdvancedSettings.x", "finite number"),
    "overflowing float": ('"Priority": 1e999', "Priority", "finite number"),
    "beyond int64": ('"JobMaxRunningTimeMinutes": 9223372036854775808',
                     "JobMaxRunningTimeMinutes", "outside the 64-bit integers"),
    "5000 digits": (f'"JobMaxRunningTimeMinutes": {"9" * 5000}',
                    "JobMaxRunningTimeMinutes", "outside the 64-bit integers"),
    "beyond int32": ('"Priority": 2147483648', "Priority", "must fit into 32 bits"),
    "NUL": (r'"Description": "a\u0000b"', "Description", "NUL"),
    "NUL in a name": (r'"Envs": {"a\u0000b": ""}', r'Envs["a\u0000b"]', "the name holds a NUL"),
    "half a surrogate": (r'"Description": "\ud800"', "Description", "surrogate"),
    "half a surrogate in a name": (r'"Envs": {"\udfff": "x"}', r'Envs["\udfff"]', "surrogate"),
    "half a surrogate in an unknown": (r'"Envz": ["\ud800"]', "Envz[0]", "surrogate"),
    "number as string": ('"Priority": "5"', "Priority",
                         "must be a whole number, not a string; take the quotes off"),
    "word as number": ('"Priority": "high"', "Priority", "must be a whole number, not a string"),
    "string as number": ('"WorkspaceId": 28293', "WorkspaceId",
                         "must be a string, not a number; put it between quotes"),
    "true as integer": ('"Priority": true', "Priority", "must be a whole number, not true"),
    "fraction": ('"Priority": 2.0', "Priority", "must be a whole number, not a fraction"),
    "string as bool": ('"Settings": {"EnableRDMA": "true"}', "Settings.EnableRDMA",
                       "must be true or false, not a string"),
    "number as bool": ('"Settings": {"EnableRDMA": 1}', "Settings.EnableRDMA", "true or false"),
    "string as float": ('"JobSpecs": [{"Type": "Worker", "Image": "i",'
                        ' "SpotSpec": {"SpotPriceLimit": "0.4"}}]',
                        "JobSpecs[0].SpotSpec.SpotPriceLimit", "must be a number, not a string"),
    "object as list": ('"DataSources": {"Uri": "oss://b/"}', "DataSources",
                       "must be a list, not an object"),
    "list as object": ('"CodeSource": [1]', "CodeSource", "must be an object, not a list"),
    "string as object": ('"Settings": "x"', "Settings", "must be an object, not a string"),
    "number in a list of objects": ('"DataSources": [5]', "DataSources[0]",
                                    "must be an object, not a number"),
    "null in a list of objects": ('"DataSources": [null]', "DataSources[0]", "not null"),
    "number in a list of strings": ('"ThirdpartyLibs": [1]', "ThirdpartyLibs[0]", "a string"),
    "number in a map": ('"Envs": {"A": 1}', "Envs.A", "must be a string, not a number"),
    "null in a map": ('"Envs": {"A": null}', "Envs.A", "must be a string, not null"),
    "list as map": ('"Envs": ["A=1"]', "Envs", "must be an object, not a list"),
    "dotted name": ('"Envs": {"a.b": 1}', 'Envs["a.b"]', "must be a string"),
}  # fmt: skip


@pytest.mark.parametrize(("member", "path", "says"), FLAWED.values(), ids=FLAWED)
def test_a_member_of_a_wrong_kind(member: str, path: str, says: str) -> None:
    body = with_member(member)
    if member.startswith('"JobSpecs"'):
        body = json.dumps(json.loads(SMALLEST) | json.loads("{" + member + "}")).encode()
    [problem] = problems_of(body)
    assert (problem.path, problem.code) == (path, "InvalidParameter")
    assert says in problem.message


def test_everything_is_said_at_once_in_the_order_of_the_body() -> None:
    body = b"""{"Priority": "x", "DisplayName": "a b", "JobType": "pytorchjob",
      "JobSpecs": [{"Type": "worker", "PodCount": -1, "EcsSpec": 5, "Image": "a b"}],
      "Envs": {"": "1", "B": 2}, "DataSources": [{"MountPath": 7}], "SuccessPolicy": "all"}"""
    assert [problem.path for problem in problems_of(body)] == [
        "UserCommand",
        "Priority",
        "DisplayName",
        "JobType",
        "JobSpecs[0].PodCount",
        "JobSpecs[0].EcsSpec",
        "JobSpecs[0].Image",
        'Envs[""]',
        "Envs.B",
        "DataSources[0]",
        "DataSources[0].MountPath",
        "SuccessPolicy",
    ]


def test_the_summary_counts() -> None:
    with pytest.raises(InvalidRequest, match="the request has 4 problems"):
        read_request(b"{}")
    with pytest.raises(InvalidRequest, match=r"the request has 1 problem$"):
        read_request(b"[]")


def test_another_case_is_another_name() -> None:
    body = SMALLEST.replace(b"DisplayName", b"displayName").replace(b'"Type"', b'"type"')
    name, role = problems_of(body)
    assert (name.path, name.code) == ("DisplayName", "MissingParameter")
    assert "'displayName' seems to be meant for it" in name.message
    assert role.path == "JobSpecs[0].Type"
    assert "'type' seems to be meant for it" in role.message


def test_a_wrong_type_brings_no_second_problem() -> None:
    body = SMALLEST.replace(b'"Worker"', b"5").replace(b"PyTorchJob", b"TFJob")
    assert [problem.path for problem in problems_of(body)] == ["JobSpecs[0].Type"]
    assert [p.path for p in problems_of(SMALLEST, 'DataSources=[{"Uri": 5}]')] == [
        "DataSources[0].Uri"
    ]


def test_strict_makes_unknown_members_problems() -> None:
    body = with_member('"Prioritty": 3, "JobId": "dlc1"')
    [problem] = problems_of(body, strict=True)
    assert (problem.path, problem.code) == ("Prioritty", "UnsupportedParameter")


SECRET = "hunter2"


@pytest.mark.parametrize(
    "member",
    [
        f'"Envs": {{"A": ["{SECRET}"], "B=": "{SECRET}"}}',
        f'"CustomEnvs": [{{"Value": "{SECRET}"}}, {{"Key": "K", "Value": ["{SECRET}"]}}]',
        f'"JobSpecs": [{{"ImageConfig": {{"Password": ["{SECRET}"]}}}}]',
        f'"JobSpecs": [{{"ImageConfig": {{"Auth": {{"a": "{SECRET}"}}}}}}]',
        f'"Envs": {{"A": "{SECRET}\\u0000"}}',
        f'"Envs": "{SECRET}"',
        f'"CustomEnvs": "{SECRET}"',
    ],
)
def test_no_problem_quotes_a_secret(member: str) -> None:
    assert SECRET not in "".join(str(problem) for problem in problems_of(with_member(member)))


def test_no_usage_error_quotes_a_secret() -> None:
    with pytest.raises(UsageError) as caught:
        read_request(SMALLEST, [f"Envs.A:{SECRET}"])
    assert SECRET not in str(caught.value)
