"""Contracts -> dashboards. Pure: the same contracts give the same bytes.

A template is for stacks whose contracts use its families. A family that no template serves, and the metrics that a
contract adds, get a dashboard that follows from their types.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from obsctl.dashboards.model import Dashboard
from obsctl.dashboards.read import read_dashboard
from obsctl.json_types import Json, JsonObject
from obsctl.render.dashboard_defaults import OWN, default_rows
from obsctl.render.dashboard_panels import Facts, facts, look, panel_json, with_value
from obsctl.render.dashboard_variables import annotations_json, variables_json
from obsctl.render.desired import File
from obsctl.render.kind_templates import dashboard_for
from obsctl.spec.contract import Contract, Kind, Metric
from obsctl.spec.dashboard_templates import COLUMNS, DashboardTemplate, RowTemplate, dashboard_templates
from obsctl.spec.stack import Stack

_LONGEST_UID = 40
_HEADING = 1


def stack_dashboards(stack: Stack, traces: str = "jaeger") -> tuple[Dashboard, ...]:
    """The dashboards of a stack as values, read from the very files that ``render`` writes. Raises SpecError."""
    return tuple(read_dashboard(file.text, file.path) for file in dashboard_files(stack, "dashboards", traces))


def dashboard_files(stack: Stack, folder: str, traces: str) -> tuple[File, ...]:
    """The dashboards of a stack as JSON files. ``traces`` is the type of the data source for traces.

    Raises SpecError for a template that names a metric or a label that the contracts do not have.
    """
    contracts = [service.contract for service in stack.services]
    labels = stack.choices.log_ids == "labels"
    slos = [slo for contract in contracts for slo in contract.slos]
    logs = any(contract.logs for contract in contracts)
    shared = facts(list(_shared(contracts)), slos, traces, logs=logs, ids_as_labels=labels)
    boards = [_board(template, shared) for template in _templates(contracts)]
    for template, kind in _of_kinds(contracts):
        boards.append(_board(template, facts(kind.metrics, slos, traces, logs=logs, ids_as_labels=labels)))
    for contract in contracts:
        played = {series for kind in contract.kinds for series in kind.series.values()}
        rest = (m for m in contract.metrics if not m.family and m.name not in played)
        own = [replace(m, registry=f"{OWN}{m.registry}") for m in rest]
        if own:
            about = facts(own, contract.slos, traces, logs=logs, ids_as_labels=labels)
            boards.append(_board(_own_template(contract, own), about))
    return tuple(File(f"{folder}/{name}.json", _text(value)) for name, value in boards)


def _text(value: dict[str, Json]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _shared(contracts: Iterable[Contract]) -> Iterator[Metric]:
    """The metrics of families, each once."""
    seen: set[str] = set()
    for metric in (metric for contract in contracts for metric in contract.metrics if metric.family):
        if metric.name not in seen:
            yield metric
        seen.add(metric.name)


def _templates(contracts: Sequence[Contract]) -> Iterator[DashboardTemplate]:
    used = {family for contract in contracts for family in contract.families}
    templates = dashboard_templates()
    served = {family for template in templates.values() for family in template.families}
    for template in templates.values():
        rows = tuple(row for row in template.rows if not row.family or row.family in used)
        apart = {row.family for row in template.rows if row.family}
        wanted = set(template.families)
        fits = wanted - apart <= used and (not wanted or wanted & used)
        if fits and (not template.slos or any(contract.slos for contract in contracts)):
            yield replace(template, rows=rows)
    metrics = list(_shared(contracts))
    for family in sorted(used - served):
        words = f"{family[:1].upper()}{family[1:]}".replace("-", " ")
        description = f"Everything that family {family} has, drawn by type."
        yield _default_template(family, words, description, [m for m in metrics if m.family == family])


def _of_kinds(contracts: Sequence[Contract]) -> Iterator[tuple[DashboardTemplate, Kind]]:
    """The dashboards of what plays a family's part under other names: those that read the same once."""
    used = {family for contract in contracts for family in contract.families}
    kinds = list({kind.reading: kind for contract in contracts for kind in contract.kinds}.values())
    for template in dashboard_templates().values():
        number = 1 if used & {*template.families} else 0
        for kind in kinds:
            made = dashboard_for(template, kind, number + 1)
            whole = {*template.families} - {row.family for row in template.rows} <= {kind.name}
            if kind.name in template.families and whole and made.rows:
                number += 1
                yield made, kind


def _own_template(contract: Contract, metrics: Sequence[Metric]) -> DashboardTemplate:
    description = f"The metrics that the contract of {contract.service} adds, drawn by type."
    return _default_template(f"own-{contract.service}", f"{contract.service}: own metrics", description, metrics)


def _default_template(name: str, title: str, description: str, metrics: Sequence[Metric]) -> DashboardTemplate:
    return DashboardTemplate(name=name, title=title, description=description, rows=default_rows(metrics))


def _board(template: DashboardTemplate, about: Facts) -> tuple[str, dict[str, Json]]:
    panels = list(_panels(template.rows, about))
    variables = variables_json(template, panels, about)
    board: dict[str, Json] = {
        **look("dashboard"),
        "uid": _uid(template.name),
        "title": template.title,
        "description": template.description,
        "refresh": template.refresh,
        "panels": panels,
    }
    board = with_value(board, variables, "templating", "list")
    return template.name, with_value(board, annotations_json(variables), "annotations", "list")


def _uid(name: str) -> str:
    """At most 40 characters, always the same for a name."""
    uid = f"obsctl-{name}"
    short = hashlib.sha256(uid.encode()).hexdigest()[:8]
    return uid if len(uid) <= _LONGEST_UID else f"{uid[: _LONGEST_UID - 9]}-{short}"


def _panels(rows: Sequence[RowTemplate], about: Facts) -> Iterator[dict[str, Json]]:
    """Panels on their places, from the top; those below a folded heading stand inside of it."""
    y, number = 0, 1
    inside: list[JsonObject] | None = None
    for row in rows:
        if row.heading:
            folded: list[JsonObject] = []
            yield _heading(row, number, y, folded)
            inside = folded if row.folded else None
            y, number = y + _HEADING, number + 1
        made = list(_row(row, number, y, about))
        if inside is None:
            yield from made
        else:
            inside.extend(made)
        y, number = y + row.height, number + len(row.panels)


def _heading(row: RowTemplate, number: int, y: int, panels: list[JsonObject]) -> dict[str, Json]:
    """A heading over the panels of its row; ``panels`` are those inside of it, and grow later."""
    grid = {"x": 0, "y": y, "w": COLUMNS, "h": _HEADING}
    return {
        "id": number,
        "title": row.heading,
        "type": "row",
        "collapsed": row.folded,
        "gridPos": grid,
        "panels": panels,
    }


def _row(row: RowTemplate, number: int, y: int, about: Facts) -> Iterator[dict[str, Json]]:
    stated = sum(panel.width for panel in row.panels)
    even = sum(not panel.width for panel in row.panels)
    x = 0
    for i, panel in enumerate(row.panels):
        width = panel.width or (COLUMNS - stated) // even
        yield panel_json(panel, number + i, {"x": x, "y": y, "w": width, "h": row.height}, about)
        x += width
