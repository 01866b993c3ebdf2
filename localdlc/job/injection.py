"""CredentialConfig, wired: every replica has somebody in its network who answers at port 7002.

Secrets come from this process when they are asked for, through a socket: they are in no file, in no
container's configuration and on no command line.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from localdlc.config import Config
from localdlc.errors import InputError
from localdlc.job.companion import Accompanying
from localdlc.plan.injection import Injection
from localdlc.plan.model import Plan
from localdlc.record.store import home_digest
from localdlc.run.engine import Engine
from localdlc.run.errands import Errands
from localdlc.run.inbox import Post
from localdlc.stage.credentials import Keys, profile_keys
from localdlc.stage.desk import Desk
from localdlc.stage.grants import Grants
from localdlc.stage.sts import sts_host

__all__ = ["Injected"]

PATH = "/api/v1/credentials/"
EXPORTED = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
REFUSED = (
    "localdlc gives no credentials to this job: run it with --credentials PROFILE, a profile of "
    "~/.aliyun/config.json on the machine it runs on."
)


class Injected:
    """The credentials of one job, from before its replicas are created until it is over."""

    def __init__(
        self,
        plan: Plan,
        injection: Injection,
        config: Config,
        environment: Mapping[str, str],
        learn: Callable[[Iterable[str]], None],
    ) -> None:
        """``learn`` hears every secret before anybody else does."""
        self._job_id = plan.job_id
        self._pods = tuple(replica.pod_id for replica in plan.replicas)
        self._home = home_digest(config.home)
        self._injection = injection
        self._desk = Desk(Path(injection.folder), self.answer)
        host = sts_host(config.cloud.sts_endpoint, config.oss.region)

        def own() -> Keys:
            return profile_keys(injection.profile or "", config, environment)

        self._grants = Grants(injection.grants, own, host, learn)

    def open(self, post: Post) -> None:
        """Before any replica is created. Raises `InputError` for keys that cannot be had."""
        self._desk.open(self._pods)
        self.variables()

    def beside(self, engine: Engine, post: Post) -> Engine:
        """The same engine; a replica that it starts has its relay until it has ended."""
        errands = Errands(engine, self._job_id, self._home)
        return Accompanying(engine, errands, self._desk, self.variables, post)

    def close(self) -> None:
        self._desk.close()

    def answer(self, path: str) -> tuple[int, dict[str, str]]:
        """What a replica is told; the names are those of the cloud's own answer."""
        if self._injection.profile is None:
            return 403, {"Code": "Forbidden", "Message": REFUSED}
        try:
            keys, expires = self._grants.keys(path.removeprefix(PATH))
        except KeyError:
            there = ", ".join(PATH + name for name in self._grants.names()) or "none"
            return 404, {"Code": "NotFound", "Message": f"There is no {path}, but {there}."}
        except InputError as error:
            return 403, {"Code": "Forbidden", "Message": str(error)}
        return 200, as_json(keys, expires)

    def variables(self) -> str:
        """What a replica's shell evaluates before the command."""
        key = self._injection.exported
        if self._injection.profile is None or key not in self._grants.names():
            return ""
        keys, _ = self._grants.keys(key)
        pairs = zip(EXPORTED, keys.secrets, strict=True)
        return "".join(f"export ALIBABA_CLOUD_{n}={shlex.quote(v)}\n" for n, v in pairs)


def as_json(keys: Keys, expires: datetime) -> dict[str, str]:
    return {
        "Code": "Success",
        "AccessKeyId": keys.access_key_id,
        "AccessKeySecret": keys.access_key_secret,
        "SecurityToken": keys.security_token or "",
        "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
