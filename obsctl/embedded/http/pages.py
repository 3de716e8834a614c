"""What a browser sees on a port: what is served there, what to set, and links that work. No script, no style."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

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


class WithPage:
    """An application whose root a browser finds a page at; every other client finds what is served there."""

    def __init__(self, app: ASGIApp, page: PortPage) -> None:
        self._app, self._page = app, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        is_root = scope["type"] == "http" and scope["path"] == "/" and scope["method"] in ("GET", "HEAD")
        if is_root and "text/html" in headers.get("accept", ""):
            text = page_html(self._page, f"{scope['scheme']}://{headers.get('host', 'localhost')}")
            await HTMLResponse(text, headers=_HEADERS)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def page_html(page: PortPage, url: str) -> str:
    """The page for an address."""
    title = html.escape(page.title)
    settings = "".join(
        f"<dt>{html.escape(name)}</dt><dd><code>{html.escape(value.format(url=url))}</code></dd>\n"
        for name, value in page.settings
    )
    links = "".join(f'<li><a href="{html.escape(path)}">{html.escape(path)}</a></li>\n' for path in page.links)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>obsctl: {title}</title>\n'
        f"<h1>{title}</h1>\n<p>{html.escape(page.about)} This is the embedded server of obsctl.</p>\n"
        f"<h2>To set</h2>\n<dl>\n{settings}</dl>\n<h2>To read</h2>\n<ul>\n{links}</ul>\n</html>\n"
    )
