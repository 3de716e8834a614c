"""Checks of a service against its contract: components, the requests that are driven, and the metrics they raise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obsctl.schema.findings import Findings
from obsctl.schema.source import SourceCursor
from obsctl.schema.text import nearest, quoted
from obsctl.spec.contract import Contract, MetricType
from obsctl.spec.scalars import placeholders
from obsctl.spec.steps import Rise, Step

_RENDERED = ("headers", "body", "params", "query", "form", "multipart", "until")
"""Keys of a step whose texts may use names."""

GIVEN_NAMES = ("canary", "nonce")
"""Names that every step may use without capturing them."""


def check_components(names: tuple[str, ...], contract: Contract, service: SourceCursor, findings: Findings) -> None:
    """Every process is a component of the contract."""
    for i, name in enumerate(names):
        if name in contract.components:
            continue
        listed = service.at("components").node.items
        spot = service.spot("components", i, "name") if listed else service.spot("contract")
        message = f"{quoted(name)} is not a component of the contract{nearest(name, contract.components)}"
        findings.add(spot, message, f"Components of {contract.place}: {', '.join(contract.components)}.")


def check_drive(steps: Sequence[tuple[Step, SourceCursor]], contract: Contract, findings: Findings) -> None:
    """Step ids are unique, names are captured before they are used, and what rises is in the contract."""
    lines: dict[str, int] = {}
    known = list(GIVEN_NAMES)
    for step, at in steps:
        line = at.spot().line
        first = lines.setdefault(step.id, line)
        if first != line:
            findings.add(at.spot("id"), f"id {quoted(step.id)} is taken by the step on line {first}", "Ids are unique.")
        _check_names(step, at, known, findings)
        known += [name for name in step.capture if name not in known]
        for name in step.capture:
            if name in GIVEN_NAMES:
                findings.add(at.spot("capture", name), f"{quoted(name)} has a meaning already", "Choose another name.")
        for rise, rise_at in at.each("rises", step.rises):
            _check_rise(rise, rise_at, contract, findings)


def check_requests(steps: Sequence[Step], contract: Contract, cursor: SourceCursor, findings: Findings) -> None:
    """Every trace rule is for a request that is driven, or nothing could ever be judged by it.

    ``cursor`` and ``findings`` are those of the contract's file.
    """
    driven = list(dict.fromkeys(f"{step.method} {step.route}" for step in steps))
    for trace, at in cursor.each("traces", contract.traces):
        if driven and trace.request not in driven:
            message = f"no step of drive sends {quoted(trace.request)}{nearest(trace.request, driven)}"
            findings.add(at.spot("request"), message, f"Driven: {', '.join(driven)}.")


def _check_names(step: Step, cursor: SourceCursor, known: list[str], findings: Findings) -> None:
    for key in ("route", *_RENDERED):
        names = [*known, *step.params] if key == "route" else known
        for steps, name in dict.fromkeys(_names_in(getattr(step, key))):
            if name not in names:
                message = f"{{{name}}} is not captured by an earlier step{nearest(name, names)}"
                findings.add(cursor.spot(key, *steps), message, _mend(key, name, names))
    for name in step.params:
        if name not in placeholders(step.route):
            message = f"the route has no {{{name}}}{nearest(name, placeholders(step.route))}"
            findings.add(cursor.spot("params", name), message, f"The route is {step.route}.")


def _mend(key: str, name: str, known: list[str]) -> str:
    if key == "route":
        return f"Known here: {', '.join(known)}; a constant is `params: {{{name}: …}}`."
    variable = f" An environment variable is ${{env:{name}}}." if name.isupper() else ""
    return f"Known here: {', '.join(known)}.{variable}"


def _names_in(value: object, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The names that the texts of a value use, however deep, each with the steps that lead to it."""
    if isinstance(value, str):
        yield from ((steps, name) for name in placeholders(value))
    elif isinstance(value, dict | list):
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _names_in(part, (*steps, step))


def _check_rise(rise: Rise, cursor: SourceCursor, contract: Contract, findings: Findings) -> None:
    metric = contract.metric(rise.metric)
    if metric is None:
        names = [m.name for m in contract.metrics if m.type in (MetricType.COUNTER, MetricType.HISTOGRAM)]
        message = f"{quoted(rise.metric)} is not a metric of the contract{nearest(rise.metric, names)}"
        findings.add(cursor.spot("metric"), message, f"The contract is {contract.place}.")
        return
    if metric.type not in (MetricType.COUNTER, MetricType.HISTOGRAM):
        message = f"{metric.name} is a {metric.type}; only a counter or a histogram rises by a known number"
        findings.add(cursor.spot("metric"), message, "Name a counter or a histogram.")
    for label in rise.labels:
        if label not in metric.labels:
            message = f"{metric.name} has no label {quoted(label)}{nearest(label, metric.labels)}"
            findings.add(cursor.spot("labels", label), message, f"Labels: {', '.join(metric.labels) or 'none'}.")
