"""Requests to the server's applications in this process, and what an answer may be."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from cramjam import snappy
from starlette.types import ASGIApp, Message

from obsctl.embedded import app as embedded
from obsctl.embedded.alerting.alert_store import AlertStore
from obsctl.embedded.alerting.routing import routing
from obsctl.embedded.alerting.silences import Silences
from obsctl.embedded.alertmanager import api as alertmanager
from obsctl.embedded.alertmanager import notifications
from obsctl.embedded.http.body import Bodies
from obsctl.embedded.otlp.ingest import Ingest
from obsctl.embedded.redaction import Redactor
from obsctl.embedded.self_metrics import SelfMetrics
from obsctl.embedded.store.sqlite import SqliteStore
from tests.fuzz import seeds
from tests.fuzz.mutate import Mutator
from tests.unit.embedded.test_api_hostile import PATHS, SEEDS

TEMPO = {
    "/api/search": ["q", "tags", "start", "end", "limit", "spss", "minDuration", "maxDuration"],
    "/api/v2/search/tags": ["scope", "start", "end"],
    "/api/v2/search/tag/resource.service.name/values": ["q", "start"],
    "/api/traces/ab": ["start", "end"],
    "/api/v2/traces/ab": ["start", "end"],
}
ALERTS = {
    "/api/v2/alerts": ["filter", "active", "receiver"],
    "/api/v2/silences": ["filter"],
    "/api/v2/alerts/groups": ["filter"],
}
PROTOBUF, JSON = "application/x-protobuf", "application/json"
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class FuzzRequest:
    """A request to the application of a role."""

    role: str
    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Receiver:
    """Where bodies go, and from what they are made."""

    role: str
    path: str
    media_type: str
    seeds: Sequence[bytes]
    packed: bool = False


def receivers() -> Iterator[Receiver]:
    """Every route that takes telemetry."""
    for signal, message in seeds.OTLP.items():
        yield Receiver("otlp_http", f"/v1/{signal}", PROTOBUF, [bytes(message.SerializeToString())])
        yield Receiver("otlp_http", f"/v1/{signal}", JSON, [seeds.otlp_json(signal)])
    yield Receiver("loki", "/otlp/v1/logs", JSON, [seeds.otlp_json("logs")])
    yield Receiver("prometheus", "/api/v1/otlp/v1/metrics", JSON, [seeds.otlp_json("metrics")])
    yield Receiver("loki", "/loki/api/v1/push", JSON, [seeds.push_json()])
    yield Receiver("loki", "/loki/api/v1/push", PROTOBUF, [seeds.push()], packed=True)
    yield Receiver("prometheus", "/api/v1/write", PROTOBUF, [seeds.remote_write()], packed=True)
    yield Receiver("alerts", "/api/v2/alerts", JSON, seeds.ALERTS)
    yield Receiver("alerts", "/api/v2/silences", JSON, seeds.SILENCES)
    yield Receiver("otlp_http", notifications.PATH, JSON, seeds.NOTIFICATIONS)


RECEIVERS = tuple(receivers())
QUERIES = (*SEEDS, *seeds.PROMQL, *seeds.LOGQL, *seeds.TRACEQL)


def _role_of(path: str) -> str:
    if path.startswith("/loki/"):
        return "loki"
    jaeger = ("/api/operations", "/api/services", "/api/traces", "/api/dependencies", "/api/v3/")
    return "jaeger" if path.startswith(jaeger) else "prometheus"


READS = (
    *((_role_of(path), path, names) for path, names in PATHS.items()),
    *(("traceql", path, names) for path, names in TEMPO.items()),
    *(("alerts", path, names) for path, names in ALERTS.items()),
)


def posted(mutator: Mutator) -> FuzzRequest:
    """A request that writes."""
    to = mutator.random.choice(RECEIVERS)
    body = (mutator.document if to.media_type == JSON else mutator.data)(to.seeds)
    if to.packed and mutator.random.random() < 0.9:
        body = bytes(snappy.compress_raw(body))
    return FuzzRequest(to.role, "POST", to.path, headers=(("content-type", to.media_type),), body=body)


def asked(mutator: Mutator) -> FuzzRequest:
    """A request that reads; one in ten as a form."""
    role, path, names = mutator.random.choice(READS)
    count = mutator.random.randint(0, min(4, len(names)))
    pairs = [(name, mutator.text(QUERIES)) for name in mutator.random.sample(names, count)]
    if mutator.random.random() < 0.1:
        path = mutator.text([path]).partition("?")[0] or "/"
    query = urlencode(pairs, errors="surrogateescape")
    return FuzzRequest(role, "GET", path, query)


@contextmanager
def applications(folder: Path | None = None) -> Iterator[Mapping[str, ASGIApp]]:
    """The applications of every HTTP role, over a real store."""
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        metrics = SelfMetrics()
        store = SqliteStore(place / "data", metrics=metrics)
        stack.callback(store.close)
        bodies = Bodies(MOST_BYTES)
        roles = embedded._roles(store, Ingest(store, Redactor((), (), metrics), metrics), bodies, metrics, tuple)
        roles["otlp_http"] += notifications.routes(bodies, store)
        alerts = AlertStore(routing(None), Silences(place))
        roles["alerts"] = [*alertmanager.routes(alerts, bodies, metrics)]
        yield embedded._apps(roles, metrics, pages=0)


@dataclass(frozen=True)
class FuzzAnswer:
    """A status, a media type and a body."""

    status: int
    media_type: str
    body: bytes


async def call(apps: Mapping[str, ASGIApp], request: FuzzRequest, patience: float = 30.0) -> FuzzAnswer:
    """Ask an application. Raises whatever it raises."""
    sent: list[Message] = []
    body = [{"type": "http.request", "body": request.body, "more_body": False}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return body.pop(0) if len(body) > 1 else body[0]

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),  # as uvicorn does it
        "raw_path": request.path.encode("utf-8", "surrogateescape"),
        "query_string": request.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in (("host", "localhost"), *request.headers)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }
    async with asyncio.timeout(patience):
        await apps[request.role](scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    text = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return FuzzAnswer(start["status"], headers.get("content-type", "").partition(";")[0], text)


def fault(request: FuzzRequest, answer: FuzzAnswer) -> str:
    """What is wrong with an answer; "" for nothing. Statuses are those of refusals, bodies the API's own envelope."""
    if answer.status >= 500 and answer.status not in (503, 504):
        return f"status {answer.status}"
    if answer.status in (503, 504) and b"time" not in answer.body:
        return f"status {answer.status}: {answer.body[:200]!r}"
    if answer.media_type != JSON:
        return ""
    try:
        document = json.loads(answer.body)
    except ValueError as error:
        return f"labelled as JSON, and none: {error}"
    wanted = _ENVELOPES.get(request.role)
    if (
        wanted
        and request.method == "GET"
        and answer.status != 404
        and not (isinstance(document, dict) and wanted & document.keys())
    ):
        return f"no envelope of {request.role}: {answer.body[:200]!r}"
    return ""


_ENVELOPES = {
    "prometheus": {"status"},
    "jaeger": {"data", "result", "errors", "error", "operations", "services", "summaries"},
}
