"""AIWorkSpace, asked what the ids of a request stand for: GetDataset, GetCodeSource.

Needs the vendor's client: ``pip install 'localdlc[cloud]'``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from localdlc.config import CodeSource, Config, Dataset
from localdlc.errors import InputError, UsageError
from localdlc.stage.credentials import oss_keys

if TYPE_CHECKING:
    from localdlc.spec.request import CreateJobRequest, DataSource
    from localdlc.stage.sts import Keys

__all__ = ["Resolved", "resolve"]

REGION = "ALIBABA_CLOUD_REGION_ID"
# Milliseconds.
CONNECTING, READING = 5_000, 15_000


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the cloud has answered, as localdlc.toml would register it."""

    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    code_sources: Mapping[str, CodeSource] = field(default_factory=dict)

    def added_to(self, config: Config) -> Config:
        return replace(
            config,
            datasets={**config.datasets, **self.datasets},
            code_sources={**config.code_sources, **self.code_sources},
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was asked and answered, in a line each."""
        data = (f"{id_} is {d.uri} (GetDataset)." for id_, d in self.datasets.items())
        code = (f"{id_} is {c.shown} (GetCodeSource)." for id_, c in self.code_sources.items())
        return (*data, *code)


def resolve(request: CreateJobRequest, config: Config, environment: Mapping[str, str]) -> Resolved:
    """Asks for every id that the configuration does not know. Asks nobody when it knows all.

    Raises `InputError` in the cloud's words, `UsageError` without the client or a region.
    """
    data = [s for s in request.DataSources if unknown(s, config)]
    asked = request.CodeSource
    code = (asked and asked.CodeSourceId) or ""
    if code in config.code_sources:
        code = ""
    if not data and not code:
        return Resolved()
    workspace = Workspace(config, environment)
    return Resolved(
        {source.DataSourceId or "": workspace.dataset(source) for source in data},
        {code: workspace.code_source(code)} if code else {},
    )


def unknown(source: DataSource, config: Config) -> bool:
    id_ = source.DataSourceId
    return bool(id_) and id_ not in config.datasets and id_ not in config.map


class Workspace:
    """The vendor's client, in our words."""

    def __init__(self, config: Config, environment: Mapping[str, str]) -> None:
        region = config.oss.region or environment.get(REGION)
        host = config.cloud.workspace_endpoint or (region and f"aiworkspace.{region}.aliyuncs.com")
        if not host:
            raise UsageError(
                "--resolve cloud asks a region's AIWorkSpace: say which, with [oss] region in "
                f"localdlc.toml or {REGION}"
            )
        self._host = host
        self._client = client(host, region, oss_keys(config, environment))

    def dataset(self, source: DataSource) -> Dataset:
        from alibabacloud_aiworkspace20210204 import models

        id_, version = source.DataSourceId or "", source.DataSourceVersion
        body = self._ask(id_, self._client.get_dataset, id_, models.GetDatasetRequest())
        known = dataset_of(body)
        if not version:
            return known
        wanted = models.GetDatasetVersionRequest()
        name = f"{id_} {version}"
        body = self._ask(name, self._client.get_dataset_version, id_, version, wanted)
        own = dataset_of(body)
        return replace(
            known,
            versions={version: own.uri or ""},
            mount_path=own.mount_path or known.mount_path,
            access=own.access or known.access,
            property=own.property or known.property,
        )

    def code_source(self, id_: str) -> CodeSource:
        from alibabacloud_aiworkspace20210204 import models

        body = self._ask(id_, self._client.get_code_source, id_, models.GetCodeSourceRequest())
        return CodeSource(
            repository=body.code_repo or "",
            branch=body.code_branch or None,
            commit=body.code_commit or None,
            mount_path=body.mount_path or None,
            clone_type=1 if str(body.clone_type) == "1" else 0,
            user=body.code_repo_user_name or None,
            token=body.code_repo_access_token or None,
        )

    def _ask(self, name: str, question: Callable[..., Any], *arguments: Any) -> Any:
        from Tea.exceptions import TeaException

        try:
            return question(*arguments).body
        except TeaException as error:
            why = f"{error.code}: {error.message}" if error.code else str(error.message)
            raise InputError(f"{name} cannot be resolved at {self._host}: {why}") from None


def client(host: str, region: str | None, keys: Keys) -> Any:
    try:
        from alibabacloud_aiworkspace20210204.client import Client
        from alibabacloud_tea_openapi.models import Config as ClientConfig
    except ImportError as error:
        raise UsageError(
            "--resolve cloud needs the vendor's client: pip install 'localdlc[cloud]'"
        ) from error
    scheme, _, place = host.rpartition("://")
    return Client(
        ClientConfig(
            access_key_id=keys.access_key_id,
            access_key_secret=keys.access_key_secret,
            security_token=keys.security_token,
            region_id=region,
            endpoint=place,
            protocol=scheme or "https",
            connect_timeout=CONNECTING,
            read_timeout=READING,
        )
    )


def dataset_of(body: Any) -> Dataset:
    """Of a dataset or of one of its versions: the members are the same."""
    try:
        options = json.loads(body.options or "{}")
    except ValueError:
        options = {}
    mount_path = options.get("mountPath") if isinstance(options, dict) else None
    return Dataset(
        uri=body.uri or None,
        mount_path=mount_path or None,
        access=body.mount_access or None,
        property=body.property or None,
    )
