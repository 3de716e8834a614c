"""Links from one signal to another, filled in as Grafana does it, for spans as each data source gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import pytest

from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import selectors_in
from tests.read_yaml import read_yaml
from tests.unit.render.stacks import default_stack, files, rendered

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = {"service.name": "web.front+", "service.namespace": "shop"}
SERIES = {
    "scraped": {"job": "web.front+", "service_namespace": "shop"},
    "sent by OTLP": {"job": "shop/web.front+", "service_name": "web.front+", "service_namespace": "shop"},
}
OTHER = {"job": "mail", "service_namespace": "post"}


def data(traces: str, uid: str) -> dict[str, Any]:
    text = files(rendered(default_stack(traces=traces)))["grafana/provisioning/datasources/stack.yaml"].replace(
        "$$", "$"
    )
    return next(s for s in read_yaml(text)["datasources"] if s["uid"] == uid)["jsonData"]


def span_tags(traces: str) -> Mapping[str, str]:
    """Jaeger's API keeps the name of the service apart from its tags."""
    return SPAN if traces == "tempo" else {k: v for k, v in SPAN.items() if k != "service.name"}


def filled(query: str, tags: Mapping[str, str], mapped: list[dict[str, str]]) -> str:
    """A query with the variables of a span; one that has no value stays as it is."""
    formatted = ", ".join(f'{m.get("value", m["key"])}="{tags[m["key"]]}"' for m in mapped if m["key"] in tags)
    query = re.sub(r"\$__tags|\$\{__tags\}", lambda _: formatted, query).replace("${__trace.traceId}", TRACE)
    own = re.compile(r'\$\{__span\.tags\["([\w.]+)"\]:regex\}')
    return own.sub(lambda m: re.escape(tags[m[1]]) if m[1] in tags else m[0], query)


def matches(op: str, value: str, own: str) -> bool:
    return re.fullmatch(value, own) is not None if op == "=~" else own == value


@pytest.mark.parametrize("traces", ["jaeger", "victoriatraces", "tempo"])
@pytest.mark.parametrize("series", SERIES.values(), ids=list(SERIES))
def test_a_span_leads_to_the_metrics_of_its_service(traces: str, series: dict[str, str]) -> None:
    link = data(traces, "traces")["tracesToMetrics"]
    for query in link["queries"]:
        (selector,) = selectors_in(parse(filled(query["query"], span_tags(traces), link["tags"])))
        found = [
            (m.name, str(getattr(m.op, "value", m.op)), m.value) for m in selector.matchers if m.name != "__name__"
        ]
        assert found, query
        assert all(matches(op, value, series.get(name, "")) for name, op, value in found), query
        assert not all(matches(op, value, OTHER.get(name, "")) for name, op, value in found), query


@pytest.mark.parametrize("traces", ["jaeger", "victoriatraces", "tempo"])
def test_a_span_leads_to_the_lines_of_its_trace(traces: str) -> None:
    link = data(traces, "traces")["tracesToLogsV2"]
    query = filled(link["query"], span_tags(traces), link["tags"])
    service = '="web.front+"' if traces == "tempo" else '=~".+"'
    assert query == f'{{service_name{service}}} | trace_id = "{TRACE}"'


@pytest.mark.parametrize("traces", ["jaeger", "victoriatraces"])
def test_an_exemplar_leads_to_its_trace_without_the_query_type_that_jaeger_does_not_know(traces: str) -> None:
    """A link by uid has Grafana's data source of metrics ask in TraceQL, whatever the other one is."""
    first, *others = data(traces, "metrics")["exemplarTraceIdDestinations"]
    assert first["url"] == "/d/obsctl-end-to-end?var-trace_id=${__value.raw}"
    assert {link["name"] for link in others} == {"trace_id", "traceID"}
    for link in others:
        assert "datasourceUid" not in link
        panes = json.loads(unquote(link["url"].replace("${__value.raw}", TRACE).partition("panes=")[2]))
        (query,) = panes["a"]["queries"]
        assert query == {"refId": "A", "datasource": {"type": "jaeger", "uid": "traces"}, "query": TRACE}


def test_an_exemplar_leads_to_its_trace_in_tempo() -> None:
    first, second, _ = data("tempo", "metrics")["exemplarTraceIdDestinations"]
    assert {first["datasourceUid"], second["datasourceUid"]} == {"traces"}
