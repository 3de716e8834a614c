"""Templates of dashboards and rules, reworded for metrics that play a family's part under other names. Pure.

What needs a metric or a label that a service does not have is left out: a panel, an alert, a recording rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from obsctl.spec.contract import Kind
from obsctl.spec.dashboard_templates import DashboardTemplate, PanelTemplate, QueryTemplate, RowTemplate
from obsctl.spec.kinds import Wording
from obsctl.spec.rule_templates import AlertTemplate, AlertTest, Input, RecordingTemplate, RuleTemplate

_STANDARD = frozenset({"scope", "log_scope", "slo_scope", "logs_of_trace", "anchor"})


def dashboard_for(template: DashboardTemplate, kind: Kind, number: int) -> DashboardTemplate:
    """The dashboard of a kind; the first one has the template's own name."""
    wording = Wording(kind, _STANDARD)
    rows = tuple(row for one in template.rows if (row := _row(one, kind, wording)).panels)
    variables = tuple(
        replace(v, of=wording.expr(v.of), label=kind.labels.get(v.label, v.label))
        for v in template.variables
        if wording.fits(v.of) and kind.labels.get(v.label, v.label)
    )
    more = f" {number}" if number > 1 else ""
    name = f"{template.name}-{number}" if number > 1 else template.name
    return replace(template, name=name, title=template.title + more, rows=rows, variables=variables)


def _row(row: RowTemplate, kind: Kind, wording: Wording) -> RowTemplate:
    """A row with the panels that fit; none of a row for another family."""
    mine = row.family in ("", kind.name)
    panels = tuple(panel for one in row.panels if mine and (panel := _panel(one, wording)).queries)
    return replace(row, panels=panels, family="")


def _panel(panel: PanelTemplate, wording: Wording) -> PanelTemplate:
    """A panel with the queries that fit. One that may show nothing until something happened says so."""
    queries = tuple(
        QueryTemplate(wording.expr(query.expr), wording.legend(query.legend))
        for query in panel.queries
        if wording.fits(query.expr)
    )
    parts = {metric.registry for metric in wording.kind.metrics}
    objective = panel.objective if panel.objective in parts else ""
    return replace(panel, queries=queries, objective=objective, width=0)


def rules_for(template: RuleTemplate, kind: Kind, number: int) -> RuleTemplate:
    """The rules of a kind."""
    wording = Wording(kind, _STANDARD)
    recordings = tuple(
        RecordingTemplate(wording.record(rule.record), wording.expr(rule.expr), rule.place)
        for rule in template.recordings
        if wording.fits(rule.expr)
    )
    name = f"{template.name}-{number}" if number > 1 else template.name
    return replace(template, name=name, recordings=recordings, alerts=tuple(_alerts(template, wording)))


def _alerts(template: RuleTemplate, wording: Wording) -> Iterator[AlertTemplate]:
    for alert in template.alerts:
        if wording.fits(alert.expr):
            test = alert.test
            inputs = tuple(
                _input(entry, wording) for entry in test.inputs if wording.fits(wording.series(entry.series))
            )
            yield replace(
                alert,
                expr=wording.expr(alert.expr),
                summary=wording.legend(alert.summary),
                description=wording.legend(alert.description),
                test=AlertTest(inputs, wording.labels(test.labels), test.value),
            )


def _input(entry: Input, wording: Wording) -> Input:
    return replace(entry, series=wording.series(entry.series))
