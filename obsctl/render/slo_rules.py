"""SLO -> Sloth's recording rules and its two multi-window, multi-burn-rate alerts, with denominators guarded. Pure.

Names, labels, windows and factors are those of Sloth (https://sloth.dev), so that its dashboards work. Two things
differ: a ratio has no sample while there is no traffic (Sloth's would be NaN, and one NaN spoils the budget of the
whole period), and an alert wants a least number of events, so that one failure at night wakes nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from obsctl.languages.quoting import string_literal
from obsctl.render.rulegroups import Alert, Group, Record, runbook
from obsctl.spec.slo import Slo, selector_text

ALERT = "ErrorBudgetBurn"
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
LEAST_EVENTS = 20
_ID_LABELS = "sloth_id, sloth_slo, sloth_service"


@dataclass(frozen=True)
class BurnWindow:
    """The budget (in percent) may not burn so fast that ``percent`` of it is gone within ``hours`` (= ``long``)."""

    short: str
    long: str
    hours: int
    percent: int

    def factor(self, days: int) -> Decimal:
        """How many times faster than allowed that is, for a budget of so many days."""
        return Decimal(self.percent * days * 24) / (100 * self.hours)


BURN_WINDOWS: Mapping[str, tuple[BurnWindow, BurnWindow]] = {
    "page": (BurnWindow("5m", "1h", 1, 2), BurnWindow("30m", "6h", 6, 5)),
    "ticket": (BurnWindow("2h", "1d", 24, 10), BurnWindow("6h", "3d", 72, 10)),
}
_GUARD_WINDOW = {"page": "1h", "ticket": "1d"}
_URGENCY = {"page": "so fast that somebody has to look now", "ticket": "faster than it comes back"}


def slo_groups(slo: Slo) -> tuple[Group, Group, Group]:
    """The three groups of an SLO: its error ratios, what follows from them, its alerts."""
    ratios = [Record(ratio_name(w), error_ratio(slo, w), {**labels(slo), "sloth_window": w}) for w in WINDOWS]
    return (
        Group(f"sloth-slo-sli-recordings-{slo.id}", (*ratios, _period_ratio(slo))),
        Group(f"sloth-slo-meta-recordings-{slo.id}", _meta(slo)),
        Group(f"sloth-slo-alerts-{slo.id}", tuple(_alert(slo, severity) for severity in BURN_WINDOWS)),
    )


def labels(slo: Slo) -> dict[str, str]:
    """What all series of an SLO carry."""
    return {"sloth_id": slo.id, "sloth_service": slo.service, "sloth_slo": slo.name}


def ids(slo: Slo) -> str:
    """The same as matchers."""
    return ", ".join(f"{label}={string_literal(value)}" for label, value in labels(slo).items())


def period(slo: Slo) -> str:
    """The SLO's period as Sloth writes it: 28 days are ``4w``."""
    return "4w" if slo.days == 28 else f"{slo.days}d"


def ratio_name(window: str) -> str:
    """Name of the series with the share of bad events over a window."""
    return f"slo:sli_error:ratio_rate{window}"


def error_ratio(slo: Slo, window: str) -> str:
    """Bad events by all events over a window. Without events there is no result."""
    part, total = (f"sum(rate({selector_text(s, slo)}[{window}]))" for s in (slo.part, slo.total))
    bad = f"({total} - ({part} or vector(0)))" if slo.good else f"({part} or vector(0))"
    return f"{bad}\n/\n({total} > 0)"


def _period_ratio(slo: Slo) -> Record:
    """The ratio over the whole period, as the mean of the 5-minute ones: cheap enough to be kept up to date."""
    series = f"{ratio_name('5m')}{{{ids(slo)}}}[{slo.days}d]"
    expr = f"sum_over_time({series})\n/ ignoring (sloth_window)\ncount_over_time({series})"
    return Record(ratio_name(period(slo)), expr, {**labels(slo), "sloth_window": period(slo)})


def _meta(slo: Slo) -> tuple[Record, ...]:
    named = labels(slo)
    mine = f"{{{ids(slo)}}}"
    per_budget = f"/ on ({_ID_LABELS}) group_left ()\nslo:error_budget:ratio{mine}"
    about = {
        **named,
        "sloth_mode": "obsctl",
        "sloth_objective": f"{(slo.objective * 100).normalize():f}",
        "sloth_spec": "openslo/v1",
        "sloth_version": "obsctl",
    }
    return (
        Record("slo:objective:ratio", f"vector({slo.objective})", named),
        Record("slo:error_budget:ratio", f"vector({slo.error_budget})", named),
        Record("slo:time_period:days", f"vector({slo.days})", named),
        Record("slo:current_burn_rate:ratio", f"{ratio_name('5m')}{mine}\n{per_budget}", named),
        Record("slo:period_burn_rate:ratio", f"{ratio_name(period(slo))}{mine}\n{per_budget}", named),
        Record("slo:period_error_budget_remaining:ratio", f"1 - slo:period_burn_rate:ratio{mine}", named),
        Record("sloth_slo_info", "vector(1)", about),
    )


def _alert(slo: Slo, severity: str) -> Alert:
    burning = "\nor\n".join(_burning(slo, window) for window in BURN_WINDOWS[severity])
    events = f"sum(increase({selector_text(slo.total, slo)}[{_GUARD_WINDOW[severity]}])) >= {LEAST_EVENTS}"
    # Prometheus would take two braces for a template of its own.
    title, promise = ((text or slo.name).replace("{{", "{ {") for text in (slo.title, slo.description))
    return Alert(
        name=ALERT,
        expr=f"(\n{_indented(burning)}\n)\nand on () {events}",
        wait="",
        labels={
            "severity": severity,
            "sloth_severity": severity,
            "service_namespace": slo.service,
            **labels(slo),
        },
        annotations={
            "title": f"({severity}) {slo.service} {slo.name}: the error budget burns",
            "summary": f"{slo.service}: the error budget of {title!r} burns {_URGENCY[severity]}",
            "description": f"{promise} See slo:current_burn_rate:ratio{{{ids(slo)}}}.",
            "runbook_url": runbook(ALERT),
        },
    )


def _burning(slo: Slo, window: BurnWindow) -> str:
    limit = f"({_number(window.factor(slo.days))} * {slo.error_budget})"
    both = [f"max({ratio_name(w)}{{{ids(slo)}}} > {limit}) without (sloth_window)" for w in (window.short, window.long)]
    return f"(\n{_indented(f'{both[0]}{chr(10)}and{chr(10)}{both[1]}')}\n)"


def _number(value: Decimal) -> str:
    return str(float(value)).removesuffix(".0")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
