"""Keys for as long as a transfer takes: temporary ones are fetched anew before they expire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

from oss2.credentials import Credentials

from localdlc.errors import InputError
from localdlc.stage.sts import Keys

__all__ = ["KeyRing"]

# Keys that expire sooner are fetched anew.
MARGIN = timedelta(minutes=5)
# Those that could not be are good until they expire; somebody is asked again after so long.
AGAIN = timedelta(seconds=30)


class KeyRing:
    """What oss2 asks for keys at every request. Any thread may."""

    def __init__(self, find: Callable[[], Keys]) -> None:
        """``find`` looks for them, now and later. Raises what it raises now."""
        self._find = find
        self._lock = Lock()
        self._fetch_at: datetime | None = None
        self._take(find())

    @property
    def keys(self) -> Keys:
        return self._keys

    def get_credentials(self) -> Credentials:
        """The name is oss2's. Raises `InputError` when there are none any more."""
        with self._lock:
            if self._fetch_at and datetime.now(UTC) >= self._fetch_at:
                self._renew()
            keys = self._keys
        return Credentials(keys.access_key_id, keys.access_key_secret, keys.security_token or "")

    def refused(self, token: str | None) -> bool:
        """OSS takes ``token`` no more: whether there is another by now.

        Those who keep their keys in a variable or a file do not say when they expire; a tool of
        theirs may have written new ones.
        """
        with self._lock:
            if self._keys.security_token == token:
                self._take(self._find())
            return self._keys.security_token != token

    def _renew(self) -> None:
        try:
            self._take(self._find())
        except InputError:
            if self._keys.expires and self._keys.expires <= datetime.now(UTC):
                raise
            self._fetch_at = datetime.now(UTC) + AGAIN

    def _take(self, keys: Keys) -> None:
        self._keys = keys
        now = datetime.now(UTC)
        # Of what lasts no longer than that, half of it.
        self._fetch_at = keys.expires and keys.expires - min(MARGIN, (keys.expires - now) / 2)
