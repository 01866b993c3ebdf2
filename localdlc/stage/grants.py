"""Temporary keys for jobs: fetched when they are asked for, and again before they expire."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from localdlc.errors import InputError
from localdlc.stage.sts import Keys, Role, assume_role

if TYPE_CHECKING:
    from localdlc.plan.injection import Grant

__all__ = ["Grants"]

# Keys that expire sooner are fetched anew. Of keys that do not say when, nobody is to believe that
# they last for longer than this.
MARGIN = timedelta(minutes=5)
UNKNOWN = timedelta(minutes=15)


class Grants:
    """The keys of each grant. ``own`` finds the profile's keys, ``learn`` hears every secret."""

    def __init__(
        self,
        grants: Iterable[Grant],
        own: Callable[[], Keys],
        host: str,
        learn: Callable[[Iterable[str]], None],
    ) -> None:
        """``host`` is where STS answers."""
        self._grants = {grant.key: grant for grant in grants}
        self._own = own
        self._host = host
        self._learn = learn
        self._lock = Lock()
        self._known: dict[str, tuple[Keys, datetime]] = {}

    def keys(self, key: str) -> tuple[Keys, datetime]:
        """The keys of a grant and when they expire.

        Raises `KeyError` for one that the request does not have, `InputError` when there are none.
        """
        grant = self._grants[key]
        with self._lock:
            known = self._known.get(key)
            if known is None or known[1] - datetime.now(UTC) < MARGIN:
                known = self._known[key] = self._fetched(grant)
        return known

    def names(self) -> tuple[str, ...]:
        return tuple(self._grants)

    def _fetched(self, grant: Grant) -> tuple[Keys, datetime]:
        keys = self._own()
        self._learn(keys.secrets)
        for arn, policy in grant.roles:
            keys = assume_role(keys, Role(arn, policy), self._host)
            self._learn(keys.secrets)
        if keys.security_token is None:
            raise InputError(
                f"the credential {grant.key!r} names no role, and {keys.origin} has permanent keys,"
                " which no job gets; give the item a role, or use a profile with RamRoleArn"
            )
        return keys, keys.expires or datetime.now(UTC) + UNKNOWN
