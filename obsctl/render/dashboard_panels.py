"""A panel's template -> its JSON. The look of each type of panel is data: ``templates/panels/*.json``. Pure."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from obsctl import assets
from obsctl.dashboards.model import Dashboard
from obsctl.dashboards.read import may_be_empty
from obsctl.dashboards.variables import render_variables as with_variables
from obsctl.json_types import Json, JsonObject, mapping
from obsctl.render.dashboard_measures import Limit, limit_of, unit_of
from obsctl.render.grafana_links import NATIVE_TRACE_QUERY, TRACES_UID, explore
from obsctl.render.metric_names import check_labels, named, render_names
from obsctl.spec.contract import Metric
from obsctl.spec.dashboard_templates import PanelTemplate, QueryTemplate
from obsctl.spec.slo import Slo

METRICS_VARIABLE, LOGS_VARIABLE = "prometheus_datasource", "loki_datasource"
METRICS_UID, LOGS_UID = "metrics", "logs"
"""Uids of the data sources, which are those of roles, and the variables that choose another one."""

_NO_VARIABLES = Dashboard("", "", "")
"""Fills in the durations that the page knows, and leaves variables as they stand."""

SCOPE = 'service_namespace=~"$service", job=~"$job", instance=~"$instance"'
LOG_SCOPE = 'service_namespace=~"$service", service_name=~"$job"'
ERRORS = " or ".join(
    f'{name}=~"(?i)(err(or)?|crit(ical)?|fatal|severe|panic|alert|emerg(ency)?)"'
    for name in ("level", "detected_level", "severity_text")
)
"""Lines of level error or worse: as the shipper labels what it reads from files, as Loki finds it in whatever comes in
(from 3.1 on), and as records say it that come by OTLP, which Loki gives no label for it.
"""

SLO_SCOPE = 'sloth_service=~"$service", sloth_slo=~"$slo"'

_EXEMPLARS = ("timeseries", "heatmap")
_COLORS = ("yellow", "orange", "red")
_UNPROMISED = "no contract promises log lines."
_JOB = "${__field.labels.job}"


@dataclass(frozen=True)
class Facts:
    """What panels are drawn from. ``traces`` is the type of the data source for traces.

    ``logs``: whether any contract promises log lines, without which a panel of them may be empty.
    """

    metrics: Mapping[str, Metric]
    slos: tuple[Slo, ...]
    traces: str
    logs: bool
    known: Mapping[str, str] = field(default_factory=dict)


def facts(metrics: Sequence[Metric], slos: Sequence[Slo], traces: str, *, logs: bool, ids_as_labels: bool) -> Facts:
    """Facts about metrics, by registry name, with everything that placeholders may name."""
    streams = '{trace_id="${trace_id}"}' if ids_as_labels else '{service_name=~".+"}'
    of_trace = f"{streams} | trace_id != `` | trace_id = `${{trace_id}}`"  # nothing, rather than every other line
    known = {
        "scope": SCOPE,
        "errors": ERRORS,
        "log_scope": LOG_SCOPE,
        "slo_scope": SLO_SCOPE,
        "logs_of_trace": of_trace,
        **{metric.registry: metric.name for metric in metrics},
    }
    return Facts({metric.registry: metric for metric in metrics}, tuple(slos), traces, logs, known)


def panel_json(panel: PanelTemplate, number: int, grid: Mapping[str, int], about: Facts) -> dict[str, Json]:
    """A panel as the page reads it. Raises SpecError for a metric or a label that is not there."""
    limit = _limit(panel, about)
    made: dict[str, Json] = {
        "id": number,
        "title": panel.title,
        "description": _description(panel, limit, about),
        "type": panel.type,
        "gridPos": dict(grid),
        "datasource": _source(panel.type, about),
        "targets": [_target(query, i, panel, about) for i, query in enumerate(panel.queries)],
        **look(panel.type),
    }
    if "fieldConfig" in made:
        defaults = mapping(mapping(made["fieldConfig"])["defaults"])
        made = with_value(made, _defaults(panel, limit, about, defaults), "fieldConfig", "defaults")
    if panel.type == "heatmap":
        made = with_value(made, _unit(panel, about), "options", "yAxis", "unit")
    if panel.type == "logs" and not panel.newest_first:
        made = with_value(made, "Ascending", "options", "sortOrder")
    return made


def look(name: str) -> JsonObject:
    """What all panels of a type have in common."""
    value: JsonObject = json.loads(_read(assets.templates() / "panels" / f"{name}.json"))
    return value


def with_value(document: JsonObject, value: Json, *path: str) -> dict[str, Json]:
    """A copy of a document with a value at a path of keys, of which all but the last are there."""
    key, *rest = path
    return {**document, key: with_value(mapping(document[key]), value, *rest) if rest else value}


@functools.cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _source(panel_type: str, about: Facts) -> dict[str, str]:
    if panel_type == "logs":
        return {"type": "loki", "uid": f"${{{LOGS_VARIABLE}}}"}
    if panel_type == "traces":
        return {"type": about.traces, "uid": TRACES_UID}
    return {"type": "prometheus", "uid": f"${{{METRICS_VARIABLE}}}"}


def _target(query: QueryTemplate, number: int, panel: PanelTemplate, about: Facts) -> dict[str, Json]:
    expr = render_names(query.expr, about.known, panel.place)
    check_labels(with_variables(expr, _NO_VARIABLES, {})[0], tuple(about.metrics.values()), panel.place)
    target: dict[str, Json] = {"refId": chr(ord("A") + number), "datasource": _source(panel.type, about)}
    if panel.type == "traces":
        language = {} if about.traces == NATIVE_TRACE_QUERY else {"queryType": "traceql", "filters": []}
        return {**target, **language, "query": expr}
    if panel.type == "logs":
        return {**target, "queryType": "range", "expr": expr, "maxLines": 100}
    shape = {"heatmap": "heatmap", "table": "table"}.get(panel.type, "time_series")
    instant = panel.type == "table" or "[$__range]" in expr
    return {
        **target,
        "editorMode": "code",
        "expr": expr,
        "legendFormat": render_names(query.legend, about.known, panel.place) or "__auto",
        "format": shape,
        "range": not instant,
        "instant": instant,
        "exemplar": number == 0 and panel.type in _EXEMPLARS and any(m.exemplars for m in _metrics(query.expr, about)),
    }


def _metrics(expr: str, about: Facts) -> list[Metric]:
    return [about.metrics[name] for name in named(expr) if name in about.metrics]


def _first(panel: PanelTemplate, about: Facts) -> Metric | None:
    return next(iter(_metrics(panel.queries[0].expr, about)), None)


def _unit(panel: PanelTemplate, about: Facts) -> str:
    metric = _first(panel, about)
    return panel.unit or (unit_of(metric, panel.queries[0].expr) if metric else "short")


def _limit(panel: PanelTemplate, about: Facts) -> Limit | None:
    metric = about.metrics.get(panel.objective)
    return limit_of(metric, about.slos) if metric else None


def _description(panel: PanelTemplate, limit: Limit | None, about: Facts) -> str:
    metric = _first(panel, about)
    said = render_names(panel.description, about.known, panel.place) or (metric.brief if metric else "")
    lines = [said, limit.words if limit else ""]
    text = " ".join(filter(None, lines))
    if panel.type == "logs" and not about.logs:
        return f"{text}\n\n{may_be_empty(panel.may_be_empty or _UNPROMISED)}"
    reason = panel.may_be_empty
    return f"{text}\n\n{may_be_empty(reason, panel.empty_until)}" if reason else text


def _defaults(panel: PanelTemplate, limit: Limit | None, about: Facts, defaults: JsonObject) -> dict[str, Json]:
    """The look's own values with the panel's unit, scale, thresholds and links."""
    if panel.type == "heatmap":
        return {**defaults, "unit": _unit(panel, about)}
    made: dict[str, Json] = {**defaults, "unit": _unit(panel, about), **({} if panel.signed else {"min": 0})}
    levels = panel.levels or ((limit.value,) if limit else ())
    if levels:
        made["thresholds"] = {"mode": "absolute", "steps": _steps(levels, falling=panel.falling)}
    if panel.type == "timeseries":
        made = with_value(made, "dashed" if levels else "off", "custom", "thresholdsStyle", "mode")
        made = with_value(made, "normal" if panel.stacked else "none", "custom", "stacking", "mode")
        if all("{{job}}" in query.legend for query in panel.queries):
            made["links"] = [_logs_link(), _traces_link(about.traces)]
    return made


def _steps(levels: Sequence[float], *, falling: bool) -> list[JsonObject]:
    """Colors from the lowest value up: green first, or last where low values are the trouble."""
    worse = _COLORS[-len(levels) :]
    colors = [*reversed(worse), "green"] if falling else ["green", *worse]
    return [{"color": color, "value": level} for color, level in zip(colors, (None, *levels), strict=True)]


def _logs_link() -> dict[str, Json]:
    query = {"expr": f'{{service_name="{_JOB}"}}', "queryType": "range"}
    return {"title": f"Log lines of {_JOB}", "url": _explore("loki", LOGS_UID, query)}


def _traces_link(traces: str) -> dict[str, Json]:
    native = {"queryType": "search", "service": _JOB}
    other = {"queryType": "traceql", "query": f'{{resource.service.name="{_JOB}"}}'}
    query = native if traces == NATIVE_TRACE_QUERY else other
    return {"title": f"Traces of {_JOB}", "url": _explore(traces, TRACES_UID, query)}


def _explore(product: str, uid: str, query: Mapping[str, Json]) -> str:
    """A link to a question about the series that was clicked on, over the time that is shown."""
    start, end = "${__from}", "${__to}"
    return explore(product, uid, query, _JOB, start, end, start=start, end=end)
