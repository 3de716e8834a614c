"""Templates of dashboards: ``templates/dashboards/*.yaml``.

Queries name metrics by their registry name, ``@{http.requests}``; rendering puts the Prometheus name there.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place
from obsctl.spec.contract_load import family_names, read_record
from obsctl.spec.findings import Findings, shown_path
from obsctl.spec.kinds import Key, ListOf, Parsed, Record
from obsctl.spec.leaves import FLAG, NAME, NUMBER, TEXT, choice, text_like, whole
from obsctl.spec.words import nearest, quoted

PANEL_TYPES = ("stat", "timeseries", "heatmap", "table", "logs", "traces")
COLUMNS = 24


@dataclass(frozen=True)
class QueryTemplate:
    """A query with holes; ``legend`` names its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class PanelTemplate:
    """A panel. What is empty follows from the first metric of its first query: unit and description.

    ``objective`` is the metric (registry name) whose SLO gives the threshold; ``levels`` are thresholds of its own,
    from the lowest; above the last is trouble, or with ``falling`` below the first. ``width`` is in columns, 0 for an
    even share of its row. ``may_be_empty`` is the reason why it may have no data.
    """

    title: str
    type: str
    queries: tuple[QueryTemplate, ...]
    description: str = ""
    unit: str = ""
    objective: str = ""
    levels: tuple[float, ...] = ()
    width: int = 0
    stacked: bool = False
    signed: bool = False
    falling: bool = False
    newest_first: bool = True
    may_be_empty: str = ""
    place: Place = Place("")


@dataclass(frozen=True)
class RowTemplate:
    """Panels side by side. With ``family`` it is left out where no contract uses that family.

    ``heading`` starts a part of the page; ``folded`` parts are shown when somebody opens them.
    """

    panels: tuple[PanelTemplate, ...]
    height: int = 8
    family: str = ""
    heading: str = ""
    folded: bool = False


@dataclass(frozen=True)
class VariableTemplate:
    """A variable of one dashboard: values of ``label`` of the metric (or series) ``of``; a text field without."""

    name: str
    title: str
    of: str = ""
    label: str = ""


@dataclass(frozen=True)
class DashboardTemplate:
    """One dashboard. It is for stacks whose contracts use all of ``families`` that no row stands for by itself.

    ``slos``: only where a contract has some.
    """

    name: str
    title: str
    description: str
    families: tuple[str, ...]
    rows: tuple[RowTemplate, ...]
    variables: tuple[VariableTemplate, ...] = ()
    slos: bool = False
    refresh: str = ""
    place: Place = Place("")


_QUERY = Record(
    "a query",
    (
        Key("expr", TEXT, "PromQL, LogQL of a logs panel, or the id of a trace.", required=True),
        Key("legend", TEXT, "Name of its series.", ""),
    ),
    single="expr",
)
_WIDTH = whole(1, COLUMNS, "a number of columns")
_PANEL = Record(
    "a panel",
    (
        Key("title", TEXT, "Its title.", required=True),
        Key("type", choice(*PANEL_TYPES), "How it shows its data.", "timeseries"),
        Key("queries", ListOf(_QUERY, "a list of queries", empty=False), "What it asks.", required=True),
        Key("description", TEXT, "What it means, for people.", "", shown="the metric's brief"),
        Key("unit", TEXT, "Its unit.", "", shown="the metric's"),
        Key("objective", TEXT, "Metric whose SLO gives the threshold.", ""),
        Key("levels", ListOf(NUMBER, "a list of numbers"), "Thresholds, the lowest first.", ()),
        Key("falling", FLAG, "Whether low values are the trouble.", False),
        Key("width", _WIDTH, "Columns of 24.", 0, shown="an even share"),
        Key("stacked", FLAG, "Whether its series add up.", False),
        Key("signed", FLAG, "Whether it may be below zero.", False),
        Key("newest_first", FLAG, "Order of log lines.", True),
        Key("may_be_empty", TEXT, "Why it may have no data.", ""),
    ),
)
_ROW = Record(
    "a row",
    (
        Key("panels", ListOf(_PANEL, "a list of panels", empty=False), "Its panels.", required=True),
        Key("height", whole(3, 20), "Its height; a screen has about 24.", 8),
        Key("family", NAME, "Family without which it is left out.", ""),
        Key("heading", TEXT, "Heading above it.", ""),
        Key("folded", FLAG, "Whether the heading has to be opened.", False),
    ),
)
_VARIABLE = Record(
    "a variable",
    (
        Key("name", text_like(r"[a-z][a-z0-9_]*", "a name such as route"), "Its name.", required=True),
        Key("title", TEXT, "Its name on the page.", required=True),
        Key("of", TEXT, "Metric whose label it is.", "", shown="a text field"),
        Key("label", TEXT, "The label.", ""),
    ),
)
_FILE = Record(
    "the dashboard",
    (
        Key("title", TEXT, "Its title.", required=True),
        Key("description", TEXT, "What it is for.", required=True),
        Key("families", ListOf(NAME), "Families that it serves.", ()),
        Key("slos", FLAG, "Only where there are SLOs.", False),
        Key("refresh", TEXT, "How often the page asks again.", "30s"),
        Key("variables", ListOf(_VARIABLE), "Variables of its own.", ()),
        Key("rows", ListOf(_ROW, "a list of rows", empty=False), "Its panels, row by row.", required=True),
    ),
)


