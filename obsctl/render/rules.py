"""Contract -> recording rules and alerts. Pure.

What applies is decided by families: a template is for every contract that uses the families it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from obsctl.errors import Place
from obsctl.languages.quoting import string_literal
from obsctl.render.kind_templates import rules_for
from obsctl.render.metric_names import check_labels, render_names
from obsctl.render.rulegroups import Alert, Group, Record, runbook
from obsctl.render.slo_rules import slo_groups
from obsctl.render.values import duration
from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.rule_templates import AlertTemplate, AlertTest, Input, RuleTemplate, rule_templates
from obsctl.spec.slo import Slo

METRIC_TEMPLATE = "metric"
STACK_TEMPLATE = "stack"
SCOPE = "service_namespace"
"""The label by which the series of one service are told from those of others."""


@dataclass(frozen=True)
class RuleSet:
    """The rules of one file. ``slo`` is what they are for, where it is one."""

    name: str
    groups: tuple[Group, ...]
    slo: Slo | None = None


def service_rules(contract: Contract) -> Iterator[RuleSet]:
    """All rules of a contract: those of its families, absent metrics, SLOs. Raises SpecError for a bad template."""
    known = _names(contract)
    templates = rule_templates()
    for template in templates.values():
        if template.families and set(template.families) <= set(contract.families):
            yield RuleSet(template.name, tuple(_template_groups(template, contract, known)))
    yield from _kind_rules(contract)
    missing = tuple(_absent_alerts(contract, templates[METRIC_TEMPLATE]))
    yield RuleSet(METRIC_TEMPLATE, (Group(f"obsctl/{contract.service}/{METRIC_TEMPLATE}", missing),))
    for slo in contract.slos:
        yield RuleSet(f"slo-{slo.name}", slo_groups(slo), slo)


def _kind_rules(contract: Contract) -> Iterator[RuleSet]:
    """The rules of what plays a family's part under other names."""
    for template in rule_templates().values():
        number = 1 if {*template.families} & {*contract.families} else 0
        for kind in contract.kinds:
            if template.families == (kind.name,):
                number += 1
                made = rules_for(template, kind, number)
                known = {**_names(contract), **kind.series}
                if made.recordings or made.alerts:
                    yield RuleSet(
                        made.name, tuple(_template_groups(made, replace(contract, metrics=kind.metrics), known))
                    )


def stack_rules() -> RuleSet:
    """The rules that are for no service in particular."""
    alerts = tuple(_alert(alert, {}, {}) for alert in rule_templates()[STACK_TEMPLATE].alerts)
    return RuleSet(STACK_TEMPLATE, (Group("obsctl/stack", alerts),))


def _names(contract: Contract) -> dict[str, str]:
    """What the placeholders of a template may name."""
    return {"scope": f"{SCOPE}={string_literal(contract.service)}", **{m.registry: m.name for m in contract.metrics}}


def _template_groups(template: RuleTemplate, contract: Contract, known: Mapping[str, str]) -> Iterator[Group]:
    texts = [(rule.expr, rule.place) for rule in template.recordings]
    for alert in template.alerts:
        texts += [(text, alert.place) for text in (alert.expr, *(entry.series for entry in alert.test.inputs))]
    for text, place in texts:
        check_labels(render_names(text, known, place), contract.metrics, place)
    name = f"obsctl/{contract.service}/{template.name}"
    records = [
        Record(render_names(r.record, known, r.place), render_names(r.expr, known, r.place))
        for r in template.recordings
    ]
    yield Group(f"{name}/recordings", tuple(records))
    scoped = {SCOPE: contract.service}
    yield Group(f"{name}/alerts", tuple(_alert(alert, known, scoped) for alert in template.alerts))


def _alert(
    template: AlertTemplate,
    known: Mapping[str, str],
    scoped: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
) -> Alert:
    """A template's alert. ``scoped`` are labels that come from its expression, ``labels`` are set on it."""
    test = template.test
    inputs = (_input(entry, known, template.place) for entry in test.inputs)
    return Alert(
        name=template.name,
        expr=render_names(template.expr, known, template.place),
        wait=duration(template.wait),
        labels={"severity": template.severity, **(labels or {})},
        annotations={
            "summary": render_names(template.summary, known, template.place),
            "description": render_names(template.description, known, template.place),
            "runbook_url": runbook(template.name),
        },
        test=AlertTest(tuple(inputs), {**scoped, **test.labels}, test.value),
    )


def _input(entry: Input, known: Mapping[str, str], place: Place) -> Input:
    return Input(render_names(entry.series, known, place), entry.quiet, entry.firing, entry.level, entry.gone)


def _absent_alerts(contract: Contract, template: RuleTemplate) -> Iterator[Alert]:
    """An alert for each required metric. It rests while the target is down, which is an alert of its own."""
    for metric in contract.metrics:
        if not metric.required:
            continue
        series = _series(metric)
        wheres = [_where(contract, c) for c in metric.components] or [_where(contract)]
        known = {
            "service": contract.service,
            "metric": metric.name,
            "absent": "\nor\n".join(_absent(series, where) for where in wheres),
        }
        for alert in template.alerts:
            tested = (entry for where in wheres for entry in _absent_inputs(series, where, wheres, alert))
            made = _alert(alert, {**known, "series": series}, {}, {"metric": metric.name})
            test = AlertTest(tuple(tested), dict(wheres[0]))
            yield Alert(made.name, made.expr, made.wait, made.labels, made.annotations, test)


def _absent_inputs(
    series: str, where: Mapping[str, str], wheres: Sequence[Mapping[str, str]], alert: AlertTemplate
) -> Iterator[Input]:
    """The first component loses its metric, the others keep theirs; all their targets answer."""
    entry = alert.test.inputs[0]
    gone = where is wheres[0]
    yield Input(f"{series}{{{_matchers(where)}}}", entry.quiet, entry.quiet, gone=gone)
    yield Input(f"up{{{_matchers(where)}}}", 1, 1, level=True)


def _where(contract: Contract, component: str = "") -> dict[str, str]:
    return {SCOPE: contract.service, **({"job": component} if component else {})}


def _matchers(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={string_literal(value)}" for name, value in labels.items())


def _absent(series: str, where: Mapping[str, str]) -> str:
    matchers = _matchers(where)
    return f"(absent({series}{{{matchers}}}) unless on ({', '.join(where)}) up{{{matchers}}} == 0)"


def _series(metric: Metric) -> str:
    """A series that is there whenever the metric is."""
    return f"{metric.name}_count" if metric.type in (MetricType.HISTOGRAM, MetricType.SUMMARY) else metric.name
