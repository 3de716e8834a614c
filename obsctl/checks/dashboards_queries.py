"""Every query of every panel returns data, with its variables filled in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from obsctl.checks._metrics import MetricBoard, Scraped, sample_names
from obsctl.checks._panels import Asked, asked, found
from obsctl.checks._say import count, failed, few, noted, passed, short, skipped
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.promql import PromqlClient
from obsctl.errors import BackendError, UnsupportedError
from obsctl.wait import until

AT_ONCE = 4
"""Queries that are asked at the same time."""

AGAIN = 0.4
"""Seconds until those without data are asked again."""


class DashboardsQueries:
    """See ``docs/checks/dashboards-queries.md``."""

    id = "dashboards.queries"
    signal = Signal.DASHBOARDS
    title = "every panel of every dashboard shows data"

    def run(self, context: Context) -> Verdict:
        """Ask each query until it has data; a rate needs two scrapes, a recorded series an evaluation."""
        if context.metrics is None and context.logs is None:
            return skipped("this stack has neither a metrics nor a log backend for panels to ask")
        if not context.dashboards:
            return skipped("no dashboard follows from the contract")
        look = _Look(context, _absent(context))
        until(look.complete, context.deadline, interval=AGAIN)
        return _verdict(look, context)


@dataclass
class _Look:
    """What each query has found so far. ``absent`` are names that are not stored: another check's business."""

    context: Context
    absent: frozenset[str]
    queries: tuple[Asked, ...] = ()
    points: dict[int, int | None] = field(default_factory=dict)
    errors: dict[int, BackendError] = field(default_factory=dict)

    def complete(self) -> bool:
        """Ask what has no data yet, with variables as they are now. Raises BackendError when nothing can be asked."""
        self.queries = asked(self.context)
        waiting = [i for i in range(len(self.queries)) if self.points.get(i, 0) == 0]
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            list(pool.map(self._ask, waiting))
        for kind in {self.queries[i].kind for i in self.errors}:
            every = [i for i, one in enumerate(self.queries) if one.kind is kind]
            if self.errors.keys() >= {*every}:  # it is not the query, it is who answers
                raise self.errors[every[0]]
        return not self.errors and not self.empty()

    def _ask(self, index: int) -> None:
        self.errors.pop(index, None)
        try:
            self.points[index] = found(self.queries[index], self.context)
        except BackendError as error:
            self.errors[index] = error

    def without(self) -> list[Asked]:
        """The queries that found nothing."""
        return [one for i, one in enumerate(self.queries) if i not in self.errors and self.points.get(i) == 0]

    def empty(self) -> list[Asked]:
        """Those of them that must find something."""
        return [one for one in self.without() if not one.may_be_empty and not one.names & self.absent]

    def left_out(self) -> list[Asked]:
        """Those of them that ask for something which is not stored at all."""
        return [one for one in self.without() if not one.may_be_empty and one.names & self.absent]


def _absent(context: Context) -> frozenset[str]:
    """Series that the contract promises and that are not there: scraped ones, and those of rules."""
    if context.metrics is None:
        return frozenset()
    stored = {s.labels["__name__"] for one in _scraped(context, context.metrics) for s in one.series}
    promised = {name for metric in context.contract.metrics for name in sample_names(metric)}
    recorded = {rule.name for rule in context.rules if rule.kind == "recording"}
    return frozenset(promised - stored | recorded - _evaluated(context.metrics))


def _scraped(context: Context, client: PromqlClient) -> tuple[Scraped, ...]:
    return MetricBoard.of(context, client).scraped(context.deadline)


def _evaluated(client: PromqlClient) -> set[str]:
    """What rules record; nothing where the backend has no rules."""
    try:
        return {rule.name for rule in client.rules() if rule.health == "ok" and rule.kind == "recording"}
    except UnsupportedError:
        return set()


def _verdict(look: _Look, context: Context) -> Verdict:
    refused = [(one, look.errors[i].message) for i, one in enumerate(look.queries) if i in look.errors]
    empty = look.empty()
    if empty and not refused and any(request.error for request in context.run.requests):
        what = count(len(empty), "query", "queries")
        return skipped(f"{what} without data, but not all was driven as planned, which readiness.driven is about")
    if refused or empty:
        looked = [Evidence(_query(one), said) for one, said in [*refused, *((one, "no data") for one in empty)]]
        return failed(_said(refused, empty, len(look.queries)), looked, hint=_hint(bool(refused)))
    full = [(one, n) for i, one in enumerate(look.queries) if (n := look.points.get(i))]
    if not full:
        hint = "see metrics.present and logs.present: there is nothing that a panel could show"
        return failed("no panel shows anything", [Evidence(_query(one), "no data") for one in look.queries], hint=hint)
    exempt, left_out = [one for one in look.without() if one.may_be_empty], look.left_out()
    unasked = [one for i, one in enumerate(look.queries) if look.points.get(i) is None]
    notes = [
        _note(exempt, f"without, as declared: {few(map(str, exempt), 2)}"),
        _note(left_out, "for what metrics.present or rules.loaded misses"),
        _note(unasked, "of a language that is not asked"),
    ]
    looked = [Evidence(_query(one), count(n, "point")) for one, n in full]
    boards, queries = count(len(context.dashboards), "dashboard"), count(len(full), "query", "queries")
    return passed(f"{queries} of {boards} have data{noted(notes)}", looked)


def _note(some: Sequence[Asked], what: str) -> str:
    return f"{count(len(some), 'query', 'queries')} {what}" if some else ""


def _said(refused: Sequence[tuple[Asked, str]], empty: Sequence[Asked], total: int) -> str:
    parts: list[str] = []
    if refused:
        parts.append(f"{len(refused)} of {total} queries refused: {_first(refused[0][0], [one for one, _ in refused])}")
    if empty:
        parts.append(f"{len(empty)} of {total} queries without data: {_first(empty[0], empty)}")
    return "; ".join(parts)


def _first(one: Asked, every: Iterable[Asked]) -> str:
    rest = len(list(every)) - 1
    return f"{one}" + (f" (and {rest} more)" if rest else "")


def _query(one: Asked) -> str:
    return f"{one}: {short(' '.join(one.resolved.expr.split()))}"


def _hint(refused: bool) -> str:
    if refused:
        return "the backend's answer says what it does not take; run the query against it yourself"
    return (
        "run the query against the backend yourself and take its parts away one by one: a metric or a label has "
        "another name, or nothing driven reaches it; a panel that may be empty says `May be empty: why` in its "
        "description"
    )
