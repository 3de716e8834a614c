"""Pure: by how much each series must have risen, from what was driven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from obsctl.probes import DrivenRequest, Expectation
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Step

_Key = tuple[str, tuple[tuple[str, str], ...]]

PROPERTIES = ("route", "method", "status")
"""Properties of a driven request that a contract may map labels to."""


def expectations(
    contract: Contract,
    steps: Sequence[Step],
    requests: Sequence[DrivenRequest],
    performed: Mapping[str, int],
    uncertain: Collection[str] = (),
) -> tuple[Expectation, ...]:
    """What each driven metric, and each ``rises`` of a step, must have risen by.

    ``performed`` says how often each step was. Left out, since nobody can know: requests that were never answered, and
    series raised by an ``uncertain`` step, one of a round that went wrong; its work may be half done.
    """
    counted: Counter[_Key] = Counter()
    for metric in contract.metrics:
        if metric.driven and set(metric.driven.values()) <= {*PROPERTIES}:
            counted.update(_key(metric.name, _labels(metric.driven, r)) for r in requests if r.status)
    raised: Counter[_Key] = Counter()
    for step in steps:
        for rise in step.rises:
            raised[_key(rise.metric, rise.labels)] += rise.by * performed.get(step.id, 0)
    for step in steps:
        if step.id in uncertain:
            for rise in step.rises:
                raised.pop(_key(rise.metric, rise.labels), None)
    # a series that is counted request by request needs no estimate too
    return tuple(Expectation(name, dict(labels), by) for (name, labels), by in {**counted, **raised, **counted}.items())


def _labels(driven: Mapping[str, str], request: DrivenRequest) -> Mapping[str, str]:
    return {label: str(getattr(request, attribute)) for label, attribute in driven.items()}


def _key(name: str, labels: Mapping[str, str]) -> _Key:
    return name, tuple(sorted(labels.items()))
