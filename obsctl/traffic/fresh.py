"""Pure: whether requests raised a count for the first time. A rate sees no rise in a series that begins with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from obsctl.clients.exposition import Exposition, parse_exposition
from obsctl.errors import BackendError
from obsctl.probes import DrivenRequest
from obsctl.spec.contract import Contract, MetricType
from obsctl.traffic.expect import expectations


def is_first(contract: Contract, requests: Sequence[DrivenRequest], baseline: Mapping[str, str]) -> bool:
    """Whether one of the counts that the contract ties to these requests was on no component's page before them."""
    pages = [page for text in baseline.values() if (page := _parsed(text))]
    counted = {m.name: f"{m.name}_count" if m.type is MetricType.HISTOGRAM else m.name for m in contract.metrics}
    raised = expectations(contract, (), requests, {})
    return any(all(page.total(counted[e.metric], e.labels) is None for page in pages) for e in raised)


def _parsed(text: str) -> Exposition | None:
    try:
        return parse_exposition(text)
    except BackendError:
        return None  # the checks will find out
