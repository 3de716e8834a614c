"""One rule at one time: what it records, or which alerts it has. Reads samples, changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from obsctl.embedded.query.promql import engine
from obsctl.embedded.query.vectors.labels import NAME
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.query.vectors.values import Scalar, Vector
from obsctl.embedded.records import SampleRecord
from obsctl.embedded.rules.alerts import ActiveAlert
from obsctl.embedded.rules.functions import TemplateContext, TemplateSample
from obsctl.embedded.rules.model import AlertingRule, AlertOrigin, Recording
from obsctl.embedded.rules.templates import AlertTextTemplate
from obsctl.embedded.store.base import SampleReader
from obsctl.languages.errors import ExecutionError
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.labels import Labels
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import Expr

ALERT_NAME = "alertname"
_SAME = "vector contains metrics with the same labelset after applying {} labels"
_log = logging.getLogger("obsctl.embedded.rules")


@dataclass(frozen=True)
class RuleMoment:
    """When a group is evaluated (``now``), at which time its rules ask (``at``, ms), and what each may cost."""

    now: int
    at: int
    budget: Callable[[], Budget] = Budget


def results(reader: SampleReader, expr: Expr, at: int, budget: Budget) -> list[tuple[Labels, float]]:
    """The value of an expression as series. ``QueryError`` when it cannot be had."""
    value = engine.instant(reader, expr, at, budget=budget)
    if isinstance(value, Scalar):
        return [((), float(value.values[0]))]
    if not isinstance(value, Vector):
        raise ExecutionError("rule result is not a vector or scalar")
    return list(zip(value.labels, value.values[:, 0].tolist(), strict=True))


def recorded(reader: SampleReader, rule: Recording, moment: RuleMoment, limit: int) -> list[SampleRecord]:
    """The samples that a recording rule gives."""
    found = results(reader, rule.expr, moment.at, moment.budget())
    changes = {**rule.labels, NAME: rule.name}
    samples = [SampleRecord(_with(labels, changes), moment.at, value) for labels, value in found]
    if len({sample.labels for sample in samples}) < len(samples):
        raise ExecutionError(_SAME.format("rule"))
    if limit and len(samples) > limit:
        raise ExecutionError(f"exceeded limit of {limit} with {len(samples)} series")
    return samples


def alerts(
    reader: SampleReader, rule: AlertingRule, moment: RuleMoment, around: AlertOrigin
) -> dict[Labels, ActiveAlert]:
    """The alerts that an alerting rule gives, as if all were new."""
    made: dict[Labels, ActiveAlert] = {}
    for labels, value in results(reader, rule.expr, moment.at, moment.budget()):
        context = _context(reader, dict(labels), value, moment, around)
        plain = {name: text for name, text in labels if name != NAME}
        told = {name: _expanded(rule, template, context) for name, template in rule.labels.items()}
        final = _with(tuple(plain.items()), {**told, ALERT_NAME: rule.name})
        if final in made:
            raise ExecutionError(_SAME.format("alert"))
        annotations = {name: _expanded(rule, template, context) for name, template in rule.annotations.items()}
        made[final] = ActiveAlert(final, annotations, value, moment.now)
    return made


def _with(labels: Labels, changes: Mapping[str, str]) -> Labels:
    """Labels with some set, or removed where the value is empty."""
    return tuple(sorted((name, value) for name, value in {**dict(labels), **changes}.items() if value))


def _context(
    reader: SampleReader, labels: Mapping[str, str], value: float, moment: RuleMoment, around: AlertOrigin
) -> TemplateContext:
    def query(text: str) -> Sequence[TemplateSample]:
        found = results(reader, parse(text), moment.now, moment.budget())
        return [TemplateSample(dict(labels), value) for labels, value in found]

    return TemplateContext(labels, value, query, moment.now / 1000, around.external_labels, around.external_url)


def _expanded(rule: AlertingRule, template: AlertTextTemplate, context: TemplateContext) -> str:
    try:
        return template.expand(context)
    except TemplateError as error:
        _log.warning("alert %s: %r cannot be expanded: %s", rule.name, template.source, error)
        return f"<error expanding template: {error}>"
