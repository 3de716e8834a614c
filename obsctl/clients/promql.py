"""The Prometheus HTTP API, read side (Prometheus 2.x and 3.x, and whatever speaks like it)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import Http, Reply, understood
from obsctl.clients.telemetry import Exemplar, MetricSample
from obsctl.errors import BackendError, IncompleteError, UnsupportedError
from obsctl.json_types import Json, JsonObject, items, mapping, number, strings

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """One scrape target. ``health``: ``up``, ``down``, ``unknown``; ``last_scrape``: epoch seconds, 0.0 for never."""

    job: str
    url: str
    health: str
    last_error: str = ""
    last_scrape: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedRule:
    """A rule as the server evaluates it. ``kind`` is ``recording`` or ``alerting``.

    ``health`` is ``ok``, ``err``, or ``unknown`` for one that has not been evaluated yet.
    """

    group: str
    kind: str
    name: str
    health: str
    last_error: str = ""


@dataclass(frozen=True)
class RuleAlert:
    """An alert of a rule. ``state``: ``pending`` or ``firing``; ``since``: epoch seconds, 0.0 where it is not told."""

    state: str
    since: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class AlertRule:
    """A rule that may fire, and the alerts that it has now."""

    group: str
    name: str
    alerts: tuple[RuleAlert, ...] = ()


class PromqlClient:
    """Metric queries. Every method raises ``BackendError`` with the server's message, ``UnsupportedError``, or
    ``IncompleteError`` for an answer that the server says is not complete.

    Times are seconds since the epoch. Safe to share between threads.
    """

    def __init__(self, url: str, *, timeout: float = 5.0, access: ComponentAccess = PLAIN) -> None:
        self.url = url
        self.http = Http(url, timeout=timeout, name="Prometheus API", access=access)

    def instant(self, query: str, at: float | None = None) -> list[MetricSample]:
        """The value of an expression at one time (default: the server's now), in the server's order.

        A scalar comes back as one sample without labels; a range selector as all its raw samples. Points of native
        histograms, which have no single value, are left out.
        """
        params: dict[str, str | float] = {"query": query} if at is None else {"query": query, "time": repr(at)}
        reply = self.http.get_json("/api/v1/query", params)
        data = _data(reply)
        with understood(reply):
            return _samples(mapping(data))

    def range(self, query: str, start: float, end: float, step: float) -> list[MetricSample]:
        """The values of an expression at ``start``, and every ``step`` seconds after it until ``end``, by series."""
        params = {"query": query, **_window(start, end), "step": repr(float(step))}
        reply = self.http.get_json("/api/v1/query_range", params)
        data = _data(reply)
        with understood(reply):
            return _samples(mapping(data))

    def series(
        self, match: Sequence[str], start: float | None = None, end: float | None = None
    ) -> list[dict[str, str]]:
        """Label sets, ``__name__`` included, of series that fit any of the selectors."""
        reply = self.http.get_json("/api/v1/series", {"match[]": list(match), **_window(start, end)})
        data = _data(reply)
        with understood(reply):
            return [strings(labels) for labels in items(data or ())]

    def metadata(self) -> dict[str, tuple[str, str]]:
        """(type, help) by metric family, as scraped. OpenMetrics counters are listed without ``_total``."""
        reply = self.http.get_json("/api/v1/metadata")
        data = _data(reply)
        with understood(reply):
            first = {name: mapping(items(entries)[0]) for name, entries in mapping(data).items() if entries}
            return {name: (str(entry["type"]), str(entry.get("help", ""))) for name, entry in first.items()}

    def targets(self) -> list[Target]:
        """Active scrape targets."""
        reply = self.http.get_json("/api/v1/targets", {"state": "active"})
        data = _data(reply)
        with understood(reply):
            return [_target(mapping(target)) for target in items(mapping(data)["activeTargets"] or ())]

    def rules(self) -> list[LoadedRule]:
        """Every rule of every group, in the server's order. ``UnsupportedError`` where rules are not shown."""
        return self._rules({"exclude_alerts": "true"}, _rule)

    def alert_rules(self) -> list[AlertRule]:
        """Every alerting rule with its alerts, in the server's order. ``UnsupportedError`` where none are shown."""
        return self._rules({"type": "alert"}, _alert_rule)

    def exemplars(self, query: str, start: float, end: float) -> list[Exemplar]:
        """Exemplars of every series selected in an expression. A server without exemplar storage answers none."""
        reply = self.http.get_json("/api/v1/query_exemplars", {"query": query, **_window(start, end)}, ok=(200, 204))
        data = _data(reply) if reply.status == 200 else []
        with understood(reply):
            series = [mapping(entry) for entry in items(data or ())]
            return [_exemplar(s["seriesLabels"], mapping(e)) for s in series for e in items(s["exemplars"])]

    def label_values(
        self, name: str, match: Sequence[str] = (), start: float | None = None, end: float | None = None
    ) -> list[str]:
        """Values of a label, sorted."""
        params = {"match[]": list(match), **_window(start, end)}
        reply = self.http.get_json(f"/api/v1/label/{quote(name, safe='')}/values", params)
        data = _data(reply)
        with understood(reply):
            return sorted(map(str, items(data or ())))

    def buildinfo(self) -> dict[str, str]:
        """What the server says about itself; ``version`` above all."""
        reply = self.http.get_json("/api/v1/status/buildinfo")
        data = _data(reply)
        with understood(reply):
            return strings(data)

    def _rules(self, params: Mapping[str, str], read: Callable[[str, JsonObject], T]) -> list[T]:
        reply = self.http.get_json("/api/v1/rules", params, ok=(200, 404))
        if reply.status == 404:
            raise UnsupportedError(f"{reply.name} at {self.url} does not show rules: {reply.url} answered 404")
        data = _data(reply)
        with understood(reply):
            groups = [mapping(group) for group in items(mapping(data)["groups"] or ())]
            return [read(str(group["name"]), mapping(r)) for group in groups for r in items(group["rules"] or ())]


_ANNOTATION = "PromQL "
"""How warnings and infos about an expression begin; other warnings are about what could not be read, or was cut."""


def _data(reply: Reply) -> Json:
    """``data`` of a successful envelope; ``IncompleteError`` where warnings say that something is not in it."""
    answer = reply.json()
    if not isinstance(answer, dict) or answer.get("status") != "success":
        said = answer.get("error", "no reason given") if isinstance(answer, dict) else "no envelope"
        raise BackendError(f"{reply.name} at {reply.url} did not succeed: {said}")
    with understood(reply):
        lacking = [str(one) for one in items(answer.get("warnings") or ()) if not str(one).startswith(_ANNOTATION)]
    if lacking:
        raise IncompleteError(f"{reply.name} at {reply.url}", "; ".join(lacking))
    return answer.get("data")


def _window(start: float | None, end: float | None) -> dict[str, str]:
    return {k: repr(float(v)) for k, v in (("start", start), ("end", end)) if v is not None}


def _samples(data: JsonObject) -> list[MetricSample]:
    result = data["result"]
    match data["resultType"]:
        case "vector":
            return [_sample(r["metric"], r["value"]) for r in map(mapping, items(result)) if "value" in r]
        case "matrix":
            series = [mapping(r) for r in items(result)]
            return [_sample(r["metric"], point) for r in series for point in items(r.get("values", ()))]
        case "scalar":
            return [_sample({}, result)]
        case unknown:
            raise ValueError(unknown)


def _sample(labels: Json, point: Json) -> MetricSample:
    time, value = items(point)
    return MetricSample(strings(labels), number(time), number(value))


def _exemplar(series: Json, exemplar: JsonObject) -> Exemplar:
    time, value = number(exemplar["timestamp"]), number(exemplar["value"])
    return Exemplar(strings(series), strings(exemplar["labels"]), value, time)


def _target(t: JsonObject) -> Target:
    labels = strings(t["labels"])
    job = labels.get("job") or str(t.get("scrapePool", ""))
    scraped = epoch(str(t.get("lastScrape", "")))
    return Target(job, str(t["scrapeUrl"]), str(t["health"]), str(t.get("lastError", "")), scraped, labels)


def _rule(group: str, r: JsonObject) -> LoadedRule:
    return LoadedRule(
        group, str(r["type"]), str(r["name"]), str(r.get("health", "unknown")), str(r.get("lastError", ""))
    )


def _alert_rule(group: str, r: JsonObject) -> AlertRule:
    return AlertRule(group, str(r["name"]), tuple(_alert(mapping(alert)) for alert in items(r.get("alerts") or ())))


def _alert(a: JsonObject) -> RuleAlert:
    since = epoch(str(a.get("activeAt", "")))
    return RuleAlert(str(a["state"]), since, strings(a.get("labels") or {}), strings(a.get("annotations") or {}))


def epoch(text: str) -> float:
    """Seconds since 1970 of RFC 3339 with any number of fraction digits; the year 1, which stands for never, is 0.0."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not found:
        return 0.0
    whole, fraction, zone = found.groups()
    seconds = datetime.fromisoformat(whole + zone.replace("Z", "+00:00")).timestamp()
    return max(0.0, math.fsum((seconds, float(fraction or 0))))
