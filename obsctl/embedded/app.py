"""Wiring: the only module that knows the concrete store, and which routes are served on which port."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from obsctl.embedded import self_metrics
from obsctl.embedded.activation import Activation
from obsctl.embedded.alerting.alert_store import AlertStore
from obsctl.embedded.alerting.dispatch import AlertDelivery
from obsctl.embedded.alerting.routing import routing
from obsctl.embedded.alerting.silences import Silences
from obsctl.embedded.alertmanager import api as alertmanager
from obsctl.embedded.alertmanager import notifications
from obsctl.embedded.config import ALERTS_ROLE, ROLES, Address, Config
from obsctl.embedded.http.body import Bodies
from obsctl.embedded.http.guard import REFUSALS, Access, Guard
from obsctl.embedded.http.pages import WithPage
from obsctl.embedded.http.protocol import KEEP_ALIVE_SECONDS, HttpProtocol
from obsctl.embedded.jaeger import api as jaeger
from obsctl.embedded.logfiles.follow import LogFollower
from obsctl.embedded.loki import api as loki
from obsctl.embedded.loki import push as loki_push
from obsctl.embedded.loki import tail as loki_tail
from obsctl.embedded.otlp import grpc as otlp_grpc
from obsctl.embedded.otlp import http as otlp_http
from obsctl.embedded.otlp.ingest import Ingest
from obsctl.embedded.otlp.logs import ID_FIELDS
from obsctl.embedded.otlp.signals import OtlpOptions
from obsctl.embedded.prometheus import api as prometheus
from obsctl.embedded.prometheus import remote_write
from obsctl.embedded.prometheus import rules as prometheus_rules
from obsctl.embedded.prometheus.scrape import Scraping
from obsctl.embedded.records import TargetStatus
from obsctl.embedded.redaction import Redactor
from obsctl.embedded.rules.group import Tell
from obsctl.embedded.rules.load import load as load_rules
from obsctl.embedded.rules.manager import RuleManager
from obsctl.embedded.rules.model import AlertOrigin
from obsctl.embedded.self_metrics import SelfMetrics
from obsctl.embedded.spanmetrics.collector import SpanMetrics
from obsctl.embedded.store.base import RetentionLimits, Sink
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.embedded.tempo import api as tempo
from obsctl.errors import StartError

_HTTP_ROLES = (*(role for role in ROLES if role != "otlp_grpc"), ALERTS_ROLE)
_BACKLOG = 512
_WEBSOCKET_BYTES = 1 << 16
"""What a client that follows logs may say at once."""

_GRACE_SECONDS = 5


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then commit what was queued. ``StartError`` when it cannot start."""
    with ExitStack() as stack:
        listening = [role for role in _HTTP_ROLES if role in config.listen]
        sockets = {role: stack.enter_context(_bind(config.listen[role], role)) for role in listening}
        activations = [
            Activation(stack.enter_context(_bind(port.listen, "activate")), port.command) for port in config.activate
        ]
        metrics, access = SelfMetrics(), _access(config)
        started = time.time()
        metrics.gauge(self_metrics.START_TIME, lambda: started)
        limits = config.limits
        store = SqliteStore(
            config.data_dir, queue_items=limits.queue_items, retention=_retention(config), metrics=metrics
        )
        stack.callback(store.close)
        redactor = Redactor(config.scrub.attributes, tuple(config.scrub.patterns.values()), metrics)
        sink: Sink = store
        if config.span_metrics:
            sink = counting = SpanMetrics(store, metrics)
            stack.callback(counting.close)
        ids = ID_FIELDS.intersection(config.log_fields.labels)
        ingest = Ingest(sink, redactor, metrics, OtlpOptions(config.namespaces, ids))
        stack.callback(
            _start_grpc(config.listen["otlp_grpc"], ingest, limits.body_bytes, access.knows if access.token else None)
        )
        scraping = Scraping(config.scrape, store, metrics)
        stack.callback(scraping.close)
        follower = LogFollower(config.log_files, config.log_fields, store, redactor, metrics, store.positions())
        stack.callback(follower.close)
        alerting = _alerting(config, metrics)
        stack.callback(alerting.close)
        rules = _rules(config, store, metrics, alerting.send)
        stack.callback(rules.close)
        bodies = Bodies(limits.body_bytes)
        roles = _roles(store, ingest, bodies, metrics, scraping.statuses)
        roles["otlp_http"] += notifications.routes(bodies, store)
        roles["prometheus"] += prometheus_rules.routes(rules.statuses, alerting.urls)
        roles["alerts"] = [*alertmanager.routes(alerting.alerts, bodies, metrics)]
        apps = _apps(roles, metrics, config.pages)
        by_port = _ByPort({sockets[role].getsockname()[1]: apps[role] for role in sockets})
        on_wrong_protocol = partial(_count_wrong_protocol, metrics)
        _serve(_guarded(by_port, config, metrics), list(sockets.values()), on_wrong_protocol, activations)


def _guarded(app: ASGIApp, config: Config, metrics: SelfMetrics) -> ASGIApp:
    for reason in REFUSALS:
        metrics.add(self_metrics.BROWSER_REFUSED, 0, reason)
    return Guard(app, _access(config), lambda reason: metrics.add(self_metrics.BROWSER_REFUSED, 1, reason))


def _access(config: Config) -> Access:
    """Raises UsageError for a token that cannot be read."""
    token = config.access.token
    return Access(config.access.hosts, config.access.origins, token.value() if token else "")


