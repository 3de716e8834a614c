"""Queries with their variables rendered, as Grafana and its data sources do it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from obsctl.dashboards.global_variables import AN_HOUR, Times, global_value
from obsctl.dashboards.model import Dashboard, Panel, Query, QueryKind, Variable
from obsctl.languages.placeholders import DASHBOARD, Placeholder

AUTO_INTERVAL = "$__auto"
"""The choice of an interval variable that leaves it to the page."""
GUESS = "some_name_of_a_variable"
"""What stands for a name that only the data source knows."""
_MOST_GUESSED = 3
_REGEX_CHARACTERS = re.compile(r"[\\^$*+?.()|{}\[\]]")
_GROUP = re.compile(r"\(\?P?<(\w+)>")
_TEXT_CHARACTERS = re.compile(r'[\\"]')


@dataclass(frozen=True)
class Resolved:
    """A query as it is sent. ``unknown`` are the variables in it that the dashboard does not have.

    ``open`` are those whose values only the data source knows.
    """

    panel: Panel
    query: Query
    expr: str
    unknown: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


Values = Mapping[str, str | Sequence[str]]
"""Variable -> what is chosen for it: one value, or several for a variable that may have several."""


def panel_queries(dashboard: Dashboard, values: Values, times: Times = AN_HOUR) -> tuple[Resolved, ...]:
    """Every query of every panel. A variable that is not in ``values`` has its current value, or else all of them."""
    return tuple(
        _resolved(panel, query, dashboard, values, times) for panel in dashboard.panels for query in panel.queries
    )


def _resolved(panel: Panel, query: Query, dashboard: Dashboard, values: Values, times: Times) -> Resolved:
    expr, unknown = render_variables(query.expr, dashboard, values, times)
    used = variables_in(query.expr) - values.keys()
    undecided = tuple(v.name for v in dashboard.variables if v.name in used and _is_open(v))
    return Resolved(panel, query, expr, tuple(n for n in unknown if not _of_the_language(n, query)), undecided)


def _is_open(variable: Variable) -> bool:
    return variable.type == "query" and not (variable.current or variable.multi or variable.all_value)


def _of_the_language(name: str, query: Query) -> bool:
    """Whether a dollar belongs to the query's own language: macros of SQL, variables of a template in LogQL."""
    if query.kind is QueryKind.LOGQL:
        return bool(re.search(rf"\{{\{{[^}}]*\${name}\b", query.expr))
    return query.kind is QueryKind.OTHER and name.startswith("__")


def render_variables(
    text: str, dashboard: Dashboard, values: Values, times: Times = AN_HOUR
) -> tuple[str, tuple[str, ...]]:
    """A text with its variables rendered, and the names of those that the dashboard does not have.

    Groups of a regular expression (``$1``, ``$name`` with ``(?P<name>…)``) are no variables: Grafana leaves them alone.
    """
    unknown: dict[str, None] = {}
    groups = frozenset(_GROUP.findall(text))

    def value_of(reference: Placeholder) -> str:
        name = reference.name
        variable = dashboard.variable(name)
        if variable is None:
            own = global_value(name, reference.text, dashboard.title, times)
            if own is None and not name[0].isdigit() and name not in groups:
                unknown[name] = None
            return reference.text if own is None else own
        chosen = values[name] if name in values else _default(variable)
        if chosen == AUTO_INTERVAL:
            return global_value("__auto_interval_", reference.text, "", times) or ""
        return _written(variable, chosen, reference.format)

    return DASHBOARD.render(text, value_of), tuple(unknown)


def guessed(resolved: Resolved, dashboard: Dashboard, times: Times) -> Iterator[str]:
    """The query with what its variables without a known value may stand for: a name, a duration, a number, nothing."""
    names = sorted({*resolved.unknown, *resolved.open})[:_MOST_GUESSED]
    extra = tuple(Variable(name, "constant") for name in resolved.unknown)
    board = replace(dashboard, variables=(*dashboard.variables, *extra))
    for values in itertools.product((GUESS, "5m", "1", "sum", ""), repeat=len(names)) if names else ():
        yield render_variables(resolved.query.expr, board, dict(zip(names, values, strict=True)), times)[0]


def variables_in(text: str) -> frozenset[str]:
    """The names of the variables that a text refers to."""
    return frozenset(placeholder.name for placeholder in DASHBOARD.placeholders(text))


def _default(variable: Variable) -> str | Sequence[str]:
    if variable.type == "interval" and variable.current and variable.current[0].startswith("$__auto"):
        return AUTO_INTERVAL
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