@functools.cache
def dashboard_templates() -> Mapping[str, DashboardTemplate]:
    """The templates that ship, by name. Raises SpecError."""
    folder = assets.templates() / "dashboards"
    return {path.stem: load_dashboard_template(path) for path in sorted(folder.glob("*.yaml"))}


def load_dashboard_template(path: Path) -> DashboardTemplate:
    """The template of a file. Raises SpecError."""
    findings = Findings(shown_path(path))
    parsed = read_record(path, _FILE, findings)
    for i, family in enumerate(parsed["families"]):
        if family not in family_names():
            message = f"unknown family {quoted(family)}{nearest(family, family_names())}"
            findings.add(parsed.spot("families", i), message, f"Families: {', '.join(family_names())}.")
    for i, row in enumerate(parsed["rows"]):
        _check_row(row, parsed, i, findings)
    findings.raise_any()
    return DashboardTemplate(
        name=path.stem,
        title=parsed["title"],
        description=parsed["description"].strip(),
        families=parsed["families"],
        rows=tuple(_row(row, findings.file) for row in parsed["rows"]),
        variables=tuple(VariableTemplate(**variable.values) for variable in parsed["variables"]),
        slos=parsed["slos"],
        refresh=parsed["refresh"],
        place=Place(findings.file),
    )


def _check_row(row: Parsed, parsed: Parsed, i: int, findings: Findings) -> None:
    if row["family"] and row["family"] not in parsed["families"]:
        message = f"family {quoted(row['family'])} is not one of the dashboard's"
        findings.add(parsed.spot("rows", i, "family"), message, "List it under `families:`.")
    wide = sum(panel["width"] for panel in row["panels"])
    even = sum(not panel["width"] for panel in row["panels"])
    if (COLUMNS - wide) % even if even else wide != COLUMNS:
        message = f"the panels do not fill {COLUMNS} columns evenly"
        findings.add(parsed.spot("rows", i, "panels"), message, "Change `width:`, or leave it out for an even share.")


def _row(row: Parsed, file: str) -> RowTemplate:
    panels = tuple(_panel(panel, file) for panel in row["panels"])
    return RowTemplate(panels, **{key: value for key, value in row.values.items() if key != "panels"})


def _panel(panel: Parsed, file: str) -> PanelTemplate:
    queries = tuple(QueryTemplate(q["expr"].strip(), q["legend"]) for q in panel["queries"])
    texts = {key: panel[key].strip() for key in ("description", "may_be_empty")}
    return PanelTemplate(**{**panel.values, **texts, "queries": queries, "place": Place(file, panel.node.line)})
