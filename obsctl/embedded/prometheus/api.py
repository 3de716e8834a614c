"""Prometheus' query API over a ``SampleReader``, in the shape of Prometheus 3."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from obsctl.embedded.http.calls import ApiCall, Handler, compact, route
from obsctl.embedded.http.errors import prometheus as on_error
from obsctl.embedded.prometheus import status
from obsctl.embedded.prometheus.json import instant_data, range_data, success, success_text, targets_data
from obsctl.embedded.prometheus.syntax_tree import node_json
from obsctl.embedded.query.promql import engine
from obsctl.embedded.query.promql.context import LOOKBACK_MS
from obsctl.embedded.query.vectors.annotations import Notes
from obsctl.embedded.query.vectors.limits import TIMEOUT_SECONDS, Budget
from obsctl.embedded.query.vectors.values import RangeVector, Scalar, Steps, StringValue, Value, Vector
from obsctl.embedded.records import TargetStatus
from obsctl.embedded.store.base import SampleReader, StoredSeries
from obsctl.languages.errors import ParameterError, QueryError
from obsctl.languages.labels import Labels, Matcher
from obsctl.languages.numbers import format_time, format_value
from obsctl.languages.promql.durations import INSTANT, Timing
from obsctl.languages.promql.parse import parse, parse_match
from obsctl.languages.promql.tree import Expr, selectors_in
from obsctl.languages.quoting import excerpt
from obsctl.languages.units import LIMIT, prom_time_ms, seconds_or_duration_ms

MAX_STEPS = 11_000
_ESCAPED_NAME = re.compile(r"_(?:_|([0-9A-Fa-f]{1,6})_)")
T = TypeVar("T")


def routes(samples: SampleReader, targets: Callable[[], Sequence[TargetStatus]]) -> list[Route]:
    """Routes under ``/api/v1``, and one at the root. ``targets`` gives the scrape targets as they are now."""
    form = ("GET", "POST")
    table: list[tuple[str, Handler, Sequence[str]]] = [
        ("query", lambda call: _query(samples, call), form),
        ("query_range", lambda call: _query_range(samples, call), form),
        ("query_exemplars", lambda call: _exemplars(samples, call), form),
        ("format_query", lambda call: success(str(_parsed_query(call))), form),
        ("parse_query", lambda call: success(node_json(_parsed_query(call))), form),
        ("series", lambda call: _series(samples, call), form),
        ("labels", lambda call: _labels(samples, call), form),
        ("label/{name}/values", lambda call: _label_values(samples, call), ("GET",)),
        ("metadata", lambda call: _metadata(samples, call), ("GET",)),
        ("targets", lambda call: _targets(targets(), call), ("GET",)),
    ]
    # Where the product has its pages; clients ask it to see whether there is a server at all.
    root = route("/", lambda _: PlainTextResponse("Prometheus' query API is served under /api/v1.\n"), on_error)
    queries = [route(f"/api/v1/{path}", handler, on_error, methods) for path, handler, methods in table]
    return [root, *status.routes(samples, targets), *queries]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _time(call: ApiCall, name: str, default: int) -> int:
    return call.parsed(_described(prom_time_ms, "timestamp"), default, name)


def _duration(call: ApiCall, name: str, default: int) -> int:
    return call.parsed(_described(seconds_or_duration_ms, "duration"), default, name)


def _described(parser: Callable[[str], int], what: str) -> Callable[[str], int]:
    """A parser with Prometheus' words for what could not be parsed."""

    def described(text: str) -> int:
        try:
            return parser(text)
        except ValueError as cause:
            raise ValueError(f"cannot parse {excerpt(text)} to a valid {what}") from cause

    return described


def _limit(call: ApiCall) -> int | None:
    """The ``limit`` parameter; None when there is none (0 means the same)."""
    found = call.parsed(_count, 0, "limit")
    return found or None


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise ValueError("limit must be non-negative" if text.startswith("-") else f"cannot parse {excerpt(text)}")
    return int(text)


def _cut(items: Sequence[T], limit: int | None) -> tuple[Sequence[T], bool]:
    cut = limit is not None and len(items) > limit
    return (items[:limit] if cut else items), cut


def _parsed_query(call: ApiCall, timing: Timing = INSTANT) -> Expr:
    try:
        return parse(call.first("query"), timing)
    except QueryError as cause:
        raise ParameterError("query", cause) from cause


def _budget(call: ApiCall) -> Budget:
    """What the query may cost; ``timeout`` can only shorten the time."""
    timeout = _duration(call, "timeout", LIMIT) if call.first("timeout") else LIMIT
    return Budget(seconds=min(timeout / 1000, TIMEOUT_SECONDS))


def _lookback(call: ApiCall) -> int:
    """How far back an instant selector looks."""
    lookback = _duration(call, "lookback_delta", 0)
    return lookback if lookback > 0 else LOOKBACK_MS


def _query(samples: SampleReader, call: ApiCall) -> Response:
    limit, at, budget, lookback = _limit(call), _time(call, "time", _now_ms()), _budget(call), _lookback(call)
    notes = Notes()
    value: Value = engine.instant(samples, _parsed_query(call), at, lookback=lookback, budget=budget, notes=notes)
    value, cut = _cut_value(value, limit)
    return success_text(instant_data(value, at), cut=cut, notes=notes.told(call.first("query")))


