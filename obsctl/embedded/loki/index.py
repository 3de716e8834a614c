"""What Loki answers about streams without their lines: labels, series, statistics, volumes, detected fields."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from starlette.responses import Response

from obsctl.embedded.http.calls import ApiCall
from obsctl.embedded.loki.json import json_answer, listed
from obsctl.embedded.loki.params import TimeRange, limit, step_ms, time_range
from obsctl.embedded.query.logql.detected import DetectedField, detected
from obsctl.embedded.query.logql.engine import LogWindow, run
from obsctl.embedded.query.logql.filters import matcher
from obsctl.embedded.query.logql.source import Scan, selector_matchers
from obsctl.embedded.store.base import LogReader
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Labels, Matcher
from obsctl.languages.logql.literals import number
from obsctl.languages.logql.parse import parse_log, parse_selector
from obsctl.languages.quoting import excerpt
from obsctl.languages.units import MS_NS, SECOND_NS

DETECT_LINES = 100
"""Lines that are looked at for fields, unless ``line_limit`` says otherwise."""
DETECT_FIELDS = 1_000
"""Fields that are told, unless ``limit`` says otherwise."""
_ALWAYS_SHOWN = frozenset(("cluster", "namespace", "instance", "pod"))
"""Labels that Loki shows whatever they hold."""
_UUID = re.compile(
    r"(urn:uuid:)?_|\{_\}|[0-9a-f]{32}".replace("_", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), re.IGNORECASE
)


def _selected(logs: LogReader, selectors: Sequence[Sequence[Matcher]], window: TimeRange) -> list[Labels]:
    found: dict[Labels, None] = {}
    for matchers in selectors or [()]:
        found |= dict.fromkeys(logs.streams(matchers, window.start, window.end))
    return list(found)


def _matching(logs: LogReader, call: ApiCall) -> list[Labels]:
    """Streams of the time range, those of the optional ``query`` selector when there is one."""
    selector = call.first("query")
    return _selected(logs, [tuple(map(matcher, parse_selector(selector)))] if selector else [], time_range(call))


def labels(logs: LogReader, call: ApiCall) -> Response:
    """Names of stream labels."""
    return listed(sorted({name for found in _matching(logs, call) for name, _ in found}))


def label_values(logs: LogReader, call: ApiCall) -> Response:
    """Values of one stream label."""
    wanted = call.path["name"]
    return listed(sorted({value for found in _matching(logs, call) for name, value in found if name == wanted}))


def series(logs: LogReader, call: ApiCall) -> Response:
    """Label sets of streams."""
    selectors = [tuple(map(matcher, parse_selector(text))) for text in call.all("match", "match[]") if text]
    return listed(dict(found) for found in _selected(logs, selectors, time_range(call)))


def stats(logs: LogReader, call: ApiCall) -> Response:
    """Counts of a selector; a stream counts as one chunk."""
    matchers, window = selector_matchers(parse_selector(call.first("query"))), time_range(call)
    found = logs.volumes(matchers, window.start, window.end, window.end - window.start)
    entries, size = sum(one.entries for one in found), sum(one.bytes for one in found)
    return json_answer({"streams": len(found), "chunks": len(found), "bytes": size, "entries": entries})


def volume(logs: LogReader, call: ApiCall) -> Response:
    """Bytes by the labels of the selector, the largest first."""
    window = time_range(call)
    rows = [
        {"metric": dict(key), "value": [_seconds(window.end), str(sum(sizes.values()))]}
        for key, sizes in _volumes(logs, call, window, window.end - window.start)
    ]
    return json_answer({"status": "success", "data": {"resultType": "vector", "result": rows, "stats": {}}})


def volume_range(logs: LogReader, call: ApiCall) -> Response:
    """The same for every step."""
    window = time_range(call)
    step = step_ms(call, window) * MS_NS
    rows = [
        {
            "metric": dict(key),
            "values": [[_seconds(window.start + n * step), str(size)] for n, size in sorted(sizes.items())],
        }
        for key, sizes in _volumes(logs, call, window, step)
    ]
    return json_answer({"status": "success", "data": {"resultType": "matrix", "result": rows, "stats": {}}})


def _seconds(time_ns: int) -> float | int:
    return time_ns // SECOND_NS if not time_ns % SECOND_NS else time_ns // MS_NS / 1000


def _volumes(logs: LogReader, call: ApiCall, window: TimeRange, step: int) -> list[tuple[Labels, dict[int, int]]]:
    """Bytes by label set and number of the step."""
    selector = parse_selector(call.first("query"))
    matchers, most = selector_matchers(selector), limit(call)
    by = call.first("aggregateBy", default="series")
    if by not in ("series", "labels"):
        raise QueryError(f"invalid aggregateBy {excerpt(by)}: expected series or labels")
    targets = set(filter(None, call.first("targetLabels").split(",")))
    names = targets or {match.name for match in selector}
    found: dict[Labels, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for one in logs.volumes(matchers, window.start, window.end, step):
        for key in _keys(one.labels, names, by, all_labels=not targets):
            found[key][one.step] += one.bytes
    return sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0]))[:most]


def _keys(found: Labels, names: set[str], by: str, *, all_labels: bool) -> Iterable[Labels]:
    if by == "series":
        return [tuple(pair for pair in found if pair[0] in names)]
    return [((name, ""),) for name, _ in found if all_labels or name in names]


def detected_labels(logs: LogReader, call: ApiCall) -> Response:
    """Stream labels with how many values each has, without those that only hold ids."""
    values: dict[str, set[str]] = defaultdict(set)
    for found in _matching(logs, call):
        for name, value in found:
            values[name].add(value)
    listed = [
        {"label": name, "cardinality": len(values[name])}
        for name in sorted(values)
        if name in _ALWAYS_SHOWN or not only_ids(values[name])
    ]
    return json_answer({"detectedLabels": listed} if listed else {})


def only_ids(values: Collection[str]) -> bool:
    """Whether all values are numbers or UUIDs, zero and one alone excepted: those are a flag."""
    return not {"0", "1"}.issuperset(values) and all(_is_id(value) for value in values)


def _is_id(value: str) -> bool:
    if _UUID.fullmatch(value):
        return True
    try:
        number(value)
    except ValueError:
        return False
    return True


def detected_fields(scan: Scan, call: ApiCall) -> Response:
    """Fields of the newest lines, and the parser that reads each."""
    found, most = _detected(scan, call)
    fields = [
        {
            "label": one.name,
            "type": one.type,
            "cardinality": len(one.values),
            "parsers": one.parsers or None,
            **({"jsonPath": list(one.path)} if one.path else {}),
        }
        for one in found
    ]
    return json_answer({"fields": fields, "limit": most} if fields else {})


def detected_field_values(scan: Scan, call: ApiCall) -> Response:
    """The values that one field has in the newest lines."""
    found, most = _detected(scan, call)
    values = sorted(value for one in found if one.name == call.path["name"] for value in one.shown)
    return json_answer({"limit": most, "values": values[:most]} if values else {})


def _detected(scan: Scan, call: ApiCall) -> tuple[Sequence[DetectedField], int]:
    window = time_range(call)
    most = limit(call, default=DETECT_FIELDS, names=("limit", "field_limit"))
    lines = limit(call, default=DETECT_LINES, names=("line_limit",))
    query = parse_log(call.first("query"))
    return detected(run(scan, query, LogWindow(window.start, window.end, lines)), most), most
