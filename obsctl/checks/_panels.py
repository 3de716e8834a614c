"""The queries of dashboards, with variables that have the values the backends know."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from obsctl.checks.base import Context
from obsctl.dashboards.fill import Resolved, Times, filled, panel_queries
from obsctl.dashboards.model import Dashboard, QueryKind, Variable
from obsctl.errors import BackendError

BEFORE = 2
"""Scrape intervals before the run from which on a panel may show something."""

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True)
class Asked:
    """A query of a panel, as it is sent."""

    board: Dashboard
    resolved: Resolved

    @property
    def kind(self) -> QueryKind:
        """Its language."""
        return self.resolved.query.kind

    @property
    def may_be_empty(self) -> str:
        """Why it may have no data; "" where it must have some."""
        return self.resolved.panel.may_be_empty

    @property
    def names(self) -> frozenset[str]:
        """Every word that may be the name of a series, in the query and in those of the variables that it uses."""
        if self.kind is not QueryKind.PROMQL:
            return frozenset()
        words = {*_NAME.findall(self.resolved.expr), *_NAME.findall(self.resolved.query.expr)}
        for variable in reversed(self.board.variables):  # one may only use those before it
            if variable.name in words:
                words |= {*_NAME.findall(variable.match)}
        return frozenset(words)

    def __str__(self) -> str:
        panel, query = self.resolved.panel, self.resolved.query
        letter = f" ({query.ref_id})" if len(panel.queries) > 1 else ""
        return f"{self.board.title}: {panel.title}{letter}"


def asked(context: Context) -> tuple[Asked, ...]:
    """Every query of every dashboard, with its variables filled in as far as there are values for them."""
    times = Times(scrape_interval=context.scrape_interval)
    return tuple(
        Asked(board, resolved)
        for board in context.dashboards
        for resolved in panel_queries(board, _values(board, context), times)
    )


def _values(board: Dashboard, context: Context) -> dict[str, str | Sequence[str]]:
    """Values of the variables: the service of the run, its widest trace; else everything that the backend knows."""
    values: dict[str, str | Sequence[str]] = {"trace_id": context.trace_id}
    for variable in board.variables:
        if variable.type == "query" and variable.label:
            known = _known(variable, filled(variable.match, board, values)[0], context)
            own = [value for value in known if variable.name == "service" and value == context.contract.service]
            if chosen := own or known:
                values[variable.name] = chosen if variable.multi else chosen[0]
    return values


def _known(variable: Variable, match: str, context: Context) -> list[str]:
    if context.metrics is None:
        return []
    try:
        return context.metrics.label_values(variable.label, [match] if match else [])
    except BackendError:
        return []  # the panels that use it are asked for everything, and will tell


def found(one: Asked, context: Context) -> int | None:
    """How much a query finds in the time of the run; None where nobody can be asked. Raises BackendError."""
    expr, start, now = one.resolved.expr, context.run.started_at - BEFORE * context.scrape_interval, time.time()
    if one.kind is QueryKind.PROMQL and context.metrics:
        # an instant one, too: seconds after the run a rate over a few scrapes may have nothing to show any more
        return len(context.metrics.range(expr, start, now, context.scrape_interval))
    if one.kind is QueryKind.LOGQL and context.logs:
        return context.logs.found(expr, int(start * 1e9), int((now + 1) * 1e9))
    if one.kind is QueryKind.TRACE and context.traces and expr:
        return len(context.traces.trace(expr))
    return None
