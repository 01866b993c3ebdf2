"""OSS, by ossfs: its signatures and listings, page by page; objects straight over HTTP, in ranges.

ossfs itself lists a bucket as a whole and asks twice about an object before it reads it. Its client
takes 1.6 ms of a processor for a request, a signed URL over urllib3 0.4 ms: that is what 20,000
small files are waited for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import certifi
import oss2
import requests
import urllib3
from ossfs import OSSFileSystem

from localdlc.errors import InputError
from localdlc.plan.options import MOST
from localdlc.plan.oss_uri import OssPlace, oss_place
from localdlc.stage.credentials import oss_keys
from localdlc.stage.key_ring import KeyRing
from localdlc.stage.oss_pages import Client, Found, Page, ahead
from localdlc.stage.sources import Broken, Changed, Entry, patiently

if TYPE_CHECKING:
    from threading import Event

    from localdlc.config import Config

__all__ = ["OssSource", "open_oss"]

T = TypeVar("T")

PAGE = 1000
CHUNK = 1 << 20
# Seconds that a signed URL is good for.
VALID = 3600
# Seconds to connect, and for the next bytes to come.
TIMEOUT = (10.0, 60.0)
EXPIRED = "SecurityTokenExpired"
CRC64 = "x-oss-hash-crc64ecma"
UNKNOWN_HOST = re.compile("NameResolutionError|getaddrinfo|Name or service not known")
TRANSPORT = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class Oss(OSSFileSystem):  # type: ignore[misc]  # it has no types
    """ossfs, with keys that are renewed (None: without keys) and its client of one bucket."""

    def __init__(self, endpoint: str, ring: KeyRing | None) -> None:
        super().__init__(endpoint=endpoint, skip_instance_cache=True)
        if ring:
            self._auth = oss2.ProviderAuth(ring)

    def bucket(self, name: str) -> Client:
        session = self._session
        return Client(self._auth, self._endpoint, name, session=session, connect_timeout=TIMEOUT)


def connections(url: str) -> urllib3.PoolManager:
    """As many as anybody may want side by side; by the proxy that the environment names."""
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    certificates = os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    given: dict[str, Any] = {
        "maxsize": MOST,
        "ca_certs": certificates,
        "timeout": urllib3.Timeout(*TIMEOUT),
    }
    return urllib3.ProxyManager(proxy, **given) if proxy else urllib3.PoolManager(**given)


def open_oss(
    uri: str, config: Config, environment: Mapping[str, str], cancelled: Event
) -> OssSource:
    """The source at an ``oss://`` Uri, with the user's keys, or without where there are none."""
    place = oss_place(uri)
    ring: KeyRing | InputError
    try:
        ring = key_ring(config, environment)
    except InputError as error:  # a public bucket needs none
        ring = error
    endpoint = endpoint_of(place, config, environment)
    signing = None if isinstance(ring, InputError) else ring
    try:
        bucket = Oss(endpoint.url, signing).bucket(place.bucket)
    except (oss2.exceptions.ClientError, ValueError) as error:  # before anybody is asked
        raise impossible(uri, place, endpoint) from error
    return OssSource(uri, place.path, bucket, cancelled, endpoint, ring)


def impossible(uri: str, place: OssPlace, endpoint: Endpoint) -> InputError:
    """Why there is nobody to ask."""
    if not oss2.utils.is_valid_bucket_name(place.bucket):
        return InputError(
            f"{uri}: no bucket can be called {place.bucket}: names are 3 to 63 of a-z, 0-9 and -. "
            f"Check the Uri, or map it: --map {uri}=FOLDER."
        )
    return InputError(
        f"{uri}: {endpoint.url}, which is from {endpoint.origin}, is no endpoint; "
        "it is oss-<region>.aliyuncs.com, or a URL."
    )


def key_ring(config: Config, environment: Mapping[str, str]) -> KeyRing:
    """The user's keys. Raises `InputError` where there are none."""
    return KeyRing(lambda: oss_keys(config, environment))


class Endpoint(NamedTuple):
    """Where buckets answer, and in words who says so."""

    url: str
    origin: str


