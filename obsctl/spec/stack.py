"""What the user wants running: the values of ``obsctl.yaml``, and the keys they are read from."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from obsctl.access.options import AuthOptions, ComponentAccess, ScrapeOptions, TlsOptions
from obsctl.access.secret_text import SECRET, SecretText
from obsctl.errors import Place
from obsctl.languages.globs import escape
from obsctl.schema.findings import Findings
from obsctl.schema.records import AsWritten, Key, KnownKeys, RecordType, key, place, record
from obsctl.schema.scalars import FLAG, TEXT, duration, size, text_like
from obsctl.schema.source import SourceCursor
from obsctl.schema.types import Choice, ListOf, choice
from obsctl.spec.contract import Contract
from obsctl.spec.presets import preset_names, product_names, role_options
from obsctl.spec.remote import RemoteStack
from obsctl.spec.scalars import (
    FILE,
    GLOB,
    HOST_NAME,
    IMAGE,
    LOG_FILES,
    NAME,
    ORIGIN,
    PAGE,
    PLATFORM,
    REGISTRY,
    URL_OR_NONE,
)
from obsctl.spec.steps import Step

RuntimeChoice = Literal["auto", "embedded", "docker", "remote"]

CONTAINER_PORTS: Mapping[str, int] = {
    "traceql": 3200,
    "shipper": 12345,
    "collector_health": 13133,
}
"""Ports that only a stack of containers listens on."""

DEFAULT_PORTS: Mapping[str, int] = {
    "otlp_grpc": 4317,
    "otlp_http": 4318,
    "prometheus": 9090,
    "loki": 3100,
    "jaeger": 16686,
    "redis": 6379,
    "api": 8000,
    "worker": 8001,
    "ai": 8002,
    "alerts": 9093,
    "dashboards": 3000,
    **CONTAINER_PORTS,
}
"""Every port a stack listens on, under the key that moves it in ``ports:``."""


_UNESCAPED = "/$&+,:;=@~"
"""What Go leaves alone in a path, besides letters and digits."""

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_LABEL = text_like(_IDENTIFIER, "a label such as cluster")
_LAG = duration("10ms", "1h")
_GLOBS = ListOf(FILE, "a list of globs")


@record("retention")
class Retention:
    """What the embedded runtime keeps: at most ``age`` seconds and ``size`` bytes."""

    age: float = key(duration("1m", "10y"), "Older data is removed.", default=AsWritten("24h"))
    size: int = key(size(16 * 1024**2), "Above this the oldest data is removed.", default=AsWritten("2GiB"))


def _image_keys() -> tuple[Key[str], ...]:
    return tuple(Key(name, IMAGE, f"Image to use for {name}.", shown="the preset's") for name in product_names())


def _role(question: str) -> Choice[str]:
    """What a spec may answer to a question that the preset answers otherwise."""
    return Choice(lambda: role_options()[question])


@record("access")
class AllowedAccess:
    """Whom the embedded server answers beside this machine: other names for it, and pages of other origins.

    In a stack of containers the collector takes OTLP from the same pages; its patterns have one ``*`` at most.
    """

    hosts: tuple[str, ...] = key(
        ListOf(HOST_NAME, "a list of host names"), "Other names under which this machine is asked.", default=()
    )
    origins: tuple[str, ...] = key(
        ListOf(ORIGIN, "a list of origins"), "Pages that may send telemetry and read it (`*`: any text).", default=()
    )
    token: SecretText | None = key(
        SECRET,
        "Bearer token of every request, where `bind` lets other machines in.",
        default=None,
        shown="made at random",
    )


@record("containers")
class Choices:
    """How a stack of containers is made up. Empty or None leaves it to the preset.

    ``images`` maps a product to an image that replaces the preset's. ``registry`` is put before the preset's images,
    ``platform`` is such as ``linux/arm64``. ``log_ids`` says whether trace, span and request ids become structured
    metadata of log lines or labels; ``debug`` has the collector print what passes through it. ``alerting`` says whether
    there is an Alertmanager, ``dashboards`` whether there is a Grafana.
    """

    preset: str = key(Choice(preset_names), "Set of versions that work together.", default="current")
    metrics: str = key(_role("metrics"), "What stores metrics.", default="", shown="the preset's")
    logs: str = key(_role("logs"), "What stores log lines.", default="", shown="the preset's")
    traces: str = key(
        _role("traces"),
        "What stores traces; embedded, whose API answers.",
        default="",
        shown="the preset's",
    )
    shipper: str = key(_role("shipper"), "What follows log files.", default="", shown="the preset's")
    alerting: bool | None = key(FLAG, "Whether there is an Alertmanager.", default=None, shown="the preset's")
    dashboards: bool = key(FLAG, "Whether there is a Grafana.", default=True)
    images: Mapping[str, str] = key(
        KnownKeys("images", _image_keys), "Images that replace the preset's.", default={}, shown="see below"
    )
    registry: str = key(REGISTRY, "Mirror that the preset's images are taken from.", default="", shown="Docker Hub")
    platform: str = key(PLATFORM, "Platform of the images.", default="", shown="the engine's")
    log_ids: Literal["metadata", "labels"] = key(
        choice("metadata", "labels"),
        "Where log lines keep trace, span and request id; labels make a stream of every request.",
        default="metadata",
    )
    debug: bool = key(FLAG, "Whether the collector prints what passes through it.", default=False)


@record("a component")
class Component:
    """One process of a service: its ``service.name``, where it answers, and where its logs are.

    ``url`` has no path ("": it answers nothing); ``metrics`` and ``ready`` are paths on it, or URLs of their own, "" if
    there is none. ``logs`` is a file glob, or "" where logs come by OTLP.
    """

    name: str = key(NAME, "Its `service.name`; a component of the contract.")
    url: str = key(URL_OR_NONE, 'Where it answers, without a path; "" for a worker that answers nothing.')
    metrics: str = key(
        PAGE, 'Its metrics, as a path, or as a URL where another port has them; "" for none.', default="/metrics"
    )
    ready: str = key(PAGE, 'What answers 200 when it is ready, as a path or a URL; "" for none.', default="/readyz")
    logs: str = key(
        LOG_FILES, "Glob of its log files, relative to this file.", default="", shown="it sends them by OTLP"
    )
    tls: TlsOptions = key(
        RecordType(TlsOptions), "How `https` is spoken with it.", default=TlsOptions(), shown="as the system does"
    )
    auth: AuthOptions = key(
        RecordType(AuthOptions), "Credentials of requests to it.", default=AuthOptions(), shown="none"
    )

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """A path needs a URL that it is on."""
        for name in ("metrics", "ready"):
            if not self.url and cursor.given(name) and getattr(self, name).startswith("/"):
                hint = "Give the whole URL of that page, or say under `url` where the component answers."
                findings.add(cursor.spot(name), f"{name} is a path, and url is empty", hint)

    @property
    def located(self) -> Component:
        """The same without the pages that would be on a URL that it does not have."""
        metrics, ready = (page if self.url or page[:1] != "/" else "" for page in (self.metrics, self.ready))
        return replace(self, metrics=metrics, ready=ready)

    @property
    def access(self) -> ComponentAccess:
        """How requests to it are made."""
        return ComponentAccess(self.tls, self.auth)

    @property
    def metrics_url(self) -> str:
        """Where its metrics are, percent-encoded as Prometheus does; "" for nowhere."""
        return _page_url(self.url, self.metrics)

    @property
    def ready_url(self) -> str:
        """What to ask whether it is ready; "" for nothing."""
        return _page_url(self.url, self.ready)


def _page_url(base: str, page: str) -> str:
    """The URL of a path, or of a page with one of its own. Encoded as Go's ``url.URL`` writes a path."""
    parts = urlsplit(f"{base}{page}" if page.startswith("/") else page)
    return f"{parts.scheme}://{parts.netloc}{quote(unquote(parts.path), safe=_UNESCAPED)}" if page else ""