def _credentials(config: Config) -> Callable[[str], Mapping[str, str]]:
    """The headers of a request to this server itself."""
    token, own = _access(config).token, {urlsplit(address.url).netloc for address in config.listen.values()}
    return lambda url: {"Authorization": f"Bearer {token}"} if token and urlsplit(url).netloc in own else {}


def _retention(config: Config) -> RetentionLimits:
    return RetentionLimits(config.retention.age, config.retention.size)


def _alerting(config: Config, metrics: SelfMetrics) -> AlertDelivery:
    own = config.listen[ALERTS_ROLE].url if ALERTS_ROLE in config.listen else ""
    alerts = AlertStore(routing(config.alerting), Silences(config.data_dir))
    return AlertDelivery(alerts, config.rules.alertmanagers, own, metrics, _credentials(config))


def _rules(config: Config, store: SqliteStore, metrics: SelfMetrics, tell: Tell) -> RuleManager:
    """Evaluates the rules of all files. ``UsageError`` when one of them cannot be read."""
    groups = load_rules(config.rules.files, round(config.rules.interval * 1000))
    around = AlertOrigin(external_url=config.listen["prometheus"].url)
    return RuleManager(groups, store, store, tell, around, metrics)


def _start_grpc(
    address: Address, ingest: Ingest, body_limit: int, authorized: Callable[[str], bool] | None
) -> Callable[[], None]:
    """Serve gRPC; gives what stops it once the requests under way are answered."""
    # gRPC writes a log to standard error when it cannot listen, and does not say why. The operating system does.
    _bind(address, "otlp_grpc").close()
    try:
        server = otlp_grpc.start(str(address), ingest, body_limit, authorized)
    except OSError as error:
        raise StartError(f"{address} (otlp_grpc) cannot be used: {error}.") from error

    def stop() -> None:
        server.stop(grace=_GRACE_SECONDS).wait()

    return stop


def _bind(address: Address, role: str) -> socket.socket:
    """A listening socket. It listens at once: two sockets may share an address until one of them does."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise cannot_listen(address, role, error) from error
    return listener


def cannot_listen(address: Address, role: str, error: OSError) -> StartError:
    """The sentence for an address that cannot be had."""
    reason = "is taken by another process" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
    return StartError(f"{address} ({role}) {reason}.")


def _roles(
    store: SqliteStore,
    ingest: Ingest,
    bodies: Bodies,
    metrics: SelfMetrics,
    targets: Callable[[], Sequence[TargetStatus]],
) -> dict[str, list[BaseRoute]]:
    """The routes of every HTTP role."""
    return {
        "otlp_http": [*otlp_http.routes(ingest, bodies)],
        "prometheus": [
            *otlp_http.routes(ingest, bodies, "/api/v1/otlp", ("metrics",)),
            *remote_write.routes(store, metrics, bodies),
            *prometheus.routes(store, targets),
        ],
        "loki": [
            *otlp_http.routes(ingest, bodies, "/otlp", ("logs",), success=204),
            *loki_push.routes(store, metrics, bodies),
            *loki.routes(store),
            *loki_tail.routes(store),
        ],
        "jaeger": [*jaeger.routes(store)],
        "traceql": [*tempo.routes(store)],
    }


def _apps(roles: Mapping[str, Sequence[BaseRoute]], metrics: SelfMetrics, pages: int) -> dict[str, ASGIApp]:
    """The application of every HTTP role."""
    own = _own_routes(metrics)
    unknown = {"otlp_http": otlp_http.unknown_path(metrics)}
    return {role: WithPage(_app([*own, *served], unknown.get(role)), role, pages) for role, served in roles.items()}


def _app(routes: Sequence[BaseRoute], unknown: ASGIApp | None = None) -> ASGIApp:
    app = Starlette(routes=routes)
    app.router.default = unknown or app.router.default
    app.router.redirect_slashes = False  # none of the products redirects
    return app


def _own_routes(metrics: SelfMetrics) -> list[BaseRoute]:
    """Health and the server's own metrics, the same on every port."""

    async def ready(_request: Request) -> Response:
        return PlainTextResponse("ready\n")

    async def expose(_request: Request) -> Response:
        return Response(metrics.expose(), headers={"content-type": self_metrics.CONTENT_TYPE})

    return [
        *(Route(path, ready, methods=["GET"]) for path in ("/-/ready", "/-/healthy", "/ready")),
        Route("/metrics", expose, methods=["GET"]),
    ]


class _ByPort:
    """Gives a request to the application of the port it came in on."""

    def __init__(self, apps: Mapping[int, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["server"][1]](scope, receive, send)


class _Server(uvicorn.Server):
    """Uvicorn, without its habit of raising the signal again once it has stopped: there is a store to close."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def _count_wrong_protocol(metrics: SelfMetrics, protocol: str, port: int) -> None:
    metrics.add(self_metrics.WRONG_PROTOCOL, 1, protocol, str(port))


def _serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    on_wrong_protocol: Callable[[str, int], None],
    activations: Sequence[Activation],
) -> None:
    config = uvicorn.Config(
        app,
        http=partial(HttpProtocol, on_wrong_protocol=on_wrong_protocol),  # type: ignore[arg-type]  # called, no more
        loop="uvloop",
        ws="wsproto",
        ws_max_size=_WEBSOCKET_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            server.should_exit = True
            for activation in activations:
                activation.end()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        for activation in activations:
            activation.watch()
        await server.serve(sockets=list(sockets))
        await asyncio.gather(*(activation.ended() for activation in activations))

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(main())
