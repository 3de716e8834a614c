"""Every query of every panel returns data, with its variables filled in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

from obsctl.checks._logs import LogsPoller
from obsctl.checks._metrics import MetricsPoller, counted, sample_names
from obsctl.checks._verdicts import count, failed, few, noted, passed, short, skipped
from obsctl.checks.base import Context, Evidence, MetricsContext, Signal, Verdict
from obsctl.clients.promql import PromqlClient
from obsctl.dashboards.global_variables import Times
from obsctl.dashboards.model import Dashboard, QueryKind, Variable
from obsctl.dashboards.variables import Resolved, panel_queries, render_variables, variables_in
from obsctl.errors import BackendError, UnsupportedError
from obsctl.languages.errors import QueryError
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import selectors_in
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.dashboard_templates import ERROR_LOGGED
from obsctl.wait import until

EMPTY = ("readiness.driven", "metrics.targets", "metrics.present", "traces.complete", "time.skew", "logs.present")
"""What explains that panels have no data."""

CONCURRENCY = 4
"""Queries that are sent at the same time."""

RETRY_INTERVAL = 0.4
"""Seconds until the queries without data are sent again."""

STEPS_BEFORE = 2
"""Steps before the run from which on a panel may show something."""


class DashboardsQueries:
    """See ``docs/checks/dashboards-queries.md``."""

    id = "dashboards.queries"
    signal = Signal.DASHBOARDS
    title = "every panel of every dashboard shows data"

    def run(self, context: Context) -> Verdict:
        """Ask each query until it has data; a rate needs two scrapes, a recorded series an evaluation."""
        if context.metrics is None and context.logs is None:
            return skipped("this stack has neither a metrics nor a log backend for panels to ask")
        if not context.dashboards.expected:
            return skipped("this stack shows no dashboard of the contract")
        results = _Results(context, _absent(context), _happened(context))
        until(results.complete, context.deadline, interval=RETRY_INTERVAL)
        return _verdict(results, context)


@dataclass(frozen=True)
class PanelQuery:
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
    def empty_until(self) -> str:
        """What happens before it must have some all the same; "" where nothing does."""
        return self.resolved.panel.empty_until

    @property
    def names(self) -> frozenset[str]:
        """Every series that is named in the query, and in those of the variables that it uses."""
        if self.kind is not QueryKind.PROMQL:
            return frozenset()
        names, used = _series_names(self.resolved.expr), variables_in(self.resolved.query.expr)
        for variable in reversed(self.board.variables):  # one may only use those before it
            if variable.name in used:
                used |= variables_in(variable.match)
                names |= _series_names(variable.match)
        return names

    def __str__(self) -> str:
        panel, query = self.resolved.panel, self.resolved.query
        letter = f" ({query.ref_id})" if len(panel.queries) > 1 else ""
        return f"{self.board.title}: {panel.title}{letter}"


def _panel_queries(context: Context) -> tuple[PanelQuery, ...]:
    """Every query of every dashboard, with its variables filled in as far as there are values for them."""
    times = Times(scrape_interval=context.dashboards.step, end=time.time())
    return tuple(
        PanelQuery(board, resolved)
        for board in context.dashboards.expected
        for resolved in panel_queries(board, _values(board, context), times)
    )


def _values(board: Dashboard, context: Context) -> dict[str, str | Sequence[str]]:
    """Values of the variables: the service of the run, its widest trace; else everything that the backend knows."""
    values: dict[str, str | Sequence[str]] = {"trace_id": context.dashboards.trace_id}
    for variable in board.variables:
        if variable.type == "query" and variable.label:
            known = _known_values(variable, render_variables(variable.match, board, values)[0], context.metrics)
            own = [value for value in known if variable.name == "service" and value == context.contract.service]
            if own or (known and not variable.multi):  # else it stands at "All"
                values[variable.name] = own if variable.multi else (own or known)[0]
    return values


def _known_values(variable: Variable, match: str, metrics: MetricsContext | None) -> list[str]:
    if metrics is None:
        return []
    try:
        return metrics.client.label_values(variable.label, [match] if match else [])
    except BackendError:
        return []  # the panels that use it are asked for everything, and will tell


def _points(query: PanelQuery, context: Context) -> int | None:
    """How many points or lines a query has in the time of the run; None where no backend answers its language.

    Raises BackendError.
    """
    step, expr, now = context.dashboards.step, query.resolved.expr, time.time()
    start = context.run.started_at - STEPS_BEFORE * step
    if query.kind is QueryKind.PROMQL and context.metrics:
        # an instant one, too: seconds after the run a rate over a few scrapes may have nothing to show any more
        return len(context.metrics.client.range(expr, start, now, step))
    if query.kind is QueryKind.LOGQL and context.logs:
        return context.logs.client.found(expr, int(start * 1e9), int((now + 1) * 1e9))
    if query.kind is QueryKind.TRACE and context.traces and expr:
        return len(context.traces.client.trace(expr))
    return None


@dataclass
class _Results:
    """The answer to each query so far.

    ``absent`` are series that are not stored: another check's business. ``happened`` is what makes panels that may be
    empty show something, each with its proof. ``resting`` are series of histograms and summaries that nothing raised,
    so that no percentile and no mean follows from them.
    """

    context: Context
    absent: frozenset[str]
    happened: Mapping[str, Evidence]
    resting: frozenset[str] = frozenset()
    queries: tuple[PanelQuery, ...] = ()
    points: dict[int, int | None] = field(default_factory=dict)
    errors: dict[int, BackendError] = field(default_factory=dict)

    def complete(self) -> bool:
        """Ask what has no data yet, with variables as they are now. Raises BackendError when nothing can be asked."""
        self.queries = _panel_queries(self.context)
        waiting = [i for i in range(len(self.queries)) if self.points.get(i, 0) == 0]
        with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
            list(pool.map(self._ask, waiting))
        for kind in {self.queries[i].kind for i in self.errors}:
            same_kind = [i for i, query in enumerate(self.queries) if query.kind is kind]
            if self.errors.keys() >= {*same_kind}:  # it is not the query, it is the backend
                raise self.errors[same_kind[0]]
        self.resting = _resting(self.context, frozenset().union(*(query.names for query in self.empty())))
        return not self.errors and not self.empty()

    def _ask(self, index: int) -> None:
        self.errors.pop(index, None)
        try:
            self.points[index] = _points(self.queries[index], self.context)
        except BackendError as error:
            self.errors[index] = error

    def with_data(self) -> list[tuple[PanelQuery, int]]:
        """The queries that have data, each with its number of points."""
        return [(query, n) for i, query in enumerate(self.queries) if (n := self.points.get(i))]

    def without_data(self) -> list[PanelQuery]:
        """The queries that were answered without data."""
        return [query for i, query in enumerate(self.queries) if i not in self.errors and self.points.get(i) == 0]

    def empty(self) -> list[PanelQuery]:
        """Those of them that must have data."""
        excused = self.absent | self.resting
        return [query for query in self.without_data() if not self.exempt(query) and not query.names & excused]

    def idle(self) -> list[PanelQuery]:
        """Those of them that ask for a histogram or a summary which nothing raised in this run."""
        asked = [query for query in self.without_data() if not self.exempt(query)]
        return [query for query in asked if query.names & self.resting and not query.names & self.absent]

    def exempt(self, query: PanelQuery) -> bool:
        """Whether a query may have no data: it says so, and nothing happened that it would show."""
        return bool(query.may_be_empty) and query.empty_until not in self.happened

    def left_out(self) -> list[PanelQuery]:
        """Those of them that ask for something which is not stored at all."""
        return [query for query in self.without_data() if not self.exempt(query) and query.names & self.absent]

    def refused(self) -> list[tuple[PanelQuery, str]]:
        """The queries that the backend did not accept, each with its message."""
        return [(query, self.errors[i].message) for i, query in enumerate(self.queries) if i in self.errors]


def _series_names(expr: str) -> frozenset[str]:
    """The series that an expression names; none for what is not PromQL."""
    try:
        return frozenset(selector.metric for selector in selectors_in(parse(expr)) if selector.metric)
    except QueryError:
        return frozenset()


def _absent(context: Context) -> frozenset[str]:
    """Series that the contract promises and that are not there: scraped ones, and those of rules."""
    if context.metrics is None:
        return frozenset()
    scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
    stored = {sample.labels["__name__"] for component in scraped for sample in component.series}
    expected = {name for metric in context.contract.metrics for name in sample_names(metric)}
    recorded = {rule.name for rule in context.metrics.rules if rule.kind == "recording"}
    return frozenset(expected - stored | recorded - _evaluated(context.metrics.client))


def _resting(context: Context, names: frozenset[str]) -> frozenset[str]:
    """The series of those histograms and summaries among ``names`` that nothing raised during the run.

    One that the run must have raised by what it sent is none of them.
    """
    if context.metrics is None:
        return frozenset()
    driven = {expectation.metric for expectation in context.run.expectations if expectation.by}
    wide = (MetricType.HISTOGRAM, MetricType.SUMMARY)
    judged = [m for m in context.contract.metrics if m.type in wide and m.name not in driven]
    still = [m for m in judged if names & {*sample_names(m)} and not _rose(m, context, context.metrics.client)]
    return frozenset(name for metric in still for name in sample_names(metric))


def _rose(metric: Metric, context: Context, client: PromqlClient) -> bool:
    """Whether one of its counts was seen to rise. Raises BackendError."""
    step, values = context.dashboards.step, dict[frozenset[tuple[str, str]], list[float]]()
    start = context.run.started_at - STEPS_BEFORE * step
    for sample in client.range(counted(metric), start, time.time(), step):
        values.setdefault(frozenset(sample.labels.items()), []).append(sample.value)
    return any(later > earlier for counts in values.values() for earlier, later in pairwise(counts))


def _evaluated(client: PromqlClient) -> set[str]:
    """What rules record; nothing where the backend has no rules."""
    try:
        return {rule.name for rule in client.rules() if rule.health == "ok" and rule.kind == "recording"}
    except UnsupportedError:
        return set()


_ERROR = re.compile(r"(?i)(err(or)?|crit(ical)?|fatal)")


def _error_logged(context: Context) -> Evidence | None:
    """A line of level error or worse that the service wrote for a driven request, found by the request's ids."""
    if context.logs is None:
        return None
    lines = LogsPoller.of(context, context.logs).lines(context.deadline)
    found = next((line for line in lines if _ERROR.fullmatch(line.text("level"))), None)
    return Evidence(f"a line of level {found.text('level')} is stored", short(str(found))) if found else None


