"""Keys that are renewed before they expire, and kept for as long as they are good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from localdlc.errors import InputError
from localdlc.stage.key_ring import KeyRing
from localdlc.stage.sts import Keys

pytestmark = pytest.mark.servers


class Sts:
    """Gives keys that last so long, or says why not."""

    def __init__(self, *lasts: timedelta | None) -> None:
        self._lasts = list(lasts)
        self.asked = 0

    def __call__(self) -> Keys:
        self.asked += 1
        if not self._lasts:
            raise InputError("STS is silent")
        lasts = self._lasts.pop(0)
        token = f"token-{self.asked}"
        expires = None if lasts is None else datetime.now(UTC) + lasts
        return Keys("id", "secret", token, "STS", expires)


def token_of(ring: KeyRing) -> str:
    return str(ring.get_credentials().get_security_token())


HOUR, OVER = timedelta(hours=1), timedelta(seconds=-1)


def test_what_lasts_is_asked_for_once() -> None:
    sts = Sts(HOUR)
    ring = KeyRing(sts)
    assert {token_of(ring) for _ in range(3)} == {"token-1"}
    assert sts.asked == 1


@pytest.mark.parametrize("left", [OVER, timedelta(0)])
def test_what_has_expired_is_followed(left: timedelta) -> None:
    ring = KeyRing(Sts(left, HOUR))
    assert token_of(ring) == "token-2"
    assert ring.keys.security_token == "token-2"


def test_what_does_not_say_when_it_expires_is_not_asked_for_again() -> None:
    sts = Sts(None)
    ring = KeyRing(sts)
    assert token_of(ring) == token_of(ring) == "token-1"
    assert sts.asked == 1


def test_what_has_expired_and_is_not_followed_is_an_error() -> None:
    ring = KeyRing(Sts(OVER))
    with pytest.raises(InputError, match="STS is silent"):
        token_of(ring)


def test_what_is_refused_is_looked_for_once_more() -> None:
    sts = Sts(None, None)
    ring = KeyRing(sts)
    assert ring.refused("token-1")
    assert sts.asked == 2
    assert ring.refused("token-1")  # by somebody who had signed before
    assert sts.asked == 2
