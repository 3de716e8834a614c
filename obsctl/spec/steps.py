"""The requests that ``verify`` may send: the steps of a service, and what each of them raises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

from obsctl.access.options import HEADER_NAME
from obsctl.json_types import Json
from obsctl.languages.placeholders import REQUEST, Placeholder
from obsctl.schema.findings import Findings
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import JSON, PLAIN, text_like, whole
from obsctl.schema.source import SourceCursor
from obsctl.schema.types import ListOf, MapOf, choice
from obsctl.spec.scalars import FILE, METHOD, METRIC_NAME_PATTERN, NAME, STEP_ROUTE, URL

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_DOTTED_PATH = r"[^.\s]+(\.[^.\s]+)*"
_HEADER_VALUE = text_like(r"[\x20-\x7e]{0,1000}", "printable ASCII text")
_VALUE_PATH = text_like(_DOTTED_PATH, "a dotted path such as job.id")
_METRIC_NAME = text_like(METRIC_NAME_PATTERN, "a Prometheus metric name")
_GRPC_ROUTE = r"/[A-Za-z_][\w.]*/[A-Za-z_]\w*"

GRPC_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


@record("a gRPC call")
class GrpcCall:
    """What makes a step a unary call of gRPC. The method is the step's ``route``, its JSON ``body`` the message."""

    url: str = key(URL, "Where the server answers, without a path.", default="", shown="the component's")
    descriptor: str = key(
        FILE,
        "File with the descriptors, relative to this one: `protoc --include_imports --descriptor_set_out=FILE`.",
        default="",
        shown="asked of the server (reflection)",
    )
    code: str = key(choice(*GRPC_CODES), "Status code that must come back.", default="OK")


@record("a rise")
class Rise:
    """A metric that one driven request raises by exactly ``by`` (a counter's value, a histogram's count)."""

    metric: str = key(_METRIC_NAME, "A counter or histogram of the contract.")
    labels: Mapping[str, str] = key(
        MapOf(PLAIN, "a mapping from labels to values"), "Only series with these labels.", default={}
    )
    by: int = key(whole(0, 1_000_000), "How much the step raises it, exactly.", default=1)


_PART_KEYS = frozenset({"file", "content", "filename", "type"})


@record("a step")
class Step:
    """One request that ``verify`` may send.

    ``route`` is the route template, with ``{name}`` for values captured earlier; it is also the path, filled in.
    ``capture`` maps a name to a dotted path into the JSON answer. ``until`` repeats the request until the JSON answer
    has these values (dotted path -> value). ``rises`` holds for the step as a whole, not for each repetition.
    ``params`` are values for names of the route that nothing was captured for. String values of all of these may use
    ``{canary}`` (the run's PII marker), ``{nonce}`` (unique per run) and captured names; those that are sent also
    ``${env:NAME}`` and ``${file:path}``, which are shown nowhere.
    """

    id: str = key(NAME, "What messages call it; unique in `drive`.")
    method: str = key(METHOD, "HTTP method.")
    route: str = key(STEP_ROUTE, "Route template, and the path once its `{names}` are filled in.")
    body: Json = key(JSON, "JSON body; texts may use `{canary}`, `{nonce}` and captured names.", default=None)
    params: Mapping[str, str] = key(
        MapOf(PLAIN, "a mapping from names to values", _IDENTIFIER, "an identifier"),
        "Name in the route -> its value, where no earlier step captured one.",
        default={},
    )
    query: Mapping[str, Json] = key(
        MapOf(JSON, "a mapping from parameters to values", r"[\s\S]+", "a parameter"),
        "Query string: parameter -> value, or a list of values.",
        default={},
    )
    form: Mapping[str, Json] = key(
        MapOf(JSON, "a mapping from fields to values", r"[\s\S]+", "a field"),
        "Body as a form (`application/x-www-form-urlencoded`): field -> value, or a list of values.",
        default={},
    )
    multipart: Mapping[str, Json] = key(
        MapOf(JSON, "a mapping from fields to parts", r"[\s\S]+", "a field"),
        "Body in parts (`multipart/form-data`): field -> text, `{file: path, type: …}` or "
        "`{content: …, filename: …, type: …}`; paths are relative to this file.",
        default={},
    )
    headers: Mapping[str, str] = key(
        MapOf(_HEADER_VALUE, "a mapping from headers to values", HEADER_NAME, "a header name"),
        "Headers to send, besides `traceparent`, `tracestate` and the request id.",
        default={},
    )
    grpc: GrpcCall | None = key(
        RecordType(GrpcCall),
        "Makes it a unary gRPC call: `route` is `/package.Service/Method`, `body` the message, `headers` are metadata.",
        default=None,
        shown="it is an HTTP request",
    )
    expect: int = key(whole(200, 599, "an HTTP status"), "Status that must come back.", default=200)
    capture: Mapping[str, str] = key(
        MapOf(_VALUE_PATH, "a mapping from names to paths", _IDENTIFIER, "an identifier"),
        "Name -> dotted path into the JSON answer, for later steps.",
        default={},
    )
    until: Mapping[str, Json] = key(
        MapOf(JSON, "a mapping from paths to values", _DOTTED_PATH, "a dotted path"),
        "Dotted path -> value: the request is repeated until the JSON answer has them all.",
        default={},
    )
    rises: tuple[Rise, ...] = key(
        ListOf(RecordType(Rise), "a list of rises"), "Metrics that the step raises.", default=()
    )

    @property
    def references(self) -> Mapping[str, Placeholder]:
        """``${env:NAME}`` and ``${file:path}`` in what is sent, by how they are written."""
        sent = (self.headers, self.body, self.query, self.form, self.multipart, self.params)
        return {p.text: p for text in _texts(sent) for p in REQUEST.placeholders(text) if p.format}

    @property
    def with_own_query(self) -> Step:
        """The same with what its route says after ``?`` among its ``query``."""
        route, _, text = self.route.partition("?")
        query: dict[str, list[Json]] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        return replace(self, route=route, query={**query, **self.query})

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """A request has one body, and its parts are of a known kind."""
        bodies = [name for name in ("body", "form", "multipart") if getattr(self, name)]
        if len(bodies) > 1:
            findings.add(cursor.spot(bodies[1]), f"{' and '.join(bodies)} are both the body", "Keep one of them.")
        for name, part in self.multipart.items():
            if isinstance(part, Mapping) and (set(part) - _PART_KEYS or ("file" in part) == ("content" in part)):
                message = f"part {name} must have one of file and content, and may have filename and type"
                findings.add(cursor.spot("multipart", name), message, "Write a text, or {file: report.pdf}.")
        if self.grpc:
            self._check_call(cursor, findings)

    def _check_call(self, cursor: SourceCursor, findings: Findings) -> None:
        """A call is a POST to its method, with a message."""
        if not re.fullmatch(_GRPC_ROUTE, self.route) or self.method != "POST":
            hint = "Write `method: POST` and a route such as /shop.Orders/Place."
            findings.add(cursor.spot("route"), "a gRPC call is a POST to /package.Service/Method", hint)
        for name in ("params", "query", "form", "multipart", "expect"):
            if cursor.given(name):
                hint = "Its message is `body`; the status that must come back is `code` below `grpc`."
                findings.add(cursor.spot(name), f"a gRPC call has no {name}", hint)


def _texts(value: object) -> Iterator[str]:
    """All texts in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for item in inner:
        yield from _texts(item)
