"""By how much each series must have risen after the probe requests. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from obsctl.clients.exposition import Exposition, parse_exposition
from obsctl.errors import BackendError
from obsctl.probes import Expectation, ProbeRequest
from obsctl.spec.contract import Contract, MetricType
from obsctl.spec.steps import Step

_Key = tuple[str, tuple[tuple[str, str], ...]]

PROPERTIES = ("route", "method", "status")
"""Properties of a probe request that a contract may map labels to."""


def expectations(
    contract: Contract,
    steps: Sequence[Step],
    requests: Sequence[ProbeRequest],
    performed: Mapping[str, int],
    uncertain: Collection[str] = (),
) -> tuple[Expectation, ...]:
    """By how much each metric with ``driven`` labels, and each ``rises`` of a step, must have risen.

    ``performed`` says how often each step was. Left out, since nobody can know: requests that were never answered, and
    series raised by an ``uncertain`` step, one of a round that went wrong; its work may be half done.
    """
    counted: Counter[_Key] = Counter()
    for metric in contract.metrics:
        if metric.driven and set(metric.driven.values()) <= {*PROPERTIES}:
            counted.update(_key(metric.name, _labels(metric.driven, r)) for r in requests if _is_counted(r))
    raised: Counter[_Key] = Counter()
    for step in steps:
        for rise in step.rises:
            raised[_key(rise.metric, rise.labels)] += rise.by * performed.get(step.id, 0)
    for step in steps:
        if step.id in uncertain:
            for rise in step.rises:
                raised.pop(_key(rise.metric, rise.labels), None)
    # a series that is counted request by request needs no estimate too
    driven = {metric.name: metric.driven for metric in contract.metrics}
    return tuple(
        Expectation(name, dict(labels), by, driven.get(name, {}))
        for (name, labels), by in {**counted, **raised, **counted}.items()
    )


def _is_counted(request: ProbeRequest) -> bool:
    """Whether metrics of HTTP requests count it: it was answered, and is no call of gRPC."""
    return bool(request.status) and request.protocol == "http"


def _labels(driven: Mapping[str, str], request: ProbeRequest) -> Mapping[str, str]:
    return {label: str(getattr(request, attribute)) for label, attribute in driven.items()}


def _key(name: str, labels: Mapping[str, str]) -> _Key:
    return name, tuple(sorted(labels.items()))


def is_first(contract: Contract, requests: Sequence[ProbeRequest], baseline: Mapping[str, str]) -> bool:
    """Whether one of the counts that the contract ties to these requests was on no component's page before them.

    A rate sees no rise in a series that begins with it.
    """
    pages = [page for text in baseline.values() if (page := _parsed(text))]
    counted = {m.name: f"{m.name}_count" if m.type is MetricType.HISTOGRAM else m.name for m in contract.metrics}
    raised = expectations(contract, (), requests, {})
    return any(all(page.total(counted[e.metric], e.labels, e.driven) is None for page in pages) for e in raised)


def has_new_series(contract: Contract, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether a count of the contract is on a component's page that was not there before; a rate misses its rise."""
    counted = [f"{m.name}_count" if m.type is MetricType.HISTOGRAM else m.name for m in contract.metrics]
    return any(_series(after[name], counted) - _series(before.get(name, ""), counted) for name in after)


def _series(text: str, names: Sequence[str]) -> frozenset[_Key]:
    page = _parsed(text) or Exposition()
    return frozenset(_key(name, labels) for name in names for labels, _ in page.samples.get(name, ()))


def _parsed(text: str) -> Exposition | None:
    try:
        return parse_exposition(text)
    except BackendError:
        return None  # the checks will find out