@record("a lag budget")
class LagBudget:
    """Seconds that telemetry of each signal may take from when it was sent until a query finds it; None for any."""

    metrics: float | None = key(_LAG, "Of the counts that requests raise.", default=None, shown="any")
    traces: float | None = key(_LAG, "Of the last span of a trace.", default=None, shown="any")
    logs: float | None = key(_LAG, "Of a log line.", default=None, shown="any")


@record("verify")
class VerifyOptions:
    """What ``verify`` requires of a service besides its contract."""

    lag: LagBudget = key(
        RecordType(LagBudget),
        "The longest that telemetry may take from when it was sent until a query finds it.",
        default=LagBudget(),
        shown="any",
    )


@dataclass(frozen=True)
class Service:
    """A service under observation. ``run`` names a bundled service that obsctl starts itself, or is empty.

    ``scrape`` says how its metrics are taken, as Prometheus' scrape configuration does. ``elsewhere`` are components of
    its contract that other services of the stack have.
    """

    name: str
    contract: Contract
    components: tuple[Component, ...]
    run: Literal["", "sample"] = ""
    drive: tuple[Step, ...] = ()
    scrape: ScrapeOptions = ScrapeOptions()
    verify: VerifyOptions = VerifyOptions()
    elsewhere: tuple[Component, ...] = ()

    @property
    def entry(self) -> Component:
        """The component that driven requests go to: the first one."""
        return self.components[0]

    @property
    def logs_by_otlp(self) -> frozenset[str]:
        """The components whose logs are in no file that is known: what they have, they send."""
        in_files = {c.name for c in (*self.components, *self.elsewhere) if c.logs}
        return frozenset() if self.run else frozenset(self.contract.components) - in_files


