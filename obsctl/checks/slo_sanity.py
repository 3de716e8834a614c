"""Each SLO measures something: its indicator has events, is a number between 0 and 1, and counts no event twice."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from obsctl.checks._metrics import NO_BACKEND, STORED, MetricsPoller, ScrapedComponent, missing
from obsctl.checks._verdicts import count, failed, few, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.promql import PromqlClient
from obsctl.clients.telemetry import MetricSample
from obsctl.spec.contract import Contract, Metric
from obsctl.spec.slo import Slo, SloSelector, selector_text

HINT = (
    "look at the two selectors of the SLO (`slos` in the contract): both must count the same kind of event, `total` "
    "all of them; and drive a request that raises `total`"
)


SLACK = 1e-9
"""How far a recorded ratio may be out of its range: what a sum of rates loses to rounding."""


@dataclass(frozen=True)
class MeasuredSlo:
    """What an SLO's two selectors count now, and what the backend has recorded of the ratio. None: no series.

    ``restarted`` says that one of them was seen to start anew and the other was not, as happens when a service restarts
    and has more events by its next scrape than before: a rate over that time is off, and so is the ratio.
    """

    slo: Slo
    part: float | None
    total: float | None
    recorded: tuple[MetricSample, ...] = ()
    restarted: bool = False

    @property
    def part_query(self) -> str:
        """The query for the good or the bad events."""
        return f"sum({selector_text(self.slo.part, self.slo)})"

    @property
    def total_query(self) -> str:
        """The query for all events."""
        return f"sum({selector_text(self.slo.total, self.slo)})"

    @property
    def kind(self) -> str:
        """What ``part`` counts."""
        return "good" if self.slo.good else "bad"


class SloSanity:
    """See ``docs/checks/slo-sanity.md``."""

    id = "slo.sanity"
    signal = Signal.SLO
    title = "every SLO measures something sensible"

    def run(self, context: Context) -> Verdict:
        """Count the events of each SLO once the run has been scraped."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        if not context.contract.slos:
            return skipped("the contract states no SLO")
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        absent = {slo.name: why for slo in context.contract.slos if (why := _elsewhere(slo, context.contract, scraped))}
        judged = [_measure(slo, context.metrics.client) for slo in context.contract.slos if slo.name not in absent]
        if not judged:
            hint = "see metrics.present and metrics.buckets: what the SLOs are made of is not stored"
            return failed(f"no SLO can be measured: {few(absent.values())}", hint=hint, because=STORED)
        notes = [f"without {few(absent)}: {few(absent.values())}" if absent else ""]
        looked = [Evidence(query, said) for measured in judged for query, said in _said(measured)]
        if findings := [f"{measured.slo.name}: {flaw}" for measured in judged for flaw in _flaws(measured)]:
            said = summed(findings) + noted(notes)
            return failed(said, looked, hint=HINT, because=("metrics.resets", *STORED))
        shown = few(f"{measured.slo.name} {_good_share(measured):.4g}" for measured in judged)
        return passed(f"{count(len(judged), 'SLO')} measured, good share: {shown}{noted(notes)}", looked)


def _measure(slo: Slo, client: PromqlClient) -> MeasuredSlo:
    blank = MeasuredSlo(slo, None, None)
    # the part first: events that come meanwhile may then only be missing from it
    part = _value(client.instant(blank.part_query))
    total = _value(client.instant(blank.total_query))
    recorded = tuple(client.instant(_recorded(slo)))
    unequal = any(map(_out_of_range, recorded)) and _resets(slo.part, slo, client) != _resets(slo.total, slo, client)
    return MeasuredSlo(slo, part, total, recorded, unequal)


def _out_of_range(sample: MetricSample) -> bool:
    return not -SLACK <= sample.value <= 1 + SLACK


def _resets(selector: SloSelector, slo: Slo, client: PromqlClient) -> float:
    return _value(client.instant(f"sum(resets({selector_text(selector, slo)}[5m]))")) or 0.0


def _recorded(slo: Slo) -> str:
    return f"slo:sli_error:ratio_rate5m{{sloth_id={json.dumps(slo.id)}}}"


def _value(samples: Sequence[MetricSample]) -> float | None:
    return samples[0].value if samples else None


def _elsewhere(slo: Slo, contract: Contract, scraped: Sequence[ScrapedComponent]) -> str:
    """Why an SLO is the business of another check: a metric of it is missing, or its bucket is."""
    gone = {metric.name for metric, _ in missing(contract, scraped)}
    for selector in (slo.part, slo.total):
        metric = _metric(contract, selector)
        if metric and (metric.name in gone or not any(s.up and s.has(metric) for s in scraped)):
            return f"{metric.name} is not there, which metrics.present is about"
        if metric and metric.buckets and not _bounds_stored(selector, metric, scraped):
            return f"a bucket of {metric.name} is not there, which metrics.buckets is about"
    return ""


def _metric(contract: Contract, selector: SloSelector) -> Metric | None:
    name = selector.metric
    bases = (name, *(name.removesuffix(suffix) for suffix in ("_bucket", "_count", "_sum")))
    return next((m for base in bases if (m := contract.metric(base))), None)


def _bounds_stored(selector: SloSelector, metric: Metric, scraped: Sequence[ScrapedComponent]) -> bool:
    """Whether the bucket that a selector names is stored, if the contract has it."""
    wanted = {float(m.value) for m in selector.matchers if m.label == "le" and m.op == "=" and _is_number(m.value)}
    stored = {s.labels["le"] for component in scraped for s in component.of(metric) if "le" in s.labels}
    return not wanted & {*metric.buckets} - {float(le) for le in stored if _is_number(le)}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _flaws(measured: MeasuredSlo) -> Iterator[str]:
    if measured.total is None:
        yield f"no series is counted by {measured.total_query}"
    elif math.isnan(measured.total) or (measured.part is not None and math.isnan(measured.part)):
        yield "an event count is NaN"
    elif measured.total <= 0:
        yield f"it has seen no event: {measured.total_query} is {measured.total:g}"
    elif measured.part is None and measured.slo.good:
        yield f"no series is counted by {measured.part_query}, so nothing is ever good"
    elif not 0 <= (measured.part or 0.0) <= measured.total:
        yield f"{measured.part or 0.0:g} events are {measured.kind}, but there are {measured.total:g} in all"
    for sample in measured.recorded:
        if _out_of_range(sample) and not measured.restarted:
            yield f"the error ratio recorded of the last 5 minutes is {sample.value:g}, not between 0 and 1"


def _said(measured: MeasuredSlo) -> Iterator[tuple[str, str]]:
    yield measured.part_query, "no series" if measured.part is None else f"{measured.part:g} {measured.kind} events"
    yield measured.total_query, "no series" if measured.total is None else f"{measured.total:g} events"
    if measured.recorded:
        yield _recorded(measured.slo), f"{measured.recorded[0].value:g}, as recorded"


def _good_share(measured: MeasuredSlo) -> float:
    share = (measured.part or 0.0) / (measured.total or 1.0)
    return share if measured.slo.good else 1 - share