def endpoint_of(place: OssPlace, config: Config, environment: Mapping[str, str]) -> Endpoint:
    """The Uri's endpoint, else ``OSS_ENDPOINT``, else that of ``[oss]``; by HTTPS if none says."""
    variable = environment.get("OSS_ENDPOINT")
    given = variable or config.oss.endpoint or ""
    given = given if "://" in given or not given else f"https://{given}"
    if place.endpoint and urlsplit(given).netloc != place.endpoint:
        return Endpoint(f"https://{place.endpoint}", "the Uri")
    if not given:
        raise InputError(
            f"{place} does not say where the bucket is. Write "
            f"oss://{place.bucket}.oss-REGION.aliyuncs.com/{place.path}, set OSS_ENDPOINT, or give "
            "endpoint under [oss] in localdlc.toml."
        )
    table = f"[oss] of {config.origins.get('oss', 'localdlc.toml')}"
    return Endpoint(given, "OSS_ENDPOINT" if variable else table)


class OssSource:
    """A prefix, or one object, of a bucket."""

    file_first = False

    def __init__(
        self,
        uri: str,
        path: str,
        bucket: Client,
        cancelled: Event,
        endpoint: Endpoint,
        ring: KeyRing | InputError,
    ) -> None:
        """``ring`` is an error where there are no keys."""
        self.uri = uri
        self._object = path
        self._prefix = f"{path.rstrip('/')}/" if path.strip("/") else ""
        self._root = self._prefix
        self._bucket = bucket
        self._cancelled = cancelled
        self._endpoint = endpoint
        self._ring = ring
        self._connections = connections(endpoint.url)
        self._crcs: dict[str, int] = {}

    def whole(self) -> Iterator[Entry]:
        for entries in ahead(self._listed(self._prefix, "")):
            yield from entries

    def folder(self, path: str) -> Iterator[Entry]:
        for entries in self._listed(self._prefix + path, "/"):
            yield from entries

    def single(self) -> Entry | None:
        """One call: the first key with a prefix is the prefix itself, if there is such a key."""
        if not self._object or self._object.endswith("/"):
            return None
        objects = self._page(self._object, most=1).objects
        if not objects or objects[0].key != self._object:
            return None
        self._root = self._object.removesuffix(self._object.rpartition("/")[2])
        return self._entry(objects[0])

    def beside(self) -> Iterator[str]:
        folder = self._object.rstrip("/").rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        page = self._page(prefix, "/")
        yield from (found.key[len(prefix) :] for found in page.objects)
        yield from (found[len(prefix) :].rstrip("/") for found in page.prefixes)

    def divisible(self, entry: Entry) -> bool:
        return True

    def read(self, entry: Entry, start: int, end: int | None) -> Iterator[bytes]:
        # Exactly what was listed: a change in between is a 412, and not a mixture.
        headers = {"If-Match": f'"{entry.version}"'} if entry.version else {}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        answer = self._told(lambda: self._get(self._root + entry.path, headers), entry.path)
        try:
            if "Range" in headers and answer.status != 206:  # OSS sends all for a range it dislikes
                raise Changed(entry.path)
            if entry.version and answer.headers.get("ETag", "").strip('"') != entry.version:
                raise Changed(entry.path)
            if crc := answer.headers.get(CRC64):
                self._crcs[entry.path] = int(crc)
            # What there is, not what there might be: a break loses nothing that has come.
            while chunk := answer.read1(CHUNK):
                yield chunk
        except urllib3.exceptions.HTTPError as error:
            raise Broken(f"the connection broke ({type(error).__name__})") from error
        finally:
            answer.close()  # one that was read to its end is back among the others by now

    def _get(self, key: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        url = self._bucket.sign_url("GET", key, VALID, slash_safe=True)
        answer = self._connections.request(
            "GET", url, headers=headers, preload_content=False, retries=False
        )
        if answer.status // 100 != 2:
            raise oss2.exceptions.make_exception(answer)
        return answer

    def crc64(self, entry: Entry) -> int | None:
        return self._crcs.get(entry.path)

    def close(self) -> None:
        self._connections.clear()
        self._bucket.session.session.close()

    def _listed(self, prefix: str, delimiter: str) -> Iterator[list[Entry]]:
        """A page at a time."""
        following: str | None = ""
        cut = len(self._prefix)
        while following is not None:
            page = self._page(prefix, delimiter, following)
            entries = [self._entry(found) for found in page.objects]
            entries += [Entry(folder[cut:]) for folder in page.prefixes]
            # A folder may have an object of its own, which stands for nothing else.
            yield sorted(entry for entry in entries if entry.path != prefix[cut:])
            following = page.following

    def _page(self, prefix: str, delimiter: str = "", token: str = "", most: int = PAGE) -> Page:
        def ask() -> Page:
            return self._told(lambda: self._bucket.page(prefix, delimiter, token, most))

        return patiently(f"listing {self.uri}", ask, self._cancelled)

    def _entry(self, found: Found) -> Entry:
        path = found.key[len(self._root) :]
        if found.type == "Symlink":  # size and ETag are the link's, not the content's
            return Entry(path, None)
        return Entry(path, found.size, found.etag)

    def _told(self, call: Callable[[], T], path: str = "") -> T:
        """The result, or what went wrong in our terms."""
        token = self._token()
        try:
            return call()
        except oss2.exceptions.RequestError as error:
            raise self._unreachable(error) from error
        except oss2.exceptions.ServerError as error:
            raise self._refused(error, path, token) from error
        except ValueError as error:  # an answer cut short is no XML
            raise Broken("an answer broke off") from error
        except TRANSPORT as error:
            raise Broken(f"the connection broke ({type(error).__name__})") from error
        except SyntaxError as error:  # xml.etree's ParseError is one
            raise Broken("a listing broke off") from error

    def _unreachable(self, error: Exception) -> Exception:
        url, origin = self._endpoint
        if UNKNOWN_HOST.search(str(error)):
            return InputError(
                f"{self.uri}: there is no host {urlsplit(url).netloc}. Check the endpoint, which "
                f"is from {origin} (oss-<region>.aliyuncs.com), and this machine's network."
            )
        return Broken(f"the endpoint {url}, which is from {origin}, does not answer")

    def _token(self) -> str | None:
        return None if isinstance(self._ring, InputError) else self._ring.keys.security_token

    def _refused(self, error: Any, path: str, token: str | None) -> Exception:
        """``token`` was known before the request; it may have been renewed since."""
        if error.status >= 500 or error.status == 429:
            return Broken(f"OSS answered {error.status} {error.code}")
        if error.status in (404, 412, 416) and path and error.code != "NoSuchBucket":
            return Changed(path)
        if isinstance(self._ring, InputError):
            if error.status == 403:
                return self._ring
            origin = ""
        else:
            if error.code == EXPIRED and self._ring.refused(token):
                return Broken("the token had expired")
            origin = self._ring.keys.origin
        said = f"{error.code or error.status}: {error.message}".rstrip(": ")
        return InputError(f"{self.uri}: OSS refuses with {said} {advice(error, origin)}")


def advice(error: Any, origin: str) -> str:
    """What to do about a refusal; ``origin`` is where the keys came from."""
    elsewhere = error.details.get("Endpoint")
    if elsewhere:
        return f"The bucket is at {elsewhere}: write that endpoint into the Uri."
    told = {
        "NoSuchBucket": "Check the bucket's name and its region's endpoint.",
        "InvalidAccessKeyId": f"The keys are those of {origin}; OSS does not know them.",
        "SignatureDoesNotMatch": f"The keys are those of {origin}; the secret is not the key's.",
        EXPIRED: f"The keys are those of {origin}; get a new token.",
        "RequestTimeTooSkewed": "This machine's clock is wrong.",
    }
    with suppress(KeyError):
        return told[error.code]
    if error.status == 403:
        return (
            f"The keys are those of {origin}; they need oss:ListObjects on the bucket and "
            "oss:GetObject on its objects."
        )
    return ""
