"""Templates of dashboards: ``templates/dashboards/*.yaml``.

Queries name metrics by their registry name, ``@{http.requests}``; rendering puts the Prometheus name there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place
from obsctl.schema.findings import Findings, shown_path
from obsctl.schema.records import RecordType, key, place, record
from obsctl.schema.scalars import FLAG, NUMBER, PROSE, TEXT, text_like, whole
from obsctl.schema.source import SourceCursor
from obsctl.schema.text import quoted
from obsctl.schema.types import ListOf, choice
from obsctl.spec.rule_templates import check_families
from obsctl.spec.scalars import NAME
from obsctl.spec.yaml_source import read_record

PANEL_TYPES = ("stat", "timeseries", "heatmap", "table", "logs", "traces")
COLUMNS = 24
ERROR_LOGGED = "an error is logged"
CAUSES = (ERROR_LOGGED,)
"""What fills a panel that may be empty until then."""


@record("a query", single="expr")
class QueryTemplate:
    """A query with placeholders; ``legend`` names its series."""

    expr: str = key(PROSE, "PromQL, LogQL of a logs panel, or the id of a trace.")
    legend: str = key(TEXT, "Name of its series.", default="")


@record("a panel", kw_only=True)
class PanelTemplate:
    """A panel. What is empty follows from the first metric of its first query: unit and description.

    ``objective`` is the metric (registry name) whose SLO gives the threshold; ``levels`` are thresholds of its own,
    from the lowest; above the last is trouble, or with ``falling`` below the first. ``width`` is in columns, 0 for an
    even share of its row. ``may_be_empty`` is the reason why it may have no data, ``empty_until`` what ends that.
    """

    title: str = key(TEXT, "Its title.")
    type: str = key(choice(*PANEL_TYPES), "How it shows its data.", default="timeseries")
    queries: tuple[QueryTemplate, ...] = key(
        ListOf(RecordType(QueryTemplate), "a list of queries", empty=False), "What it asks."
    )
    description: str = key(PROSE, "What it means, for people.", default="", shown="the metric's brief")
    unit: str = key(TEXT, "Its unit.", default="", shown="the metric's")
    objective: str = key(TEXT, "Metric whose SLO gives the threshold.", default="")
    levels: tuple[float, ...] = key(ListOf(NUMBER, "a list of numbers"), "Thresholds, the lowest first.", default=())
    falling: bool = key(FLAG, "Whether low values are the trouble.", default=False)
    width: int = key(whole(1, COLUMNS, "a number of columns"), "Columns of 24.", default=0, shown="an even share")
    stacked: bool = key(FLAG, "Whether its series add up.", default=False)
    signed: bool = key(FLAG, "Whether it may be below zero.", default=False)
    newest_first: bool = key(FLAG, "Order of log lines.", default=True)
    may_be_empty: str = key(PROSE, "Why it may have no data.", default="")
    empty_until: str = key(choice(*CAUSES), "What fills it: after that it must have data.", default="", shown="nothing")
    place: Place = place(default=Place(""))


@record("a row")
class RowTemplate:
    """Panels side by side. With ``family`` it is left out where no contract uses that family.

    ``heading`` starts a part of the page; ``folded`` parts are shown when somebody opens them.
    """

    panels: tuple[PanelTemplate, ...] = key(
        ListOf(RecordType(PanelTemplate), "a list of panels", empty=False), "Its panels."
    )
    height: int = key(whole(3, 20), "Its height; a screen has about 24.", default=8)
    family: str = key(NAME, "Family without which it is left out.", default="")
    heading: str = key(TEXT, "Heading above it.", default="")
    folded: bool = key(FLAG, "Whether the heading has to be opened.", default=False)


@record("a variable")
class VariableTemplate:
    """A variable of one dashboard: values of ``label`` of the metric (or series) ``of``; a text field without."""

    name: str = key(text_like(r"[a-z][a-z0-9_]*", "a name such as route"), "Its name.")
    title: str = key(TEXT, "Its name on the page.")
    of: str = key(TEXT, "Metric whose label it is.", default="", shown="a text field")
    label: str = key(TEXT, "The label.", default="")


@record("the dashboard", kw_only=True)
class DashboardTemplate:
    """One dashboard. It is for stacks whose contracts use all of ``families`` that no row stands for by itself.

    ``slos``: only where a contract has some.
    """

    title: str = key(TEXT, "Its title.")
    description: str = key(PROSE, "What it is for.")
    families: tuple[str, ...] = key(ListOf(NAME), "Families that it serves.", default=())
    slos: bool = key(FLAG, "Only where there are SLOs.", default=False)
    refresh: str = key(TEXT, "How often the page asks again.", default="30s")
    variables: tuple[VariableTemplate, ...] = key(
        ListOf(RecordType(VariableTemplate)), "Variables of its own.", default=()
    )
    rows: tuple[RowTemplate, ...] = key(
        ListOf(RecordType(RowTemplate), "a list of rows", empty=False), "Its panels, row by row."
    )
    name: str = ""
    place: Place = place(default=Place(""))


def dashboard_templates() -> Mapping[str, DashboardTemplate]:
    """The templates that ship, by name. Raises SpecError."""
    return _templates_in(assets.templates() / "dashboards")


@functools.cache
def _templates_in(folder: Path) -> Mapping[str, DashboardTemplate]:
    return {path.stem: load_dashboard_template(path) for path in sorted(folder.glob("*.yaml"))}


def load_dashboard_template(path: Path) -> DashboardTemplate:
    """The template of a file. Raises SpecError."""
    findings = Findings(shown_path(path))
    template, cursor = read_record(path, RecordType(DashboardTemplate), findings)
    check_families(template.families, cursor, findings)
    for row, at in cursor.each("rows", template.rows):
        _check_row(row, template, at, findings)
    findings.raise_any()
    return replace(template, name=path.stem, place=Place(findings.file))


def _check_row(row: RowTemplate, dashboard: DashboardTemplate, cursor: SourceCursor, findings: Findings) -> None:
    if row.family and row.family not in dashboard.families:
        message = f"family {quoted(row.family)} is not one of the dashboard's"
        findings.add(cursor.spot("family"), message, "List it under `families:`.")
    wide = sum(panel.width for panel in row.panels)
    even = sum(not panel.width for panel in row.panels)
    if (COLUMNS - wide) % even if even else wide != COLUMNS:
        message = f"the panels do not fill {COLUMNS} columns evenly"
        findings.add(cursor.spot("panels"), message, "Change `width:`, or leave it out for an even share.")
