"""What is wrong with dashboards: by the rules that dashboard linters agree on, and by the contract. Pure.

Rules about job and instance are ours: series of recording rules and of OTLP have no such labels, so a query may be
limited by any label that tells services apart, or by a variable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence

from obsctl.dashboards.global_variables import Times
from obsctl.dashboards.model import Dashboard, Panel, QueryKind, Variable
from obsctl.dashboards.read import read_dashboard
from obsctl.dashboards.variables import GUESS, Resolved, guessed, panel_queries, render_variables, variables_in
from obsctl.errors import Place, SpecError
from obsctl.languages.promql.tree import Selector, nodes_in
from obsctl.lint.catalogue import BY_ID
from obsctl.lint.finding import Finding
from obsctl.lint.logql import log_issues
from obsctl.lint.promql import Reading, is_bare_counter, read
from obsctl.lint.rules import issue_finding
from obsctl.lint.series import Known

PROVISIONED = frozenset(("metrics", "logs", "traces", "alerts"))
"""The uids of a stack's own data sources."""

OWN = re.compile(r"__expr__|grafana|default|-- (Grafana|Mixed|Dashboard) --")
"""The uids of data sources that every Grafana has: expressions, several sources, another panel, the default."""

_SILENT = frozenset(("text", "row", "news", "dashlist", "alertlist", "annolist", "welcome", "nodeGraph"))
"""Panels that ask for nothing by their nature."""

_MEASURING = frozenset(("timeseries", "graph", "stat", "singlestat", "gauge", "bargauge", "barchart"))
"""Panels that show numbers."""

_SCOPES = frozenset(("job", "instance", "service_namespace", "service_name", "service", "sloth_service", "sloth_id"))
_STRINGS = r'(?:"(?:\\.|[^"\\])*"|[^"\[\]])*?'
_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"')
_FIXED_RATE = re.compile(rf"\b(rate|irate)\s*\({_STRINGS}\[\s*([0-9][0-9a-z]*)\s*(?:\]|:)")
_VARIABLE = re.compile(r"\$\{?(?!__)[A-Za-z_]|\[\[\w")
_LOG_RANGE = re.compile(r"\[\s*([0-9][0-9a-z]*)\s*\]")


def dashboard_findings(text: str, file: str, known: Known) -> Iterator[Finding]:
    """What is wrong with the JSON of a dashboard; ``file`` is how places name it."""
    try:
        dashboard = read_dashboard(text, file)
    except SpecError as error:
        for part in error.parts:
            message = part.message.removeprefix(f"{part.place}: ")
            yield Finding(BY_ID["dashboard.syntax"], part.place or Place(file), file, message, part.hint)
        return
    yield from _Linter(dashboard, text, known).findings()


