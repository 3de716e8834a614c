"""What a dashboard is: variables, and panels with their queries. Values only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_LABEL_VALUES = re.compile(r"\s*label_values\((?:(.*),)?\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\)\s*", re.DOTALL)


class QueryKind(StrEnum):
    """The language of a query."""

    PROMQL = "promql"
    LOGQL = "logql"
    TRACE = "trace"
    OTHER = "other"


@dataclass(frozen=True)
class Query:
    """One question of a panel. ``expr`` is as written, with ``$variables``; for a trace it is what leads to the id."""

    ref_id: str
    kind: QueryKind
    expr: str
    legend: str = ""
    instant: bool = False
    exemplars: bool = False
    data_source: str = ""


@dataclass(frozen=True)
class Grid:
    """A place on the page of 24 columns; a unit of height is 38 pixels."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class Panel:
    """A panel. ``may_be_empty`` is the reason why it may have no data, empty where it must have some; ``empty_until``
    what happens before it must have some all the same, empty where nothing does.

    ``path`` is its place in the file, such as ``panels[3]``; ``unit`` is the page's name of it.
    """

    id: int
    title: str
    type: str
    queries: tuple[Query, ...] = ()
    may_be_empty: str = ""
    empty_until: str = ""
    description: str = ""
    unit: str = ""
    grid: Grid = Grid(0, 0, 0, 0)
    data_source: str = ""
    path: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable. ``query`` is what its values come from, ``current`` what it has, ``all_value`` what "All" means.

    ``match`` and ``label`` are the parts of a ``label_values(match, label)`` query; ``label`` is empty for any other.
    """

    name: str
    type: str
    query: str = ""
    title: str = ""
    multi: bool = False
    all_value: str = ""
    current: tuple[str, ...] = ()
    refresh: int = 0
    data_source: str = ""

    @property
    def label(self) -> str:
        """The label whose values it has."""
        found = _LABEL_VALUES.fullmatch(self.query)
        return found[2] if found else ""

    @property
    def match(self) -> str:
        """The series whose label it is, with variables of its own; empty for all series."""
        found = _LABEL_VALUES.fullmatch(self.query)
        return (found[1] or "").strip() if found else ""


@dataclass(frozen=True)
class Dashboard:
    """A dashboard. ``panels`` are those that show something, whatever row they are in; ``rows`` are the headings."""

    uid: str
    title: str
    file: str
    variables: tuple[Variable, ...] = ()
    panels: tuple[Panel, ...] = ()
    rows: tuple[Panel, ...] = ()
    editable: bool = True
    tags: tuple[str, ...] = ()

    def variable(self, name: str) -> Variable | None:
        """The variable of that name."""
        return next((v for v in self.variables if v.name == name), None)
