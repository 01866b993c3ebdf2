"""Keys for jobs are fetched once, and again before they expire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sts import ADMIN, Sts, sts

from localdlc.errors import InputError
from localdlc.plan.injection import Grant
from localdlc.stage.grants import Grants
from localdlc.stage.sts import Keys

ROLE = "acs:ram::1:role/r"
OWN = Keys(*ADMIN, origin="the profile 'p'")


@pytest.fixture
def server() -> Iterator[Sts]:
    with sts() as running:
        yield running


def grants(server: Sts, *roles: str, own: Keys = OWN, learnt: list[str] | None = None) -> Grants:
    heard = [] if learnt is None else learnt
    wanted = Grant("0", tuple((arn, None) for arn in roles))
    return Grants([wanted], lambda: own, server.endpoint, heard.extend)


def test_keys_are_fetched_once_while_they_last(server: Sts) -> None:
    given = grants(server, ROLE)
    assert given.keys("0") == given.keys("0")
    assert len(server.asked) == 1


def test_keys_about_to_expire_are_fetched_again(server: Sts) -> None:
    server.lasts = timedelta(minutes=4)
    given = grants(server, ROLE)
    first, second = given.keys("0")[0], given.keys("0")[0]
    assert (first.access_key_id, second.access_key_id) == ("STS.id-1-planted", "STS.id-2-planted")


def test_every_secret_of_a_chain_is_learnt_before_it_is_used(server: Sts) -> None:
    learnt: list[str] = []
    grants(server, ROLE, f"{ROLE}2", learnt=learnt).keys("0")
    assert learnt == [*ADMIN, *server.secrets]
    server.forbidden = {f"{ROLE}2"}
    again: list[str] = []
    with pytest.raises(InputError, match="NoPermission"):
        grants(server, ROLE, f"{ROLE}2", learnt=again).keys("0")
    assert again == [*ADMIN, *server.secrets[-3:]]


def test_without_a_role_only_temporary_keys_are_given(server: Sts) -> None:
    with pytest.raises(InputError, match="'0' names no role, and the profile 'p' has permanent k"):
        grants(server).keys("0")
    keys, expires = grants(server, own=Keys("i", "s", "t")).keys("0")
    assert keys.security_token == "t"
    assert timedelta(minutes=10) < expires - datetime.now(UTC) < timedelta(minutes=20)


def test_a_grant_that_is_not_there_is_no_key(server: Sts) -> None:
    with pytest.raises(KeyError):
        grants(server).keys("1")
    assert grants(server).names() == ("0",)
