"""Key tables of ``obsctl.yaml``."""

from __future__ import annotations

from obsctl.spec.kinds import Key, ListOf, MapOf, Record
from obsctl.spec.leaves import (
    BIND,
    FILE,
    FLAG,
    GLOB,
    IMAGE,
    JSON,
    METHOD,
    NAME,
    PATH,
    PLAIN,
    PLATFORM,
    PORT,
    REGISTRY,
    ROUTE,
    TEXT,
    URL,
    VERSION,
    choice,
    duration,
    size,
    text_like,
    whole,
)
from obsctl.spec.presets import preset_names, product_names, role_options
from obsctl.spec.stack import DEFAULT_PORTS

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_DOTTED_PATH = r"[^.\s]+(\.[^.\s]+)*"
_HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}"
_HEADER_VALUE = text_like(r"[\x20-\x7e]{0,1000}", "printable ASCII text")
_VALUE_PATH = text_like(_DOTTED_PATH, "a dotted path such as job.id")
_METRIC_NAME = text_like(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}", "a Prometheus metric name")

_LABEL = text_like(_IDENTIFIER, "a label such as cluster")

_PORT_DOCS = {
    "otlp_grpc": "OTLP over gRPC.",
    "otlp_http": "OTLP over HTTP.",
    "prometheus": "Prometheus API.",
    "loki": "Loki API.",
    "jaeger": "Jaeger query API.",
    "redis": "Redis-protocol server of the sample.",
    "api": "The sample's API.",
    "worker": "The sample's worker.",
    "ai": "The sample's AI provider.",
    "traceql": "Tempo API.",
    "alerts": "Alertmanager API and page.",
    "dashboards": "Grafana.",
    "shipper": "Log shipper: its readiness.",
    "collector_health": "Collector: its readiness.",
}
PORTS = Record(
    "ports",
    tuple(Key(name, PORT, _PORT_DOCS[name], port, shown=str(port)) for name, port in DEFAULT_PORTS.items()),
)
RETENTION = Record(
    "retention",
    (
        Key("age", duration("1m", "10y"), "Older data is removed.", 24 * 3600.0, shown="24h"),
        Key("size", size(16 * 1024**2), "Above this the oldest data is removed.", 2 * 1024**3, shown="2GiB"),
    ),
)
_PRODUCTS, _OPTIONS = product_names(), role_options()
IMAGES = Record(
    "images",
    tuple(Key(name, IMAGE, f"Image to use for {name}.", "", shown="the preset's") for name in _PRODUCTS),
)
CONTAINERS = Record(
    "containers",
    (
        Key("preset", choice(*preset_names()), "Set of versions that work together.", "current", shown="current"),
        Key("metrics", choice(*_OPTIONS["metrics"]), "What stores metrics.", "", shown="the preset's"),
        Key("logs", choice(*_OPTIONS["logs"]), "What stores log lines.", "", shown="the preset's"),
        Key(
            "traces",
            choice(*_OPTIONS["traces"]),
            "What stores traces; embedded, whose API answers.",
            "",
            shown="the preset's",
        ),
        Key("shipper", choice(*_OPTIONS["shipper"]), "What follows log files.", "", shown="the preset's"),
        Key("alerting", FLAG, "Whether there is an Alertmanager.", shown="the preset's"),
        Key("dashboards", FLAG, "Whether there is a Grafana.", True, shown="true"),
        Key("images", IMAGES, "Images that replace the preset's.", shown="see below"),
        Key("registry", REGISTRY, "Mirror that the preset's images are taken from.", "", shown="Docker Hub"),
        Key("platform", PLATFORM, "Platform of the images.", "", shown="the engine's"),
        Key(
            "log_ids",
            choice("metadata", "labels"),
            "Where log lines keep trace, span and request id; labels make a stream of every request.",
            "metadata",
            shown="metadata",
        ),
        Key("debug", FLAG, "Whether the collector prints what passes through it.", False, shown="false"),
    ),
)
COMPONENT = Record(
    "a component",
    (
        Key("name", NAME, "Its `service.name`; a component of the contract.", required=True),
        Key("url", URL, "Where it answers, without a path.", required=True),
        Key("metrics", PATH, 'Path of its metrics; "" for none.', "/metrics", shown="/metrics"),
        Key("ready", PATH, 'Path that answers 200 when it is ready; "" for none.', "/readyz", shown="/readyz"),
        Key("logs", TEXT, "Glob of its log files, relative to this file.", "", shown="it sends them by OTLP"),
    ),
)
RISE = Record(
    "a rise",
    (
        Key("metric", _METRIC_NAME, "A counter or histogram of the contract.", required=True),
        Key("labels", MapOf(PLAIN, "a mapping from labels to values"), "Only series with these labels.", {}),
        Key("by", whole(0, 1_000_000), "How much the step raises it, exactly.", 1, shown="1"),
    ),
)
STEP = Record(
    "a step",
    (
        Key("id", NAME, "What messages call it; unique in `drive`.", required=True),
        Key("method", METHOD, "HTTP method.", required=True),
        Key("route", ROUTE, "Route template, and the path once its `{names}` are filled in.", required=True),
        Key("body", JSON, "JSON body; texts may use `{canary}`, `{nonce}` and captured names."),
        Key(
            "headers",
            MapOf(_HEADER_VALUE, "a mapping from headers to values", _HEADER_NAME, "a header name"),
            "Headers to send, besides `traceparent`, `tracestate` and the request id.",
            {},
        ),
        Key("expect", whole(200, 599, "an HTTP status"), "Status that must come back.", 200, shown="200"),
        Key(
            "capture",
            MapOf(_VALUE_PATH, "a mapping from names to paths", _IDENTIFIER, "an identifier"),
            "Name -> dotted path into the JSON answer, for later steps.",
            {},
        ),
        Key(
            "until",
            MapOf(JSON, "a mapping from paths to values", _DOTTED_PATH, "a dotted path"),
            "Dotted path -> value: the request is repeated until the JSON answer has them all.",
            {},
        ),
        Key("rises", ListOf(RISE, "a list of rises"), "Metrics that the step raises.", ()),
    ),
)
_LIMIT = whole(0, 1_000_000_000)
SCRAPE = Record(
    "scrape",
    (
        Key("honor_labels", FLAG, "Whether labels of a metric win over those of its target.", False, shown="false"),
        Key("honor_timestamps", FLAG, "Whether times that metrics bring are kept.", True, shown="true"),
        Key("sample_limit", _LIMIT, "A scrape with more samples fails; 0 for no limit.", 0, shown="0"),
        Key("label_limit", _LIMIT, "A scrape with more labels on a series fails.", 0, shown="0"),
        Key("label_name_length_limit", _LIMIT, "A scrape with a longer label name fails.", 0, shown="0"),
        Key("label_value_length_limit", _LIMIT, "A scrape with a longer label value fails.", 0, shown="0"),
    ),
)
SERVICE = Record(
    "a service",
    (
        Key("name", NAME, "Unique in the stack.", required=True),
        Key("run", choice("sample"), "`sample`: obsctl starts it, and its components follow from `ports`.", ""),
        Key("contract", FILE, "Its contract, relative to this file.", "", shown="the sample's, with `run: sample`"),
        Key("components", ListOf(COMPONENT, "a list of components", empty=False), "Processes obsctl does not run.", ()),
        Key("scrape", SCRAPE, "How its metrics are taken, as in Prometheus' scrape configuration.", shown="see below"),
        Key("drive", ListOf(STEP, "a list of steps"), "Requests that `verify` sends.", (), shown="the sample's"),
    ),
)
SUPPRESSION = Record(
    "a suppression",
    (
        Key(
            "id", text_like(r"[a-z0-9*?.-]{1,100}", "the id of a finding"), "Id of the finding (a glob).", required=True
        ),
        Key("target", TEXT, "What it is about (a glob): metric, alert, panel or file.", required=True),
        Key("reason", text_like(r"(?s).*\S.*", "a sentence"), "Why it is accepted.", required=True),
    ),
)
_GLOBS = ListOf(FILE, "a list of globs")
CHECK = Record(
    "check",
    (
        Key("rules", _GLOBS, "Rule files of your own (globs).", ()),
        Key("dashboards", _GLOBS, "Dashboards of your own (globs).", ()),
        Key("scrape", _GLOBS, "Files with the text of a scrape (globs).", ()),
        Key("external", ListOf(GLOB, "a list of globs"), "Metrics that come from elsewhere (globs).", ()),
        Key("labels", ListOf(_LABEL, "a list of labels"), "Labels that scraping adds to every series.", ()),
        Key("suppress", ListOf(SUPPRESSION, "a list of suppressions"), "Findings that are accepted.", ()),
    ),
)
STACK = Record(
    "obsctl.yaml",
    (
        Key("version", VERSION, "Version of this format: 1.", required=True),
        Key("name", NAME, "Name of the stack.", "", shown="name of the folder"),
        Key("runtime", choice("auto", "embedded", "docker"), "Who runs it.", "auto", shown="auto"),
        Key("bind", BIND, "Address to listen on.", "127.0.0.1", shown="127.0.0.1"),
        Key("port_offset", whole(-65534, 65534), "Added to every port.", 0, shown="0"),
        Key("ports", PORTS, "Ports, each on its own.", shown="see below"),
        Key("scrape_interval", duration("100ms", "1h"), "How often metrics are read.", 2.0, shown="2s"),
        Key("retention", RETENTION, "What is kept.", shown="see below"),
        Key("alerts_url", URL, "Alertmanager that the embedded runtime tells of alerts.", "", shown="it is one itself"),
        Key("span_metrics", FLAG, "Embedded: metrics of spans and the service graph.", True, shown="true"),
        Key("containers", CONTAINERS, "How a stack of containers is made up.", shown="see below"),
        Key("services", ListOf(SERVICE, "a list of services", empty=False), "What is observed.", shown="the sample"),
        Key("check", CHECK, "What `obsctl check` looks at, and takes for granted.", shown="see below"),
    ),
)