_LOOKS: Mapping[str, Callable[[Context], Evidence | None]] = {ERROR_LOGGED: _error_logged}


def _happened(context: Context) -> dict[str, Evidence]:
    """What happened of all that fills panels which may be empty, each with its proof."""
    found: dict[str, Evidence] = {}
    for cause in {panel.empty_until for board in context.dashboards.expected for panel in board.panels}:
        try:
            proof = _LOOKS[cause](context) if cause in _LOOKS else None
        except BackendError:
            continue  # panels of that backend cannot be asked either, which is told then
        if proof:
            found[cause] = proof
    return found


def _verdict(results: _Results, context: Context) -> Verdict:
    refused, empty = results.refused(), results.empty()
    if empty and not refused and any(request.error for request in context.run.requests):
        what = count(len(empty), "query", "queries")
        return skipped(f"{what} without data, but not all was driven as planned, which readiness.driven is about")
    if refused or empty:
        looked = [Evidence(_shown(q), said) for q, said in [*refused, *((q, "no data") for q in empty)]]
        looked += [results.happened[c] for c in sorted({q.empty_until for q in empty if q.empty_until})]
        said, because = _summary(refused, empty, len(results.queries)), () if refused else EMPTY
        return failed(said, looked, hint=_hint(bool(refused)), because=because)
    if not results.with_data():
        hint = "see metrics.present and logs.present: there is nothing that a panel could show"
        looked = [Evidence(_shown(query), "no data") for query in results.queries]
        return failed("no panel shows anything", looked, hint=hint, because=EMPTY)
    return _passed(results, context)


