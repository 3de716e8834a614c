"""SLO -> promtool unit tests of its rules: numbers under a steady load, no and little traffic, both alerts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from obsctl.json_types import Json, JsonObject
from obsctl.render.rulegroups import Alert
from obsctl.render.slo_rules import ALERT, BURN_WINDOWS, WINDOWS, ids, labels, period, ratio_name, slo_groups
from obsctl.schema.scalars import duration_seconds
from obsctl.spec.slo import Slo, SloSelector

_COMMON = ("500", "503", "404", "429", "200", "a", "A", "GET", "/", "1.0")
HALF = Decimal("0.5")
RATE = 1000
"""Events a minute."""

QUIET, TROUBLE, AFTER = 360, 180, 420
"""Minutes before, during and after the trouble; afterwards the longest of the short windows (6 h) is clean again."""


def slo_tests(slo: Slo) -> list[JsonObject]:
    """The tests of an SLO."""
    whole = QUIET + TROUBLE + AFTER
    trouble = _load(slo, [(RATE, 0), (RATE, RATE), (RATE, 0)], (QUIET, TROUBLE, AFTER))
    quiet, end = _alerts([(QUIET, [])]), QUIET + TROUBLE - 1
    firing = _alerts([(QUIET - 1, []), (end, _firing(slo))])
    resolved = _alerts([(end, _firing(slo)), (whole - 1, [])])
    at_budget = _load(slo, [(RATE, RATE * slo.error_budget / 2)], (QUIET,))
    stopping = _load(slo, [(RATE, RATE * slo.error_budget / 2), (0, 0)], (120, 120))
    few = _load(slo, [(Decimal("0.1"), Decimal("0.1"))], (120,))
    name = f"SLO {slo.id}"
    return [
        _test(f"{name}: quiet", _load(slo, [(RATE, 0)], (QUIET,)), quiet),
        _test(f"{name}: firing", trouble, firing),
        _test(f"{name}: resolved", trouble, resolved),
        _test(f"{name}: no traffic", _load(slo, [(0, 0)], (120,)), _alerts([(119, [])]), _no_traffic(slo)),
        _test(f"{name}: traffic that stops leaves no NaN", stopping, _alerts([(239, [])]), _stopped(slo)),
        _test(f"{name}: little traffic", few, _alerts([(119, [])])),
        _test(f"{name}: numbers", at_budget, [], _numbers(slo)),
    ]


def _test(
    name: str, series: list[dict[str, str]], alerts: list[JsonObject], numbers: Sequence[JsonObject] = ()
) -> dict[str, Json]:
    parts = {"alert_rule_test": alerts, "promql_expr_test": list(numbers)}
    kept = {key: part for key, part in parts.items() if part}
    return {"name": name, "interval": "1m", "input_series": series, **kept}


def _load(
    slo: Slo, rates: Sequence[tuple[Decimal | int, Decimal | int]], minutes: Sequence[int]
) -> list[dict[str, str]]:
    """Series of so many events, and bad ones among them, a minute. The two selectors may be of one metric."""
    good = [(total - bad, n) for (total, bad), n in zip(rates, minutes, strict=True)]
    bad = [(bad, n) for (_, bad), n in zip(rates, minutes, strict=True)]
    everything = [(total, n) for (total, _), n in zip(rates, minutes, strict=True)]
    if slo.part.metric != slo.total.metric:
        return [_counter(slo, slo.part, good if slo.good else bad), _counter(slo, slo.total, everything)]
    return [
        _counter(slo, slo.part, good if slo.good else bad),
        _counter(slo, slo.total, bad if slo.good else good, _others(slo)),
    ]


def _counter(
    slo: Slo, selector: SloSelector, phases: Sequence[tuple[Decimal | int, int]], extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    told = {"service_namespace": slo.service, **_labels(selector), **(extra or {})}
    shown = ", ".join(f'{label}="{value}"' for label, value in told.items())
    parts: list[str] = []
    reached = Decimal(0)
    for rate, minutes in phases:
        parts.append(f"{_plain(reached)}+{_plain(Decimal(rate))}x{minutes - 1}")
        reached += Decimal(rate) * minutes
    return {"series": f"{selector.metric}{{{shown}}}", "values": " ".join(parts)}


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _labels(selector: SloSelector) -> dict[str, str]:
    """Labels that the matchers take."""
    return {m.label: m.value if m.op == "=" else example(m.value) for m in selector.matchers if m.op in ("=", "=~")}


def _others(slo: Slo) -> dict[str, str]:
    """Labels that keep a series out of the part, where that is the one whose matchers exclude something."""
    excluded = {m.label: m.value if m.op == "!=" else example(m.value) for m in slo.part.matchers if m.op[0] == "!"}
    return excluded or {"obsctl_test": "others"}


def example(pattern: str) -> str:
    """A text that a pattern matches: its first choice with ``0`` for a dot, or one of a few common values."""
    simple = pattern.partition("|")[0].replace(".*", "").replace(".+", "0").replace(".", "0")
    return next((text for text in (simple, *_COMMON) if re.fullmatch(pattern, text)), simple)


def _alerts(looks: Sequence[tuple[int, Sequence[Json]]]) -> list[JsonObject]:
    return [{"eval_time": f"{at}m", "alertname": ALERT, "exp_alerts": expected} for at, expected in looks]


def _firing(slo: Slo) -> list[JsonObject]:
    alerts = [rule for rule in slo_groups(slo)[2].rules if isinstance(rule, Alert) and _fires(slo, rule)]
    return [
        {"exp_labels": dict(sorted({**labels(slo), **a.labels}.items())), "exp_annotations": dict(a.annotations)}
        for a in alerts
    ]


def _fires(slo: Slo, alert: Alert) -> bool:
    """Whether the trouble is enough. With a low objective, nothing burns the budget fast enough for a page."""
    windows = BURN_WINDOWS[alert.labels["severity"]]
    return any(w.factor(slo.days) * slo.error_budget < min(_share(w.short), _share(w.long)) for w in windows)


def _share(window: str) -> Decimal:
    """The share of bad events over a window at the end of the trouble, when there are no events before the start."""
    minutes = min(int(duration_seconds(window)) // 60, QUIET + TROUBLE)
    return min(Decimal(1), Decimal(TROUBLE) / minutes)


def _no_traffic(slo: Slo) -> list[JsonObject]:
    names = [ratio_name(window) for window in (*WINDOWS, period(slo))]
    names += ["slo:current_burn_rate:ratio", "slo:period_burn_rate:ratio", "slo:period_error_budget_remaining:ratio"]
    return [{"expr": f"{name}{{{ids(slo)}}}", "eval_time": "119m", "exp_samples": []} for name in names]


def _stopped(slo: Slo) -> list[JsonObject]:
    gone = {"expr": f"{ratio_name('5m')}{{{ids(slo)}}}", "eval_time": "239m", "exp_samples": []}
    return [gone, _number(slo, "slo:period_burn_rate:ratio", HALF, "239m", {"sloth_window": period(slo)})]


def _numbers(slo: Slo) -> list[JsonObject]:
    """Every rule, under a load whose errors use up half of the budget."""
    budget, at = slo.error_budget, f"{QUIET - 1}m"
    ratios = [_number(slo, ratio_name(w), budget / 2, at, {"sloth_window": w}) for w in (*WINDOWS, period(slo))]
    fixed: dict[str, Decimal | int] = {
        "slo:objective:ratio": slo.objective,
        "slo:error_budget:ratio": budget,
        "slo:time_period:days": slo.days,
    }
    following = {
        "slo:current_burn_rate:ratio": (HALF, "5m"),
        "slo:period_burn_rate:ratio": (HALF, period(slo)),
        "slo:period_error_budget_remaining:ratio": (HALF, period(slo)),
    }
    info: JsonObject = {
        "expr": f"count(sloth_slo_info{{{ids(slo)}}})",
        "eval_time": at,
        "exp_samples": [{"labels": "{}", "value": 1}],
    }
    return [
        *ratios,
        *(_number(slo, name, Decimal(value), at) for name, value in fixed.items()),
        *(_number(slo, name, value, at, {"sloth_window": w}) for name, (value, w) in following.items()),
        info,
    ]


def _number(slo: Slo, name: str, value: Decimal, at: str, extra: Mapping[str, str] | None = None) -> dict[str, Json]:
    """That a series has a value, within the error of floating-point numbers."""
    told = ", ".join(f'{label}="{text}"' for label, text in {**labels(slo), **(extra or {})}.items())
    expr = f"abs({name}{{{ids(slo)}}} - {value}) < bool 1e-9"
    return {"expr": expr, "eval_time": at, "exp_samples": [{"labels": f"{{{told}}}", "value": 1}]}
