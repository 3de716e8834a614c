"""Range aggregations: lines of a sliding window -> a number, for every series at every step.

A window is (t - range, t]. Sources: grafana.com/docs/loki/latest/query/metric_queries, and for ``rate_counter`` the
numbers that Loki gives.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from obsctl.embedded.query.logql.entry import EXTRACTED, PRESERVE_ERROR, Entry
from obsctl.embedded.query.logql.errors import PipelineError, SeriesLimitError
from obsctl.embedded.query.logql.pipeline import Sample, metric_hints, unwrapped
from obsctl.embedded.query.logql.source import LogSource, Scan
from obsctl.embedded.query.vectors.aggregate import quantiles
from obsctl.embedded.query.vectors.labels import labels_of_absent
from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Vector, no_series
from obsctl.embedded.records import LogRecord
from obsctl.languages.errors import ExecutionError
from obsctl.languages.labels import Labels
from obsctl.languages.logql.metric_tree import Grouping, LogRange, RangeAggregate
from obsctl.languages.units import SECOND_NS

MAX_SAMPLES = 5_000_000
MAX_SERIES = 100_000
"""Series of one range aggregation, of which an aggregation around it may make few."""
MAX_CELLS = 10_000_000
"""Series times steps of one range aggregation."""


@dataclass(frozen=True)
class LogSteps:
    """The times (ns) a query is evaluated at."""

    times: Ints

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.times)


@dataclass
class LogSamples:
    """Samples of one series, in time order."""

    times: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True)
class Window:
    """The samples of one series, and which of them each step sees: ``[first[t]:last[t]]``. ``seconds`` is the range."""

    times: Ints
    values: Floats
    first: Ints
    last: Ints
    seconds: float

    @property
    def counts(self) -> Floats:
        """How many samples each step sees."""
        return (self.last - self.first).astype(np.float64)

    def sums(self) -> Floats:
        """The sum of what each step sees; exact while all are whole numbers."""
        if np.isfinite(self.values).all() and (self.values == np.trunc(self.values)).all():
            running = np.concatenate([[0.0], np.cumsum(self.values)])
            if np.abs(running).max() < 2.0**53:
                sums: Floats = running[self.last] - running[self.first]
                return sums
        return self.each(lambda values, _: float(np.add.reduce(values)))

    def each(self, function: Callable[[Floats, Ints], float]) -> Floats:
        """A function of values and times, where a step sees any."""
        found = np.zeros(len(self.first))
        for step in np.nonzero(self.last > self.first)[0].tolist():
            seen = slice(int(self.first[step]), int(self.last[step]))
            found[step] = function(self.values[seen], self.times[seen])
        return found


def range_aggregate(scan: Scan, expr: RangeAggregate, steps: LogSteps, group: Grouping | None = None) -> Vector:
    """One range aggregation. ``group`` is what an aggregation around it keeps, if that may as well be done here."""
    grouping = expr.grouping or group
    series = _Series(expr, grouping, steps)
    none = expr.op == "absent_over_time" or (grouping is not None and grouping == Grouping())
    hints = metric_hints(expr.range.query.stages, expr.range.unwrap, grouping, none=none)
    source = LogSource(scan, expr.range.query, hints)
    for start, end in _spans(expr.range, steps):
        if expr.range.unwrap or expr.range.query.stages:
            for entry in source.entries(start, end, "forward"):
                series.add(entry)
        else:
            for record in source.records(start, end, "forward"):
                scan.read(record)
                series.add_stored(record)
    if expr.op == "absent_over_time":
        return _absent(source, series, expr.range, steps)
    if not series.points:
        return no_series(steps.count)
    values: list[Floats] = []
    present: list[Bools] = []
    for points in series.points.values():
        scan.budget.check()
        window = _window(points, expr.range, steps)
        values.append(_OPS[expr.op](window, expr))
        present.append(window.last > window.first)
    return Vector(list(series.points), np.array(values), np.array(present)).seen()


def _spans(wanted: LogRange, steps: LogSteps) -> Iterator[tuple[int, int]]:
    """The times [start, end) that some window covers: one span, or one for each step when windows do not meet."""
    times = steps.times - wanted.offset_ns
    apart = int(times[1] - times[0]) > wanted.range_ns if len(times) > 1 else False
    for first, last in [(t, t) for t in times.tolist()] if apart else [(int(times[0]), int(times[-1]))]:
        yield first - wanted.range_ns + 1, last + 1


def _window(points: LogSamples, wanted: LogRange, steps: LogSteps) -> Window:
    times, values = np.array(points.times, dtype=np.int64), np.array(points.values, dtype=np.float64)
    ends = steps.times - wanted.offset_ns
    first = np.searchsorted(times, ends - wanted.range_ns, side="right")
    return Window(times, values, first, np.searchsorted(times, ends, side="right"), wanted.range_ns / SECOND_NS)


class _Series:
    """Collects samples by series."""

    def __init__(self, expr: RangeAggregate, grouping: Grouping | None, steps: LogSteps) -> None:
        self.points: dict[Labels, LogSamples] = {}
        self._sample: Sample = unwrapped(expr.range.unwrap) if expr.range.unwrap else _LINES.get(expr.op, _one)
        self._names = frozenset(grouping.labels if grouping else ())
        self._sorted = sorted(self._names)
        self._by = bool(grouping and not grouping.without)
        if expr.range.unwrap and not self._by:
            self._names |= {expr.range.unwrap.name}
        self._asked = self._names | {name.removesuffix(EXTRACTED) for name in self._names}
        self._streams: dict[Labels, LogSamples] = {}
        self._limit = max(1, min(MAX_SERIES, MAX_CELLS // steps.count))
        self._left = MAX_SAMPLES

    def add(self, entry: Entry) -> None:
        """Take a line that came out of a pipeline."""
        value = self._sample(entry)
        if value is None:
            return
        if entry.error and entry.get(PRESERVE_ERROR) is None:
            raise PipelineError(entry.error, tuple(sorted(entry.labels().items())))
        self._append(self._of(self._key(entry)), entry.time_ns, value)

    def add_stored(self, record: LogRecord) -> None:
        """Take a line as it is stored. Mostly its stream says which series it is of."""
        if self._by and not any(name in self._asked for name, _ in record.metadata):
            points = self._streams.get(record.labels)
            if points is None:
                points = self._of(tuple([pair for pair in record.labels if pair[0] in self._names]))
                self._streams[record.labels] = points
        else:
            points = self._of(self._key(Entry(dict(record.labels), 0, "", record.metadata)))
        self._append(points, record.time_ns, len(record.line.encode()) if self._sample is _bytes else 1.0)

    def _append(self, points: LogSamples, time_ns: int, value: float) -> None:
        points.times.append(time_ns)
        points.values.append(value)
        self._left -= 1
        if not self._left:
            raise ExecutionError(
                f"the query would take more than {MAX_SAMPLES} lines into account; narrow its selector or time range"
            )

    def _key(self, entry: Entry) -> Labels:
        if self._by:
            return entry.grouped(self._sorted)
        return tuple(sorted([pair for pair in entry.all().items() if pair[0] not in self._names]))

    def _of(self, labels: Labels) -> LogSamples:
        points = self.points.get(labels)
        if points is None:
            if len(self.points) >= self._limit:
                raise SeriesLimitError(self._limit)
            points = self.points[labels] = LogSamples()
        return points


def _one(_entry: Entry) -> float:
    return 1.0


def _bytes(entry: Entry) -> float:
    return float(len(entry.line.encode("utf-8", "replace")))


_LINES: Mapping[str, Sample] = {"bytes_over_time": _bytes, "bytes_rate": _bytes}
"""What a line counts where it is not simply one."""


def _absent(source: LogSource, series: _Series, wanted: LogRange, steps: LogSteps) -> Vector:
    seen = [_window(points, wanted, steps).counts > 0 for points in series.points.values()]
    missing = ~np.any(seen, axis=0) if seen else np.ones(steps.count, dtype=np.bool_)
    return Vector([labels_of_absent(source.matchers)], np.ones((1, steps.count)), missing[None, :]).seen()


def _quantile(window: Window, expr: RangeAggregate) -> Floats:
    wanted = np.array([0.0 if expr.param is None else expr.param])
    return window.each(lambda v, _: float(quantiles(wanted, v[None, :], np.ones((1, len(v)), dtype=np.bool_))[0]))


def _rate_counter(window: Window, _expr: RangeAggregate) -> Floats:
    return window.each(lambda values, times: _counter(values, times, window.seconds))


def _counter(values: Floats, times: Ints, seconds: float) -> float:
    """The increase per second, resets made good. Loki stretches it as Prometheus does, by far smaller durations."""
    if len(values) < 2:
        return 0.0
    falls = values[:-1][values[1:] < values[:-1]]
    increase = float(values[-1] - values[0] + falls.sum())
    sampled = float(times[-1] - times[0]) / 1000
    if not sampled:
        return float("nan")
    average, to_start = sampled / (len(values) - 1), seconds
    if increase > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * float(values[0]) / increase)
    stretched = sampled + (to_start if to_start < average * 1.1 else average / 2)
    return increase * (stretched / sampled) / seconds


_OPS: Mapping[str, Callable[[Window, RangeAggregate], Floats]] = {
    "count_over_time": lambda window, _: window.counts,
    "rate": lambda window, _: window.sums() / window.seconds,
    "bytes_over_time": lambda window, _: window.sums(),
    "bytes_rate": lambda window, _: window.sums() / window.seconds,
    "sum_over_time": lambda window, _: window.sums(),
    "avg_over_time": lambda window, _: window.sums() / np.maximum(window.counts, 1),
    "min_over_time": lambda window, _: window.each(lambda values, _: float(np.fmin.reduce(values))),
    "max_over_time": lambda window, _: window.each(lambda values, _: float(np.fmax.reduce(values))),
    "first_over_time": lambda window, _: window.each(lambda values, _: float(values[0])),
    "last_over_time": lambda window, _: window.each(lambda values, _: float(values[-1])),
    "stdvar_over_time": lambda window, _: window.each(lambda values, _: float(np.var(values))),
    "stddev_over_time": lambda window, _: window.each(lambda values, _: float(np.std(values))),
    "quantile_over_time": _quantile,
    "rate_counter": _rate_counter,
}
SUMMED = frozenset(("count_over_time", "rate", "bytes_over_time", "bytes_rate", "sum_over_time"))
"""What may be summed line by line as well as series by series."""
