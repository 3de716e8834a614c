"""OpenSLO v1 ``SLO`` documents (https://github.com/OpenSLO/OpenSLO), the part that obsctl reads.

That part is: one ratio of counters, over one rolling window of 28 or 30 days, counted by occurrences.
"""

from __future__ import annotations

from collections.abc import Mapping

from obsctl.errors import Place
from obsctl.json_types import Json
from obsctl.schema.findings import Findings
from obsctl.schema.records import RecordType, key, place, record
from obsctl.schema.scalars import FLAG, JSON, NUMBER, TEXT
from obsctl.schema.source import SourceCursor
from obsctl.schema.types import ListOf, MapOf, TextOr, choice
from obsctl.spec.scalars import NAME

PERIODS = {"30d": 30, "28d": 28, "4w": 28}
"""Windows that there are burn-rate tables for, in days."""

_QUERY = (
    'A counter, with label matchers if need be: `http_requests_total{status=~"5.."}`. `@{http.requests}` stands for '
    "the Prometheus name of that metric."
)


@record("a query")
class SloQuery:
    """``spec`` of a metric source."""

    query: str = key(TEXT, _QUERY)


@record("a metric source", kw_only=True)
class SloMetricSource:
    """``metricSource`` of a metric."""

    ref: str | None = key(TEXT, "Not read.", default=None, name="metricSourceRef")
    type: str = key(choice("Prometheus", "prometheus"), "Kind of source.", default="Prometheus")
    spec: SloQuery = key(RecordType(SloQuery), "The query.")


@record("a metric")
class SloMetric:
    """A count of events."""

    source: SloMetricSource = key(RecordType(SloMetricSource), "Where it comes from.", name="metricSource")


@record("a ratio", kw_only=True)
class SloRatio:
    """``ratioMetric``: good or bad events, of all."""

    counter: bool = key(FLAG, "Whether the metrics only ever rise; must be true.", default=True)
    good: SloMetric | None = key(RecordType(SloMetric), "Good events.", default=None, shown="`total` without `bad`")
    bad: SloMetric | None = key(RecordType(SloMetric), "Bad events.", default=None, shown="`total` without `good`")
    total: SloMetric = key(RecordType(SloMetric), "All events.")

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """One of good and bad; the metrics are counters."""
        if (self.good is None) == (self.bad is None):
            message = "give either `good` or `bad`, and not both"
            findings.add(cursor.spot(), message, "The other one follows from `total`.")
        if not self.counter:
            hint = "Use counters, and `counter: true`."
            findings.add(cursor.spot("counter"), "only counters can be read", hint)


@record("an indicator's spec")
class SloIndicatorSpec:
    """``spec`` of an indicator."""

    ratio: SloRatio = key(RecordType(SloRatio), "A ratio of events.", name="ratioMetric")


@record("an indicator", kw_only=True)
class SloIndicator:
    """What an SLO measures."""

    metadata: Json = key(JSON, "Not read.", default=None)
    spec: SloIndicatorSpec = key(RecordType(SloIndicatorSpec), "What is measured.")


@record("an objective")
class SloObjective:
    """The share of good events, as a ratio or in percent."""

    title: str | None = key(TEXT, "Not read.", default=None, name="displayName")
    target: float | None = key(NUMBER, "Share of good events, between 0 and 1.", default=None)
    percent: float | None = key(NUMBER, "The same in percent.", default=None, name="targetPercent")

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """One of the two, and neither nothing nor everything."""
        ratio, percent = self.target, self.percent
        if (ratio is None) == (percent is None):
            message = "give either `target` or `targetPercent`, and not both"
            findings.add(cursor.spot(), message, "`target: 0.99` is `targetPercent: 99`.")
        elif not 0 < (ratio if ratio is not None else (percent or 0) / 100) < 1:
            spot = cursor.spot("target" if percent is None else "targetPercent")
            message = "a target leaves something to go wrong, and not everything"
            findings.add(spot, message, "For 99 %, `target: 0.99`.")


@record("a window")
class SloWindow:
    """The period of a budget."""

    duration: str = key(choice(*PERIODS), "Period that the budget is for.")
    rolling: bool = key(FLAG, "Must be true: calendar windows are not read.", default=True, name="isRolling")

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """Only rolling windows have burn-rate tables."""
        if not self.rolling:
            findings.add(cursor.spot("isRolling"), "only a rolling window can be read", "Write `isRolling: true`.")


@record("an SLO's spec", kw_only=True)
class SloSpec:
    """What an SLO promises."""

    description: str = key(TEXT, "What is promised, for people.", default="")
    service: str = key(TEXT, "The contract's service; `@{service}` stands for it.")
    indicator: SloIndicator = key(RecordType(SloIndicator), "What is measured.")
    windows: tuple[SloWindow, ...] = key(
        ListOf(RecordType(SloWindow), "a list of one window", empty=False), "Its period.", name="timeWindow"
    )
    budgeting: str = key(
        choice("Occurrences"), "How the budget is counted.", default="Occurrences", name="budgetingMethod"
    )
    objectives: tuple[SloObjective, ...] = key(
        ListOf(RecordType(SloObjective), "a list of one objective", empty=False), "Its target."
    )
    alert_policies: Json = key(JSON, "Not read: alerts follow from the budget.", default=None, name="alertPolicies")

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """One objective over one window."""
        for name, entries in (("objectives", self.objectives), ("timeWindow", self.windows)):
            if len(entries) > 1:
                findings.add(cursor.spot(name), "only one is possible", "Write a document for each.")


@record("metadata")
class SloMetadata:
    """How an SLO is called."""

    name: str = key(NAME, "Name; unique in the contract.")
    title: str = key(TEXT, "Name for people.", default="", name="displayName")
    labels: Mapping[str, Json] = key(MapOf(JSON), "Not read.", default={})
    annotations: Mapping[str, Json] = key(MapOf(JSON), "Not read.", default={})


@record("an OpenSLO document")
class SloDocument:
    """An SLO as OpenSLO writes it."""

    version: str = key(choice("openslo/v1"), "Version of OpenSLO.", name="apiVersion")
    kind: str = key(choice("SLO"), "Kind of document.")
    metadata: SloMetadata = key(RecordType(SloMetadata), "Its name.")
    spec: SloSpec = key(RecordType(SloSpec), "What is promised.")
    place: Place = place(default=Place(""))


SLO_ENTRY = TextOr(TEXT, RecordType(SloDocument), "the name of an SLO, the path of a file, or an OpenSLO document")
"""An entry under ``slos`` of a contract."""