@record("a suppression")
class Suppression:
    """A finding that is accepted: globs for its id and for what it is about, and why that is so."""

    id: str = key(text_like(r"[a-z0-9*?.-]{1,100}", "the id of a finding"), "Id of the finding (a glob).")
    target: str = key(TEXT, "What it is about (a glob): metric, alert, panel or file.")
    reason: str = key(text_like(r"[\s\S]*\S[\s\S]*", "a sentence"), "Why it is accepted.")
    place: Place = place(default=Place(""))


@record("check")
class Inspected:
    """What ``check`` looks at besides the spec, and what it may take for granted.

    ``rules``, ``dashboards`` and ``scrapes`` are globs below the stack's folder. ``external`` are globs for metrics
    that come from elsewhere, ``labels`` are those that scraping adds to every series.
    """

    rules: tuple[str, ...] = key(_GLOBS, "Rule files of your own (globs).", default=())
    dashboards: tuple[str, ...] = key(_GLOBS, "Dashboards of your own (globs).", default=())
    scrapes: tuple[str, ...] = key(_GLOBS, "Files with the text of a scrape (globs).", default=(), name="scrape")
    external: tuple[str, ...] = key(
        ListOf(GLOB, "a list of globs"), "Metrics that come from elsewhere (globs).", default=()
    )
    labels: tuple[str, ...] = key(
        ListOf(_LABEL, "a list of labels"), "Labels that scraping adds to every series.", default=()
    )
    suppressions: tuple[Suppression, ...] = key(
        ListOf(RecordType(Suppression), "a list of suppressions"),
        "Findings that are accepted.",
        default=(),
        name="suppress",
    )


@dataclass(frozen=True)
class Stack:
    """The whole spec. ``folder`` is where ``obsctl.yaml`` is (or would be); state lives in ``folder/.obsctl``."""

    name: str
    folder: Path
    services: tuple[Service, ...]
    runtime: RuntimeChoice = "auto"
    bind: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_PORTS))
    port_offset: int = 0
    scrape_interval: float = 2.0
    retention: Retention = Retention()
    alerts_url: str = ""
    span_metrics: bool = True
    access: AllowedAccess = AllowedAccess()
    remote: RemoteStack | None = None
    choices: Choices = Choices()
    check: Inspected = Inspected()
    source: Path | None = None

    @property
    def deployed(self) -> bool:
        """Whether the rules and dashboards of the contracts are in use where the stack runs."""
        return self.remote.deployed if self.runtime == "remote" and self.remote else True

    def log_glob(self, component: Component) -> str:
        """The absolute glob of a component's log files; the spec's folder is taken literally, whatever its name."""
        below = f"{self.folder}/"
        if component.logs.startswith(below):
            return escape(below) + component.logs.removeprefix(below)
        return component.logs

    def with_port_offset(self, offset: int) -> Stack:
        """The same stack with every port of it moved by ``offset``, the URLs of services it runs included."""
        ports = {name: port + offset for name, port in self.ports.items()}
        return replace(
            self,
            port_offset=self.port_offset + offset,
            ports=ports,
            services=tuple(_move(s, self.ports, ports) for s in self.services),
        )


def is_loopback(bind: str) -> bool:
    """Whether an address is this machine's alone."""
    return bind == "localhost" or ipaddress.ip_address(bind).is_loopback


def url_host(bind: str) -> str:
    """The host part of a URL that reaches a listener bound to ``bind``: a wildcard answers on loopback."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared, never bound
    return f"[{reachable}]" if ":" in reachable else reachable


def _move(service: Service, old: Mapping[str, int], new: Mapping[str, int]) -> Service:
    """A service that obsctl runs listens on the stack's ports; others keep the address their owner gave them."""
    if not service.run:
        return service
    moved = tuple(replace(c, url=c.url.removesuffix(f":{old[c.name]}") + f":{new[c.name]}") for c in service.components)
    return replace(service, components=moved)
