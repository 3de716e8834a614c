"""Key tables of OpenSLO v1 ``SLO`` documents (https://github.com/OpenSLO/OpenSLO), the part that obsctl reads.

That part is: one ratio of counters, over one rolling window of 28 or 30 days, counted by occurrences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from obsctl.spec.findings import Findings
from obsctl.spec.kinds import Key, ListOf, MapOf, Parsed, Record
from obsctl.spec.leaves import FLAG, JSON, NAME, NUMBER, TEXT, choice
from obsctl.spec.yaml_source import Node

PERIODS = {"30d": 30, "28d": 28, "4w": 28}
"""Windows that there are burn-rate tables for, in days."""

_QUERY = (
    'A counter, with label matchers if need be: `http_requests_total{status=~"5.."}`. `@{http.requests}` stands for '
    "the Prometheus name of that metric."
)
_SOURCE_SPEC = Record("a query", (Key("query", TEXT, _QUERY, required=True),))
_SOURCE = Record(
    "a metric source",
    (
        Key("metricSourceRef", TEXT, "Not read."),
        Key("type", choice("Prometheus", "prometheus"), "Kind of source.", shown="Prometheus"),
        Key("spec", _SOURCE_SPEC, "The query.", required=True),
    ),
)
_METRIC = Record("a metric", (Key("metricSource", _SOURCE, "Where it comes from.", required=True),))


def _check_ratio(ratio: Parsed, findings: Findings) -> None:
    if (ratio["good"] is None) == (ratio["bad"] is None):
        findings.add(ratio.spot(), "give either `good` or `bad`, and not both", "The other one follows from `total`.")
    if ratio["counter"] is False:
        findings.add(ratio.spot("counter"), "only counters can be read", "Use counters, and `counter: true`.")


_RATIO = Record(
    "a ratio",
    (
        Key("counter", FLAG, "Whether the metrics only ever rise; must be true.", True, shown="true"),
        Key("good", _METRIC, "Good events.", shown="`total` without `bad`"),
        Key("bad", _METRIC, "Bad events.", shown="`total` without `good`"),
        Key("total", _METRIC, "All events.", required=True),
    ),
    check=_check_ratio,
)
_INDICATOR = Record(
    "an indicator",
    (
        Key("metadata", JSON, "Not read."),
        Key(
            "spec",
            Record("an indicator's spec", (Key("ratioMetric", _RATIO, "A ratio of events.", required=True),)),
            "What is measured.",
            required=True,
        ),
    ),
)


def _check_objective(objective: Parsed, findings: Findings) -> None:
    ratio, percent = objective["target"], objective["targetPercent"]
    if (ratio is None) == (percent is None):
        message = "give either `target` or `targetPercent`, and not both"
        findings.add(objective.spot(), message, "`target: 0.99` is `targetPercent: 99`.")
    elif not (0 < ratio < 1 if percent is None else 0 < percent < 100):
        spot = objective.spot("target" if percent is None else "targetPercent")
        findings.add(spot, "a target leaves something to go wrong, and not everything", "For 99 %, `target: 0.99`.")


_OBJECTIVE = Record(
    "an objective",
    (
        Key("displayName", TEXT, "Not read."),
        Key("target", NUMBER, "Share of good events, between 0 and 1."),
        Key("targetPercent", NUMBER, "The same in percent."),
    ),
    check=_check_objective,
)


def _check_window(window: Parsed, findings: Findings) -> None:
    if not window["isRolling"]:
        findings.add(window.spot("isRolling"), "only a rolling window can be read", "Write `isRolling: true`.")


_WINDOW = Record(
    "a window",
    (
        Key("duration", choice(*PERIODS), "Period that the budget is for.", required=True),
        Key("isRolling", FLAG, "Must be true: calendar windows are not read.", True, shown="true"),
    ),
    check=_check_window,
)


def _check_spec(spec: Parsed, findings: Findings) -> None:
    for key in ("objectives", "timeWindow"):
        if len(spec[key]) > 1:
            findings.add(spec.spot(key), "only one is possible", "Write a document for each.")


_SPEC = Record(
    "an SLO's spec",
    (
        Key("description", TEXT, "What is promised, for people.", ""),
        Key("service", TEXT, "The contract's service; `@{service}` stands for it.", required=True),
        Key("indicator", _INDICATOR, "What is measured.", required=True),
        Key("timeWindow", ListOf(_WINDOW, "a list of one window", empty=False), "Its period.", required=True),
        Key("budgetingMethod", choice("Occurrences"), "How the budget is counted.", "Occurrences", shown="Occurrences"),
        Key("objectives", ListOf(_OBJECTIVE, "a list of one objective", empty=False), "Its target.", required=True),
        Key("alertPolicies", JSON, "Not read: alerts follow from the budget."),
    ),
    check=_check_spec,
)
_METADATA = Record(
    "metadata",
    (
        Key("name", NAME, "Name; unique in the contract.", required=True),
        Key("displayName", TEXT, "Name for people.", ""),
        Key("labels", MapOf(JSON), "Not read."),
        Key("annotations", MapOf(JSON), "Not read."),
    ),
)
SLO = Record(
    "an OpenSLO document",
    (
        Key("apiVersion", choice("openslo/v1"), "Version of OpenSLO.", required=True),
        Key("kind", choice("SLO"), "Kind of document.", required=True),
        Key("metadata", _METADATA, "Its name.", required=True),
        Key("spec", _SPEC, "What is promised.", required=True),
    ),
)


@dataclass(frozen=True)
class SloEntry:
    """An OpenSLO document, or a text that says where there are some."""

    record: Record = SLO
    expected: str = "the name of an SLO, the path of a file, or an OpenSLO document"

    def read(self, node: Node, path: str, findings: Findings) -> Any:
        """The document's record, or the text."""
        return TEXT.read(node, path, findings) if isinstance(node.value, str) else SLO.read(node, path, findings)

    def schema(self) -> dict[str, Any]:
        """Either of the two."""
        return {"anyOf": [TEXT.schema(), SLO.schema()]}
