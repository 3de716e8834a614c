"""The variables of a dashboard: data sources, service, job, instance, and what the template adds. Pure.

A dashboard has those that its panels use. Values come from the metrics that it shows, never from a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from obsctl.json_types import JsonObject
from obsctl.render.dashboard_panels import LOGS_UID, LOGS_VARIABLE, METRICS_UID, METRICS_VARIABLE, Facts
from obsctl.render.metric_names import named, render_names
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.dashboard_templates import DashboardTemplate, VariableTemplate

_STANDARD = (
    VariableTemplate("service", "Service", "@{anchor}", "service_namespace"),
    VariableTemplate("job", "Job", '@{anchor}{service_namespace=~"$service"}', "job"),
    VariableTemplate("instance", "Instance", '@{anchor}{service_namespace=~"$service", job=~"$job"}', "instance"),
)
_SOURCES = (
    (METRICS_VARIABLE, "Prometheus data source", "prometheus", "Metrics", METRICS_UID),
    (LOGS_VARIABLE, "Loki data source", "loki", "Logs", LOGS_UID),
)
_ANY_TARGET = "up"
_WITHOUT = "instance"
"""A label that a metric which came by OTLP need not have."""


def variables_json(template: DashboardTemplate, panels: Sequence[JsonObject], about: Facts) -> list[JsonObject]:
    """The variables that panels use, sources first, each after those that it depends on."""
    own = {variable.name: variable for variable in template.variables}
    known = {**about.known, "anchor": _anchor(template, about)}
    asked = [
        _asked(own.get(standard.name, standard), known, template)
        for standard in _STANDARD
        if own.get(standard.name) or _uses(panels, standard.name)
    ]
    names = [standard.name for standard in _STANDARD]
    asked += [_asked(variable, known, template) for variable in template.variables if variable.name not in names]
    return [*(_source(*source) for source in _SOURCES if _uses([*panels, *asked], source[0])), *asked]


def annotations_json(variables: Sequence[JsonObject]) -> list[JsonObject]:
    """Alerts that fire for the service, as marks on every graph."""
    if not any(variable["name"] == "service" for variable in variables):
        return []
    return [
        {
            "name": "Firing alerts",
            "datasource": _metrics(),
            "enable": True,
            "hide": False,
            "iconColor": "red",
            "expr": 'ALERTS{alertstate="firing", service_namespace=~"$service"}',
            "step": "30s",
            "titleFormat": "{{alertname}}",
            "textFormat": "{{job}} {{severity}}",
            "useValueForTime": False,
        }
    ]


def _uses(values: Sequence[JsonObject], name: str) -> bool:
    text = json.dumps(values)
    return f"${name}" in text or f"${{{name}}}" in text


def _anchor(template: DashboardTemplate, about: Facts) -> str:
    """A series that is there whenever the service is: of the first metric that each family on the page has."""
    first: dict[str, Metric] = {}
    for metric in _shown(template, about):
        if metric.required:
            first.setdefault(metric.family, metric)
    names = [_series(metric) for metric in first.values()]
    if len(names) < 2:
        return names[0] if names else _ANY_TARGET
    return f'{{__name__=~"{"|".join(names)}"}}'


def _shown(template: DashboardTemplate, about: Facts) -> Iterator[Metric]:
    for row in template.rows:
        for panel in row.panels:
            for query in panel.queries:
                yield from (about.metrics[name] for name in named(query.expr) if name in about.metrics)


def _series(metric: Metric) -> str:
    return f"{metric.name}_count" if metric.type in (MetricType.HISTOGRAM, MetricType.SUMMARY) else metric.name


def _asked(variable: VariableTemplate, known: Mapping[str, str], template: DashboardTemplate) -> JsonObject:
    if not variable.of:
        empty = {"text": "", "value": ""}
        return {
            "name": variable.name,
            "label": variable.title,
            "type": "textbox",
            "query": "",
            "current": empty,
            "options": [],
        }
    of = render_names(variable.of, known, template.place).replace('"}{', '", ')
    query = f"label_values({of}, {variable.label})"
    return {
        "name": variable.name,
        "label": variable.title,
        "type": "query",
        "datasource": _metrics(),
        "definition": query,
        "query": {"qryType": 5, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*" if variable.name == _WITHOUT else ".+",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "skipUrlSync": False,
        "options": [],
    }


def _metrics() -> dict[str, str]:
    return {"type": "prometheus", "uid": f"${{{METRICS_VARIABLE}}}"}


def _source(name: str, title: str, product: str, text: str, uid: str) -> JsonObject:
    return {
        "name": name,
        "label": title,
        "type": "datasource",
        "query": product,
        "current": {"selected": True, "text": text, "value": uid},
        "refresh": 1,
        "regex": "",
        "multi": False,
        "includeAll": False,
        "hide": 0,
        "skipUrlSync": False,
        "options": [],
    }