class _Linter:
    """One dashboard with its text, in which places are looked up."""

    def __init__(self, dashboard: Dashboard, text: str, known: Known) -> None:
        self._board = dashboard
        self._lines = _lines(text)
        self._known = known
        self._times = Times(scrape_interval=known.scrape_interval or 15.0)

    def findings(self) -> Iterator[Finding]:
        """Everything, from the whole to its parts."""
        yield from self._whole()
        for variable in self._board.variables:
            yield from self._variable(variable)
        for panel in self._board.panels:
            for look in _PANEL:
                yield from (self._about(id_, panel, message) for id_, message in look(panel))
        for resolved in panel_queries(self._board, {}, self._times):
            yield from self._query(resolved)

    def _whole(self) -> Iterator[Finding]:
        board = self._board
        if board.editable:
            message = "somebody may change it in the browser, and lose it with the next rollout"
            yield Finding(BY_ID["dashboard.uneditable"], self._place("editable"), board.title, message)
        fixed = {query.data_source for panel in board.panels for query in panel.queries} - PROVISIONED
        strange = sorted(source for source in fixed if source and "$" not in source and not OWN.fullmatch(source))
        if strange and not any(variable.type == "datasource" for variable in board.variables):
            message = f"it works only where a data source has the uid {', '.join(strange)}"
            place = self._place(strange[0])
            yield Finding(BY_ID["dashboard.template-datasource"], place, board.title, message)

    def _variable(self, variable: Variable) -> Iterator[Finding]:
        if variable.type != "query":
            return
        target, place = f"{self._board.title}/${variable.name}", self._place(variable.query or variable.name)
        if variable.refresh != 2:
            message = f"${variable.name} keeps the values it had when the page was opened"
            yield Finding(BY_ID["dashboard.template-on-time-change-reload"], place, target, message)
        if variable.query.startswith("label_values("):
            yield from self._label_values(variable, target, place)

    def _label_values(self, variable: Variable, target: str, place: Place) -> Iterator[Finding]:
        if not variable.label:
            message = f"${variable.name}: {variable.query[:80]!r} names no label"
            yield Finding(BY_ID["dashboard.template-label-promql"], place, target, message)
        elif variable.match:
            reading = read(render_variables(variable.match, self._board, {}, self._times)[0], self._known)
            if reading.tree is None and variables_in(variable.match):
                return
            shape = reading.shape
            if not isinstance(reading.tree, Selector):
                message = f"${variable.name}: {variable.match[:80]!r} selects no series"
                yield Finding(BY_ID["dashboard.template-label-promql"], place, target, message)
                return
            yield from (issue_finding(i, place, target) for i in reading.issues if i.id != "promql.needless-regex")
            if shape.labels is not None and variable.label not in shape.labels:
                message = f"${variable.name}: the series have no label {variable.label}"
                yield Finding(BY_ID["promql.unknown-label"], place, target, message)

    def _query(self, resolved: Resolved) -> Iterator[Finding]:
        panel, query = resolved.panel, resolved.query
        place, target = self._place(query.expr or panel.title), self._target(panel)
        for name in resolved.unknown:
            message = f"the dashboard has no variable ${name}"
            yield Finding(BY_ID["dashboard.unknown-variable"], place, target, message)
        if not query.expr:
            return
        if query.kind is QueryKind.PROMQL:
            yield from self._promql(resolved, place, target)
        elif query.kind is QueryKind.LOGQL:
            yield from self._logql(resolved, place, target)

    def _promql(self, resolved: Resolved, place: Place, target: str) -> Iterator[Finding]:
        written = resolved.query.expr
        reading = self._reading(resolved)
        for issue in reading.issues:
            if (GUESS not in issue.message and issue.id != "promql.needless-regex") or "$" not in written:
                yield issue_finding(issue, place, target)
        if is_bare_counter(reading):
            yield Finding(BY_ID["promql.bare-counter"], place, target, "the panel shows a counter as it stands")
        if reading.tree is None:
            return
        for found in _FIXED_RATE.finditer(written) if not resolved.query.instant else ():
            message = f"{found[1]}() over a fixed {found[2]}"
            yield Finding(BY_ID["dashboard.target-rate-interval"], place, target, message)
        selectors = [node for node in nodes_in(reading.tree) if isinstance(node, Selector)]
        if any(not self._scoped(selector) for selector in selectors) and not _VARIABLE.search(written):
            message = "the query is about every service that there is"
            yield Finding(BY_ID["dashboard.target-scope"], place, target, message)

    def _reading(self, resolved: Resolved) -> Reading:
        """The query as it is read; variables without a known value stand for whatever makes it PromQL."""
        reading = read(resolved.expr, self._known)
        if reading.tree is None:
            guesses = (read(expr, self._known) for expr in guessed(resolved, self._board, self._times))
            reading = next((guess for guess in guesses if guess.tree is not None), reading)
        return reading

    def _scoped(self, selector: Selector) -> bool:
        """Whether a selector says whose series it wants, or the series are nobody's."""
        named = {matcher.name: matcher.value for matcher in selector.matchers}
        series = self._known.series.get(named.get("__name__", ""))
        nobody = series is not None and series.shape.labels is not None and not series.shape.labels & _SCOPES
        return nobody or bool(named.keys() & _SCOPES)

    def _logql(self, resolved: Resolved, place: Place, target: str) -> Iterator[Finding]:
        issues = list(log_issues(resolved.expr, self._known))
        if any(issue.id == "logql.syntax" for issue in issues):
            guesses = (list(log_issues(e, self._known)) for e in guessed(resolved, self._board, self._times))
            issues = next((g for g in guesses if all(issue.id != "logql.syntax" for issue in g)), issues)
        for issue in issues:
            if GUESS not in issue.message:
                yield issue_finding(issue, place, target)
        if not resolved.query.instant:
            for found in _LOG_RANGE.finditer(resolved.query.expr):
                message = f"a fixed range of {found[1]}"
                yield Finding(BY_ID["dashboard.target-logql-auto"], place, target, message)

    def _about(self, id_: str, panel: Panel, message: str) -> Finding:
        return Finding(BY_ID[id_], self._place(panel.title), self._target(panel), message)

    def _target(self, panel: Panel) -> str:
        return f"{self._board.title}/{panel.title or panel.path}"

    def _place(self, text: str) -> Place:
        """Where a text stands in the file: the first line that has it as a JSON text."""
        written = (json.dumps(text, ensure_ascii=False), json.dumps(text))
        return Place(self._board.file, next((self._lines[w] for w in written if w in self._lines), 0))


def _lines(text: str) -> dict[str, int]:
    """The first line of every JSON text."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        for written in _JSON_TEXT.findall(line):
            found.setdefault(written, number)
    return found


def _source(panel: Panel) -> Iterator[tuple[str, str]]:
    if any(not (query.data_source or panel.data_source) for query in panel.queries):
        yield "dashboard.panel-datasource", "the panel uses whatever data source is the default"


def _words(panel: Panel) -> Iterator[tuple[str, str]]:
    missing = [what for what, text in (("title", panel.title), ("description", panel.description)) if not text.strip()]
    if missing and panel.type not in _SILENT:
        yield "dashboard.panel-title-description", f"the panel has no {' and no '.join(missing)}"


def _unit(panel: Panel) -> Iterator[tuple[str, str]]:
    if panel.type in _MEASURING and panel.queries and not panel.unit:
        yield "dashboard.panel-units", "the panel shows bare numbers"


def _asks(panel: Panel) -> Iterator[tuple[str, str]]:
    if panel.type not in _SILENT and not panel.queries:
        yield "dashboard.panel-no-targets", "the panel has no query"


_PANEL: Sequence[Callable[[Panel], Iterator[tuple[str, str]]]] = (_source, _words, _unit, _asks)