def _query_range(samples: SampleReader, call: ApiCall) -> Response:
    limit, steps, budget, lookback = _limit(call), _steps(call), _budget(call), _lookback(call)
    notes = Notes()
    expr = _parsed_query(call, Timing(steps.step, steps.end - steps.start))
    value: Value = engine.over_steps(samples, expr, steps, lookback=lookback, budget=budget, notes=notes)
    value, cut = _cut_value(value, limit)
    assert isinstance(value, Vector | Scalar)
    return success_text(range_data(value, steps), cut=cut, notes=notes.told(call.first("query")))


def _cut_value(value: Value, limit: int | None) -> tuple[Value, bool]:
    if limit is None or isinstance(value, Scalar | StringValue) or len(value.labels) <= limit:
        return value, False
    if isinstance(value, RangeVector):
        return RangeVector(value.labels[:limit], value.points[:limit]), True
    return Vector(value.labels[:limit], value.values[:limit], value.present[:limit]), True


def _steps(call: ApiCall) -> Steps:
    """``start``, ``end`` and ``step``, all required, checked in Prometheus' order."""
    start, end = _required(call, "start", prom_time_ms, "timestamp"), _required(call, "end", prom_time_ms, "timestamp")
    if end < start:
        raise ParameterError("end", "end timestamp must not be before start time")
    step = _required(call, "step", seconds_or_duration_ms, "duration")
    if step <= 0:
        problem = "zero or negative query resolution step widths are not accepted. Try a positive integer"
        raise ParameterError("step", problem)
    if (end - start) // step > MAX_STEPS:
        raise QueryError(
            f"exceeded maximum resolution of {MAX_STEPS:,} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    return Steps(start, end, step)


def _required(call: ApiCall, name: str, parser: Callable[[str], int], what: str) -> int:
    if not call.first(name):
        raise ParameterError(name, f'cannot parse "" to a valid {what}')
    return call.parsed(_described(parser, what), 0, name)


def _window(call: ApiCall) -> tuple[int | None, int | None]:
    """Optional ``start`` and ``end`` of the metadata endpoints; None is open."""
    start = _time(call, "start", -LIMIT) if call.first("start") else None
    end = _time(call, "end", LIMIT) if call.first("end") else None
    if start is not None and end is not None and end < start:
        raise ParameterError("end", "end timestamp must not be before start time")
    return start, end


def _matches(call: ApiCall) -> list[tuple[Matcher, ...]]:
    """The alternatives of all ``match[]`` parameters together."""
    try:
        return [parse_match(text) for text in call.all("match[]")]
    except QueryError as cause:
        raise ParameterError("match[]", cause) from cause


def _selected(samples: SampleReader, call: ApiCall) -> list[StoredSeries]:
    start, end = _window(call)
    return engine.select_series(samples, _matches(call) or [()], start, end)


def _series(samples: SampleReader, call: ApiCall) -> Response:
    limit = _limit(call)
    if not call.all("match[]"):
        raise QueryError("no match[] parameter provided")
    shown, cut = _cut([dict(s.labels) for s in _selected(samples, call)], limit)
    return success(shown, cut=cut)


def _sorted(values: Iterable[str], limit: int | None) -> Response:
    shown, cut = _cut(sorted(set(values)), limit)
    return success(shown, cut=cut)


def _labels(samples: SampleReader, call: ApiCall) -> Response:
    limit = _limit(call)
    return _sorted((name for series in _selected(samples, call) for name, _ in series.labels), limit)


def _label_values(samples: SampleReader, call: ApiCall) -> Response:
    name, limit = _unescaped(call.path["name"]), _limit(call)
    return _sorted((value for series in _selected(samples, call) for key, value in series.labels if key == name), limit)


def _unescaped(name: str) -> str:
    """A label name of a URL path: ``U__a_2e_b`` is ``a.b``."""
    if not name.startswith("U__"):
        return name
    return _ESCAPED_NAME.sub(lambda found: _character(found[1]) if found[1] else "_", name.removeprefix("U__"))


def _character(digits: str) -> str:
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise QueryError(f"invalid label name: {excerpt(digits)}")
    return chr(code)


def _metadata(samples: SampleReader, call: ApiCall) -> Response:
    limit, per_metric, wanted = _limit(call), call.parsed(_count, 0, "limit_per_metric"), call.first("metric")
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for record in samples.metadata():
        entry = {"type": record.type, "help": record.help, "unit": record.unit}
        if wanted in ("", record.family) and entry not in found[record.family]:
            found[record.family].append(entry)
    shown, _ = _cut(list(found.items()), limit)
    return success({family: entries[: per_metric or None] for family, entries in shown})


def _exemplars(samples: SampleReader, call: ApiCall) -> Response:
    start, end = _window(call)
    start, end = (-LIMIT if start is None else start), (LIMIT if end is None else end)
    selectors = selectors_in(_parsed_query(call))
    if not selectors:
        return Response(status_code=204)
    found: dict[Labels, dict[tuple[Labels, float, int], None]] = defaultdict(dict)
    for selector in selectors:
        for record in samples.exemplars(selector.matchers, start, end):
            found[record.series][(record.labels, record.value, record.time_ms)] = None
    return success_text(f"[{','.join(_exemplar_series(series, each) for series, each in found.items())}]")


def _exemplar_series(series: Labels, exemplars: Iterable[tuple[Labels, float, int]]) -> str:
    shown = ",".join(
        f'{{"labels":{compact(dict(labels))},"value":"{format_value(value)}","timestamp":{format_time(at)}}}'
        for labels, value, at in exemplars
    )
    return f'{{"seriesLabels":{compact(dict(series))},"exemplars":[{shown}]}}'


def _targets(targets: Sequence[TargetStatus], call: ApiCall) -> Response:
    return success(targets_data(targets, call.first("state", default="any").lower(), call.first("scrapePool")))
