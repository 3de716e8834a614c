"""What a browser sees on a port: what is served there, what to set, and links that work. No script, no style.

Where a product has a page of its own, a browser is sent to the one of ours that shows the same.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from obsctl.access.local_names import host_name, is_local_name

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "vary": "Accept",
}


@dataclass(frozen=True)
class PortPage:
    """What to say about a port. ``settings`` hold ``{url}`` for the address that the browser used."""

    title: str
    about: str
    settings: Sequence[tuple[str, str]]
    links: Sequence[str]


_OWN = ("/metrics", "/-/ready")
PAGES: Mapping[str, PortPage] = {
    "otlp_http": PortPage(
        "OTLP over HTTP",
        "Programs send traces, metrics and logs here. There is nothing to look at.",
        (("OTEL_EXPORTER_OTLP_ENDPOINT", "{url}"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")),
        _OWN,
    ),
    "prometheus": PortPage(
        "Prometheus' query API",
        "Metrics are queried here, in PromQL.",
        (
            ("Data source of type Prometheus in Grafana, URL", "{url}"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "{url}/api/v1/otlp/v1/metrics"),
        ),
        (
            *("/api/v1/query?query=up", "/api/v1/targets", "/api/v1/rules", "/api/v1/alerts", "/api/v1/labels"),
            *("/api/v1/status/tsdb", "/config", *_OWN),
        ),
    ),
    "loki": PortPage(
        "Loki's API",
        "Logs are pushed and queried here, in LogQL.",
        (
            ("Data source of type Loki in Grafana, URL", "{url}"),
            ("Push URL of a log shipper", "{url}/loki/api/v1/push"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "{url}/otlp/v1/logs"),
        ),
        ("/loki/api/v1/labels", "/loki/api/v1/series", "/loki/api/v1/drilldown-limits", "/config", *_OWN),
    ),
    "jaeger": PortPage(
        "Jaeger's query API",
        "Traces are looked up here. Jaeger's own pages are not; `obsctl trace ID` and `obsctl ui` show traces.",
        (("Data source of type Jaeger in Grafana, URL", "{url}"),),
        ("/api/services", *_OWN),
    ),
    "traceql": PortPage(
        "Tempo's query API",
        "Traces are searched here, in TraceQL.",
        (("Data source of type Tempo in Grafana, URL", "{url}"),),
        ("/api/search?q=%7B%7D", "/api/v2/search/tags", *_OWN),
    ),
    "alerts": PortPage(
        "Alertmanager's API",
        "Alerts arrive here, are grouped, silenced and sent on.",
        (("Data source of type Alertmanager in Grafana, URL", "{url}"),),
        ("/api/v2/alerts", "/api/v2/silences", "/api/v2/status", *_OWN),
    ),
}
"""By role of the port."""


_TRACES = (
    (re.compile(r"/|/search|/explore"), "/traces"),
    (re.compile(r"/trace/([0-9a-fA-F]{1,32})"), r"/traces/\1"),
)
MOVED: Mapping[str, Sequence[tuple[re.Pattern[str], str]]] = {
    "jaeger": _TRACES,
    "traceql": _TRACES,
    "prometheus": ((re.compile(r"/graph|/query|/explore"), "/metrics"), (re.compile(r"/alerts|/rules"), "/alerts")),
    "loki": ((re.compile(r"/explore"), "/logs"),),
}
"""By role of the port: pages of the products, and those of ours that show the same."""


_RENAMED = {"g0.expr": "query"}
"""Parameters of the products' pages that have another name on ours: Prometheus' first query, as alerts link it."""

_MOST_PARAMETERS = 100


def _parameters(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return []


class WithPage:
    """An application whose root a browser finds a page at; every other client finds what is served there.

    ``pages`` is the port of this machine at which our pages are, 0 for none.
    """

    def __init__(self, app: ASGIApp, role: str, pages: int = 0) -> None:
        self._app, self._role, self._pages = app, role, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        await (answer or self._app)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        """What a browser gets; None where it gets what everybody does."""
        headers = Headers(scope=scope)
        if "text/html" not in headers.get("accept", ""):
            return None
        ours = pages_url(headers.get("host", ""), self._pages)
        if ours and (path := moved(self._role, scope["path"])):
            query = urlencode([(_RENAMED.get(name, name), text) for name, text in _parameters(scope["query_string"])])
            location = f"{ours}{path}{'?' if query else ''}{query}"
            return Response(status_code=302, headers={**_HEADERS, "location": location})
        if scope["path"] != "/":
            return None
        return HTMLResponse(
            page_html(PAGES[self._role], f"{scope['scheme']}://{headers.get('host', 'localhost')}", ours),
            headers=_HEADERS,
        )


def pages_url(host: str, port: int) -> str:
    """Where our pages are for a browser that wrote this ``Host``; "" for nowhere: they answer this machine alone."""
    name = host_name(host)
    if not port or not is_local_name(name):
        return ""
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def moved(role: str, path: str) -> str:
    """Our page for a path of a product's; "" for none."""
    matches = ((pattern.fullmatch(path), target) for pattern, target in MOVED.get(role, ()))
    return next((match.expand(target) for match, target in matches if match), "")


def page_html(page: PortPage, url: str, ours: str = "") -> str:
    """The page for an address; ``ours`` is where our pages are."""
    title = html.escape(page.title)
    settings = "".join(
        f"<dt>{html.escape(name)}</dt><dd><code>{html.escape(value.format(url=url))}</code></dd>\n"
        for name, value in page.settings
    )
    links = "".join(f'<li><a href="{html.escape(path)}">{html.escape(path)}</a></li>\n' for path in page.links)
    look = f'<p>To look at: <a href="{html.escape(ours)}/">{html.escape(ours)}</a></p>\n' if ours else ""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>obsctl: {title}</title>\n'
        f"<h1>{title}</h1>\n<p>{html.escape(page.about)} This is the embedded server of obsctl.</p>\n{look}"
        f"<h2>To set</h2>\n<dl>\n{settings}</dl>\n<h2>To read</h2>\n<ul>\n{links}</ul>\n</html>\n"
    )
