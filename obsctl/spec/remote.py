"""``remote:`` of ``obsctl.yaml``: where somebody else's stack answers, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

from obsctl.access.options import AuthOptions, ComponentAccess, TlsOptions
from obsctl.schema.findings import Findings
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import FLAG, duration
from obsctl.schema.source import SourceCursor
from obsctl.schema.types import Choice
from obsctl.spec.presets import role_options
from obsctl.spec.scalars import BASE_URL


@record("a remote endpoint")
class RemoteEndpoint:
    """An API of a stack that obsctl does not run."""

    url: str = key(BASE_URL, "Where the API begins, with the path before `/api/v1/query` and the like.")
    lag: float = key(
        duration("1ms", "10m"), "How long it may take until what was sent to it is found.", default=0.0, shown="0s"
    )
    tls: TlsOptions = key(
        RecordType(TlsOptions), "How `https` is spoken.", default=TlsOptions(), shown="as the system does"
    )
    auth: AuthOptions = key(RecordType(AuthOptions), "Credentials.", default=AuthOptions(), shown="none")

    @property
    def access(self) -> ComponentAccess:
        """How requests to it are made."""
        return ComponentAccess(self.tls, self.auth)


E = TypeVar("E", bound=RemoteEndpoint)


@record("a remote trace endpoint", kw_only=True)
class RemoteTraces(RemoteEndpoint):
    """Where traces are asked for."""

    api: str = key(Choice(lambda: role_options()["traces"]), "Whose query API it speaks.", default="jaeger")


def _below(endpoint: E | None, folder: Path) -> E | None:
    return endpoint and replace(endpoint, tls=endpoint.tls.below(folder), auth=endpoint.auth.below(folder))


@record("remote")
class RemoteStack:
    """Who answers in a stack of somebody else. obsctl reads there, and writes nothing."""

    metrics: RemoteEndpoint | None = key(
        RecordType(RemoteEndpoint), "Prometheus HTTP API: Prometheus, Mimir, VictoriaMetrics.", default=None
    )
    logs: RemoteEndpoint | None = key(RecordType(RemoteEndpoint), "Loki HTTP API.", default=None)
    traces: RemoteTraces | None = key(RecordType(RemoteTraces), "Query API of traces; see `api`.", default=None)
    alerts: RemoteEndpoint | None = key(RecordType(RemoteEndpoint), "Alertmanager API v2.", default=None)
    dashboards: RemoteEndpoint | None = key(RecordType(RemoteEndpoint), "Grafana HTTP API.", default=None)
    deployed: bool = key(
        FLAG, "Whether the rules and dashboards that `obsctl render` writes are in use there.", default=False
    )

    @property
    def asked(self) -> Iterator[tuple[str, RemoteEndpoint]]:
        """Each endpoint that is named, under its key."""
        named = ((f.name, getattr(self, f.name)) for f in fields(self) if f.name != "deployed")
        return ((name, endpoint) for name, endpoint in named if endpoint)

    def below(self, folder: Path) -> RemoteStack:
        """The same with paths of files taken from ``folder``."""
        return RemoteStack(
            metrics=_below(self.metrics, folder),
            logs=_below(self.logs, folder),
            traces=_below(self.traces, folder),
            alerts=_below(self.alerts, folder),
            dashboards=_below(self.dashboards, folder),
            deployed=self.deployed,
        )

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """A stack of which nothing is known cannot be asked."""
        if not any(True for _ in self.asked):
            findings.add(cursor.spot(), "no endpoint is named", "Give the url of metrics, logs or traces.")
