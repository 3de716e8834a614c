"""Queries with their variables rendered, as Grafana and its data sources do it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from obsctl.dashboards.model import Dashboard, Panel, Query, Variable
from obsctl.languages.placeholders import DASHBOARD, Placeholder

_REGEX_CHARACTERS = re.compile(r"[\\^$*+?.()|{}\[\]]")
_TEXT_CHARACTERS = re.compile(r'[\\"]')


@dataclass(frozen=True)
class Times:
    """What the page knows about time, in seconds: the range it shows, how often is scraped, its width in points."""

    range: float = 3600.0
    scrape_interval: float = 15.0
    points: int = 1000

    @property
    def interval(self) -> float:
        """``$__interval``: the step of a graph."""
        return max(self.scrape_interval, self.range / self.points)

    @property
    def rate_interval(self) -> float:
        """``$__rate_interval``: long enough for a rate to find two samples, whatever the step."""
        return max(self.interval + self.scrape_interval, 4 * self.scrape_interval)


@dataclass(frozen=True)
class Resolved:
    """A query as it is sent. ``unknown`` are the variables in it that the dashboard does not have."""

    panel: Panel
    query: Query
    expr: str
    unknown: tuple[str, ...] = ()


Values = Mapping[str, str | Sequence[str]]
"""Variable -> what is chosen for it: one value, or several for a variable that may have several."""


def panel_queries(dashboard: Dashboard, values: Values, times: Times = Times()) -> tuple[Resolved, ...]:
    """Every query of every panel. A variable that is not in ``values`` has its current value, or else all of them."""
    return tuple(
        Resolved(panel, query, *render_variables(query.expr, dashboard, values, times))
        for panel in dashboard.panels
        for query in panel.queries
    )


def render_variables(
    text: str, dashboard: Dashboard, values: Values, times: Times = Times()
) -> tuple[str, tuple[str, ...]]:
    """A text with its variables rendered, and the names of those that the dashboard does not have."""
    unknown: dict[str, None] = {}
    built_in = _built_in(times)

    def value_of(reference: Placeholder) -> str:
        name = reference.name
        if name in built_in:
            return built_in[name]
        variable = dashboard.variable(name)
        if variable is None:
            unknown[name] = None
            return reference.text
        chosen = values[name] if name in values else _default(variable)
        return _written(variable, chosen, reference.format)

    return DASHBOARD.render(text, value_of), tuple(unknown)


def variables_in(text: str) -> frozenset[str]:
    """The names of the variables that a text refers to."""
    return frozenset(placeholder.name for placeholder in DASHBOARD.placeholders(text))


def _built_in(times: Times) -> Mapping[str, str]:
    """What ``$__name`` stands for; durations in milliseconds, which every dialect takes."""
    return {
        "__rate_interval": _duration(times.rate_interval),
        "__interval": _duration(times.interval),
        "__interval_ms": str(round(times.interval * 1000)),
        "__auto": _duration(times.interval),
        "__range": _duration(times.range),
        "__range_s": str(round(times.range)),
        "__range_ms": str(round(times.range * 1000)),
    }


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _default(variable: Variable) -> str | Sequence[str]:
    if variable.current and variable.current != ("$__all",):
        return variable.current if variable.multi else variable.current[0]
    return (variable.all_value or ".+",) if variable.multi or variable.all_value else ""


def _written(variable: Variable, chosen: str | Sequence[str], how: str) -> str:
    """A value as the data sources write it: one as text, several as a regular expression, "All" as it is."""
    several = [chosen] if isinstance(chosen, str) else list(chosen)
    if several in (["$__all"], [variable.all_value or ".+"]):
        return variable.all_value or ".+"
    if how == "raw" or variable.type == "datasource":
        return ",".join(several)
    if how == "pipe":
        return "|".join(several)
    if how == "regex" or variable.multi or not isinstance(chosen, str):
        escaped = [_regex(value, in_text=not how) for value in several]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
    return _TEXT_CHARACTERS.sub(r"\\\g<0>", several[0])


def _regex(value: str, *, in_text: bool) -> str:
    escaped = _REGEX_CHARACTERS.sub(r"\\\g<0>", value)
    return _TEXT_CHARACTERS.sub(r"\\\g<0>", escaped) if in_text else escaped
