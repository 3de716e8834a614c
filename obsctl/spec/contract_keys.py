"""Key tables of ``contract.yaml`` and of metric families."""

from __future__ import annotations

from obsctl.spec.kinds import Key, ListOf, MapOf, OneOrMore, Record
from obsctl.spec.leaves import GLOB, HEADER, JSON, NAME, PLAIN, REGEX, REQUEST, TEXT, VERSION, choice, text_like
from obsctl.spec.metric_keys import ATTRIBUTE, METRIC
from obsctl.spec.slo_keys import SloEntry

_ID = text_like(r"[a-z0-9][a-z0-9._-]{0,62}", "an id such as api.server")
_ATTRIBUTE_KEY = text_like(r"\S{1,200}", "an attribute key such as http.route")
_EDGE = text_like(r"[a-z0-9-]+ -> [a-z0-9-]+", "an edge such as api -> worker")
_SLOS_DOC = "Its SLOs: names of shipped ones, files beside the contract (`slo/*.yaml`), or OpenSLO documents."
_COMPONENTS = ListOf(NAME, "a list of components", empty=False)

FAMILY_USE = Record(
    "a family",
    (
        Key("name", NAME, "Name of the family: a file of `templates/families`.", required=True),
        Key(
            "components", _COMPONENTS, "Each of these must expose its required metrics.", (), shown="at least one must"
        ),
    ),
    single="name",
)
SPAN = Record(
    "a span rule",
    (
        Key("id", _ID, "What messages call it; unique in the trace.", required=True),
        Key("component", NAME, "Which component records the span.", required=True),
        Key("kind", choice("internal", "server", "client", "producer", "consumer"), "Span kind.", "", shown="any"),
        Key("name", TEXT, "Span name; `*` matches anything.", "*", shown="`*`"),
        Key(
            "match",
            MapOf(OneOrMore(PLAIN), "a mapping from attributes to values"),
            "Attribute -> the value it must have, or a list of values; `*` matches anything.",
            {},
        ),
        Key("attributes", ListOf(_ATTRIBUTE_KEY, "a list of attribute keys"), "Attributes it must carry.", ()),
    ),
)
TRACE = Record(
    "a trace",
    (
        Key("request", REQUEST, "The request that makes the trace: `METHOD /route`.", required=True),
        Key("components", _COMPONENTS, "Components that take part.", required=True),
        Key("edges", ListOf(_EDGE, "a list of edges"), "`a -> b`: b is called below a, nobody between.", ()),
        Key("spans", ListOf(SPAN, "a list of span rules"), "Spans that the trace must contain.", ()),
    ),
)
LOGS = Record(
    "logs",
    (
        Key("fields", ListOf(_ATTRIBUTE_KEY, "a list of fields", empty=False), "Fields of every line.", required=True),
        Key("components", _COMPONENTS, "Components that log in the trace.", (), shown="all of the contract"),
        Key("request", REQUEST, "The request whose trace is looked at.", "", shown="every driven request"),
    ),
)
FORBIDDEN = Record(
    "forbidden",
    (
        Key("attributes", ListOf(GLOB, "a list of attribute keys"), "Attributes (globs) that are dropped.", ()),
        Key(
            "patterns", MapOf(REGEX, "a mapping from names to patterns"), "Name -> regex; what it finds is masked.", {}
        ),
    ),
)
CONTRACT = Record(
    "the contract",
    (
        Key("version", VERSION, "Version of this format: 1.", required=True),
        Key("service", NAME, "The service that promises all this.", required=True),
        Key("components", _COMPONENTS, "Its processes, by `service.name`.", required=True),
        Key("families", ListOf(FAMILY_USE, "a list of families"), "Metric families that it exposes.", ()),
        Key("metrics", ListOf(METRIC, "a list of metrics"), "Metrics of its own, written like a family's.", ()),
        Key("traces", ListOf(TRACE, "a list of traces"), "What the traces of its requests look like.", ()),
        Key("logs", LOGS, "What its log lines carry."),
        Key("slos", ListOf(SloEntry(), "a list of SLOs"), _SLOS_DOC, ()),
        Key("forbidden", FORBIDDEN, "What must never be stored."),
        Key("request_id_header", HEADER, "Header of the request id.", "X-Request-Id", shown="X-Request-Id"),
    ),
)
FAMILY = Record(
    "the family",
    (
        Key("file_format", choice("definition/2"), "Registry file format.", required=True),
        Key("metrics", ListOf(METRIC, "a list of metrics", empty=False), "The family's metrics.", required=True),
        Key("attributes", ListOf(ATTRIBUTE, "a list of attributes"), "Attributes that the metrics refer to.", ()),
        Key("imports", JSON, "Registry imports; not read."),
        Key("attribute_groups", JSON, "Registry attribute groups; not read."),
        Key("entities", JSON, "Registry entities; not read."),
        Key("events", JSON, "Registry events; not read."),
        Key("spans", JSON, "Registry spans; not read."),
    ),
)
