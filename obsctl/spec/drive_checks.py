"""Checks of a service against its contract: components, the requests that are driven, and the metrics they raise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from obsctl.spec.contract import Contract, MetricType
from obsctl.spec.findings import Findings
from obsctl.spec.kinds import Parsed
from obsctl.spec.leaves import placeholders
from obsctl.spec.words import nearest, quoted

GIVEN_NAMES = ("canary", "nonce")
"""Names that every step may use without capturing them."""


def check_components(service: Parsed, names: tuple[str, ...], contract: Contract, findings: Findings) -> None:
    """Every process is a component of the contract."""
    for i, name in enumerate(names):
        if name in contract.components:
            continue
        spot = service.spot("components", i, "name") if service["components"] else service.spot("contract")
        message = f"{quoted(name)} is not a component of the contract{nearest(name, contract.components)}"
        findings.add(spot, message, f"Components of {contract.place}: {', '.join(contract.components)}.")


def check_drive(steps: tuple[Parsed, ...], contract: Contract, findings: Findings) -> None:
    """Step ids are unique, names are captured before they are used, and what rises is in the contract."""
    seen: dict[str, int] = {}
    known = list(GIVEN_NAMES)
    for step in steps:
        first = seen.setdefault(step["id"], step.node.line)
        if first != step.node.line:
            message = f"id {quoted(step['id'])} is taken by the step on line {first}"
            findings.add(step.spot("id"), message, "Ids are unique.")
        _check_names(step, known, findings)
        known += [name for name in step["capture"] if name not in known]
        for name in step["capture"]:
            if name in GIVEN_NAMES:
                findings.add(
                    step.spot("capture", name), f"{quoted(name)} has a meaning already", "Choose another name."
                )
        for rise in step["rises"]:
            _check_rise(rise, contract, findings)


def check_requests(steps: tuple[Parsed, ...], contract: Parsed, findings: Findings) -> None:
    """Every trace rule is for a request that is driven, or nothing could ever be judged by it. Findings: contract's."""
    driven = list(dict.fromkeys(f"{step['method']} {step['route']}" for step in steps))
    for trace in contract["traces"]:
        request = trace["request"]
        if driven and request not in driven:
            message = f"no step of drive sends {quoted(request)}{nearest(request, driven)}"
            findings.add(trace.spot("request"), message, f"Driven: {', '.join(driven)}.")


def _check_names(step: Parsed, known: list[str], findings: Findings) -> None:
    for key in ("route", "headers", "body"):
        for steps, name in dict.fromkeys(_names_in(step[key])):
            if name not in known:
                message = f"{{{name}}} is not captured by an earlier step{nearest(name, known)}"
                findings.add(step.spot(key, *steps), message, f"Known here: {', '.join(known)}.")


def _names_in(value: Any, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The names that the texts of a value use, however deep, each with the steps that lead to it."""
    if isinstance(value, str):
        yield from ((steps, name) for name in placeholders(value))
    elif isinstance(value, dict | list):
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _names_in(part, (*steps, step))


def _check_rise(rise: Parsed, contract: Contract, findings: Findings) -> None:
    metric = contract.metric(rise["metric"])
    if metric is None:
        names = [m.name for m in contract.metrics if m.type in (MetricType.COUNTER, MetricType.HISTOGRAM)]
        message = f"{quoted(rise['metric'])} is not a metric of the contract{nearest(rise['metric'], names)}"
        findings.add(rise.spot("metric"), message, f"The contract is {contract.place}.")
        return
    if metric.type not in (MetricType.COUNTER, MetricType.HISTOGRAM):
        message = f"{metric.name} is a {metric.type}; only a counter or a histogram rises by a known number"
        findings.add(rise.spot("metric"), message, "Name a counter or a histogram.")
    for label in rise["labels"]:
        if label not in metric.labels:
            message = f"{metric.name} has no label {quoted(label)}{nearest(label, metric.labels)}"
            findings.add(rise.spot("labels", label), message, f"Labels: {', '.join(metric.labels) or 'none'}.")
