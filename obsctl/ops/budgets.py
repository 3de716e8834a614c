"""How much of each error budget is left: as the rules have recorded it, else computed from the SLO's own events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from obsctl.clients.promql import PromqlClient
from obsctl.clients.telemetry import MetricSample
from obsctl.endpoints import Endpoint
from obsctl.errors import BackendError
from obsctl.render.slo_rules import error_ratio, ids
from obsctl.spec.slo import Slo

PATIENCE = 2.0
"""Seconds for one answer: somebody waits for the whole page."""

NO_EVENTS = "no event in its period yet"
NOT_RECORDED = "no rule records it there"


def budgets(
    slos: Sequence[Slo], metrics: Endpoint, trouble: str, *, recorded_only: bool = False
) -> list[dict[str, object]]:
    """One entry for each SLO, for people and programs. ``trouble`` is why ``metrics`` is not asked, or "".

    ``recorded_only`` leaves the ratio of a whole period to rules, since the server may have much to read for it.

    ``budget_left_ratio`` is 1 for an untouched budget, 0 for one that is used up, less for one that is overdrawn; null
    where nobody knows, and then ``why`` says so. Never raises for a backend that is down.
    """
    client = PromqlClient(metrics.url, access=metrics.access, timeout=PATIENCE)
    return list(_entries(slos, client, trouble, recorded_only))


def _entries(
    slos: Sequence[Slo], client: PromqlClient, trouble: str, recorded_only: bool
) -> Iterator[dict[str, object]]:
    for slo in slos:
        left, burn, recorded = None, None, False
        if not trouble:
            try:
                left, burn, recorded = _asked(client, slo, recorded_only)
            except BackendError as error:
                trouble = error.message  # the others are not worth another wait
        yield {
            "service": slo.service,
            "slo": slo.name,
            "objective_ratio": float(slo.objective),
            "days": slo.days,
            "budget_left_ratio": left,
            "burn_rate": burn,
            "recorded": recorded,
            "why": trouble or ("" if left is not None else NOT_RECORDED if recorded_only else NO_EVENTS),
        }


def _asked(client: PromqlClient, slo: Slo, recorded_only: bool) -> tuple[float | None, float | None, bool]:
    """What is left of the budget, how fast it burns (1 is just as fast as allowed), and whether rules recorded it."""
    mine = f"{{{ids(slo)}}}"
    burn = _value(client.instant(f"slo:current_burn_rate:ratio{mine}"))
    recorded = _value(client.instant(f"slo:period_error_budget_remaining:ratio{mine}"))
    if recorded is not None:
        return recorded, burn, True
    if recorded_only:
        return None, burn, False
    ratio = _value(client.instant(error_ratio(slo, f"{slo.days}d")))
    return None if ratio is None else 1 - ratio / float(slo.error_budget), burn, False


def _value(samples: Sequence[MetricSample]) -> float | None:
    """A number that JSON has, or nothing."""
    return round(samples[0].value, 6) if samples and math.isfinite(samples[0].value) else None