def _passed(results: _Results, context: Context) -> Verdict:
    with_data, left_out = results.with_data(), results.left_out()
    exempt = [query for query in results.without_data() if results.exempt(query)]
    not_asked = [query for i, query in enumerate(results.queries) if results.points.get(i) is None]
    notes = [
        _note(exempt, f"without, as declared: {few(map(str, exempt), 2)}"),
        _note(left_out, "for what metrics.present or rules.loaded misses"),
        _note(results.idle(), "for histograms and summaries that nothing raised in this run"),
        _note(not_asked, "of a language that is not asked"),
    ]
    looked = [Evidence(_shown(query), count(n, "point")) for query, n in with_data]
    boards = count(len(context.dashboards.expected), "dashboard")
    queries = count(len(with_data), "query", "queries")
    return passed(f"{queries} of {boards} have data{noted(notes)}", looked)


def _note(queries: Sequence[PanelQuery], what: str) -> str:
    return f"{count(len(queries), 'query', 'queries')} {what}" if queries else ""


def _summary(refused: Sequence[tuple[PanelQuery, str]], empty: Sequence[PanelQuery], total: int) -> str:
    parts: list[str] = []
    if refused:
        parts.append(f"{len(refused)} of {total} queries refused: {_first([query for query, _ in refused])}")
    if empty:
        parts.append(f"{len(empty)} of {total} queries without data: {_first(empty)}")
    return "; ".join(parts)


def _first(queries: Sequence[PanelQuery]) -> str:
    rest = len(queries) - 1
    return f"{queries[0]}" + (f" (and {rest} more)" if rest else "")


def _shown(query: PanelQuery) -> str:
    return f"{query}: {short(' '.join(query.resolved.expr.split()))}"


def _hint(refused: bool) -> str:
    if refused:
        return "the backend's answer says what it does not take; run the query against it yourself"
    return (
        "run the query against the backend yourself and take its parts away one by one: a metric or a label has "
        "another name, or nothing driven reaches it; a panel that may be empty says `May be empty: why` in its "
        "description"
    )
