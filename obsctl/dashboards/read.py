"""A dashboard from its JSON (schema versions 36 to 42), whoever wrote it: what is checked is what ends up on the page.

A panel that may have no data says so in the last line of its description, ``May be empty: reason`` or ``May be empty
until an error is logged: reason``: a sentence for people that survives every tool that reads and writes dashboards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from obsctl.dashboards.model import Dashboard, Grid, Panel, Query, QueryKind, Variable
from obsctl.errors import Place, SpecError

_REASON = re.compile(r"(?:^|\n)May be empty(?: until ([^:\n]+))?: (.+)\Z")


def may_be_empty(reason: str, until: str = "") -> str:
    """The last line of a panel's description: why it may have no data, and what ends that ("" for nothing)."""
    return f"May be empty{f' until {until}' if until else ''}: {reason}"


def read_dashboard(text: str, file: str) -> Dashboard:
    """The dashboard of a JSON text. Raises SpecError for anything that is none."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        raise SpecError(f"this is no JSON: {error}", place=Place(file, line)) from error
    inner = data.get("dashboard", data) if isinstance(data, dict) else data
    if not isinstance(inner, dict) or not isinstance(inner.get("panels"), list):
        hint = "Export it as classic JSON; the resource format (`kind: Dashboard`) is not read."
        raise SpecError("this is no dashboard: it has no list of panels", place=Place(file), hint=hint)
    variables = tuple(_variable(v) for v in _objects(_object(inner.get("templating")).get("list")))
    kinds = {f"${{{v.name}}}": v.query for v in variables if v.type == "datasource"}
    entries = list(_flat(inner["panels"], "panels"))
    return Dashboard(
        uid=_text(inner.get("uid")),
        title=_text(inner.get("title")),
        file=file,
        variables=variables,
        panels=tuple(_panel(entry, path, kinds) for path, entry in entries if entry.get("type") != "row"),
        rows=tuple(_panel(entry, path, kinds) for path, entry in entries if entry.get("type") == "row"),
        editable=inner.get("editable") is not False,
        tags=_texts(inner.get("tags")),
    )


def _flat(panels: object, path: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Panels with their places; those of a folded row stand inside of it."""
    for i, entry in enumerate(panels if isinstance(panels, list) else ()):
        if isinstance(entry, dict):
            yield f"{path}[{i}]", entry
            if entry.get("type") == "row":
                inside = f"{path}[{i}].panels"
                yield from (
                    (f"{inside}[{j}]", e) for j, e in enumerate(entry.get("panels") or ()) if isinstance(e, dict)
                )


def _panel(entry: Mapping[str, object], path: str, kinds: Mapping[str, str]) -> Panel:
    description = _text(entry.get("description"))
    reason = _REASON.search(description)
    grid = _object(entry.get("gridPos"))
    own = _source(entry.get("datasource"))
    kind = _text(entry.get("type"))
    return Panel(
        id=_whole(entry.get("id")),
        title=_text(entry.get("title")),
        type=kind,
        queries=tuple(_query(target, own, kind, kinds) for target in _objects(entry.get("targets"))),
        may_be_empty=reason[2] if reason else "",
        empty_until=(reason[1] or "") if reason else "",
        description=description,
        unit=_text(_object(_object(entry.get("fieldConfig")).get("defaults")).get("unit")),
        grid=Grid(*(_whole(grid.get(side)) for side in "xywh")),
        data_source=_text(own.get("uid")),
        path=path,
    )


def _query(target: Mapping[str, object], own: Mapping[str, object], panel_type: str, kinds: Mapping[str, str]) -> Query:
    source = _source(target.get("datasource")) or own
    uid = _text(source.get("uid"))
    product = _text(source.get("type")) or kinds.get(uid, "")
    kind = {"prometheus": QueryKind.PROMQL, "loki": QueryKind.LOGQL}.get(product)
    other = QueryKind.TRACE if panel_type == "traces" else QueryKind.OTHER
    return Query(
        ref_id=_text(target.get("refId")),
        kind=kind or other,
        expr=_text(target.get("expr")) or _text(target.get("query")),
        legend=_text(target.get("legendFormat")),
        instant=target.get("instant") is True or target.get("queryType") == "instant",
        exemplars=target.get("exemplar") is True,
        data_source=uid,
    )


def _variable(entry: Mapping[str, object]) -> Variable:
    query = entry.get("query")
    current = _object(entry.get("current")).get("value")
    chosen = _texts(current if isinstance(current, list) else [current])
    return Variable(
        name=_text(entry.get("name")),
        type=_text(entry.get("type")),
        query=_text(_object(query).get("query")) if isinstance(query, dict) else _text(query),
        title=_text(entry.get("label")),
        multi=entry.get("multi") is True,
        all_value=_text(entry.get("allValue")),
        current=chosen or _first_option(entry),
        refresh=_whole(entry.get("refresh")),
        data_source=_text(_source(entry.get("datasource")).get("uid")),
    )


def _first_option(entry: Mapping[str, object]) -> tuple[str, ...]:
    """What a variable has where nothing was chosen: the selected or first option, or the first of its query."""
    options = _objects(entry.get("options"))
    for option in sorted(options, key=lambda option: option.get("selected") is not True):
        return _texts([option.get("value")])
    kind, query = entry.get("type"), _text(entry.get("query"))
    if kind in ("constant", "textbox"):
        return _texts([query])
    if kind == "interval" and entry.get("auto") is True:
        return ("$__auto",)
    if kind not in ("custom", "interval"):
        return ()
    if kind == "custom" and entry.get("includeAll") is True:
        return ("$__all",)
    first = re.match(r"(?:\\.|[^,])*", query)
    value = first[0].replace("\\,", ",").strip() if first else ""
    return _texts([value.rpartition(" : ")[2].strip() if kind == "custom" else value])


def _source(value: object) -> Mapping[str, object]:
    """A data source; older files have its name in place of uid and type."""
    return {"uid": value} if isinstance(value, str) and value else _object(value)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()
