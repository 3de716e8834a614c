"""Ways from one signal to another in Grafana: links to Explore, and what finds a span's metrics and lines. Pure.

What a span tells differs: Tempo's data source has every attribute of the resource among a span's tags, Jaeger's all but
``service.name``, which Jaeger's API keeps apart, so that no link can ask for the name of the span's service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from obsctl.json_types import Json

TRACES_UID = "traces"
"""Uid of the data source of traces, which is that of the role."""

NATIVE_TRACE_QUERY = "jaeger"
"""The data source that takes a trace id as it is; others take it as a query of their language."""

_VALUE = "${__value.raw}"
_SERVICE = '${__span.tags["service.name"]:regex}'


def explore(product: str, uid: str, query: Mapping[str, Json], *variables: str, start: str, end: str) -> str:
    """A link to a question on the Explore page. ``variables`` of the question are filled in where somebody clicks."""
    asked = {"refId": "A", "datasource": {"type": product, "uid": uid}, **query}
    pane = {"datasource": uid, "queries": [asked], "range": {"from": start, "to": end}}
    panes = quote(json.dumps({"a": pane}, separators=(",", ":")), safe="")
    for variable in variables:
        panes = panes.replace(quote(variable, safe=""), variable)
    return f"/explore?schemaVersion=1&orgId=1&panes={panes}"


def trace_links(traces: str) -> Mapping[str, str]:
    """What the templates of the data sources need, for one type of data source of traces."""
    native = traces == NATIVE_TRACE_QUERY
    by_service = (
        f"job=~`(.+/)?{_SERVICE}`"  # a service that sends its metrics by OTLP has its namespace before its name
    )
    return {
        "trace_link": _provisioned(explore(traces, TRACES_UID, {"query": _VALUE}, _VALUE, start="now-1h", end="now")),
        "span_metrics_scope": _provisioned("$__tags" if native else by_service),
        "span_logs_scope": _provisioned('service_name=~".+"' if native else "${__tags}"),
    }


def _provisioned(text: str) -> str:
    """A text in a provisioning file, where Grafana looks for variables of the environment."""
    return text.replace("$", "$$")
