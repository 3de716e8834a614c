"""Query results as Prometheus prints them. Written by hand: its numbers are not what a JSON encoder would print."""

from __future__ import annotations

from collections.abc import Iterable

from obsctl.embedded.api.http import compact
from obsctl.embedded.query.numbers import format_plain, format_short_time, format_time, format_value
from obsctl.embedded.query.promql.values import RangeVector, Scalar, Steps, Text, Value, Vector
from obsctl.embedded.signals import Labels


def instant_data(value: Value, time: int) -> str:
    """``data`` of ``/api/v1/query``, as JSON text."""
    if isinstance(value, Vector):
        at = format_time(time)
        rows = zip(value.labels, value.values[:, 0].tolist(), strict=True)
        parts = (f'{{"metric":{compact(dict(k))},"value":[{at},"{format_value(v)}"]}}' for k, v in rows)
        return _data("vector", _array(parts))
    if isinstance(value, RangeVector):
        series = zip(value.labels, value.points, strict=True)
        return _data("matrix", _array(_matrix_row(k, p.times.tolist(), p.values.tolist()) for k, p in series))
    if isinstance(value, Scalar):
        return _data("scalar", f'[{format_short_time(time)},"{format_plain(float(value.values[0]))}"]')
    assert isinstance(value, Text)
    return _data("string", f"[{format_short_time(time)},{compact(value.value)}]")


def range_data(value: Vector | Scalar, steps: Steps) -> str:
    """``data`` of ``/api/v1/query_range``, as JSON text: always a matrix; steps without a value are left out."""
    times = steps.times
    if isinstance(value, Scalar):
        return _data("matrix", _array([_matrix_row((), times.tolist(), value.values.tolist())]))
    rows = zip(value.labels, value.values, value.present, strict=True)
    return _data("matrix", _array(_matrix_row(k, times[here].tolist(), v[here].tolist()) for k, v, here in rows))


def _data(kind: str, result: str) -> str:
    return f'{{"resultType":"{kind}","result":{result}}}'


def _array(parts: Iterable[str]) -> str:
    return f"[{','.join(parts)}]"


def _matrix_row(labels: Labels, times: Iterable[int], values: Iterable[float]) -> str:
    points = _array(f'[{format_time(t)},"{format_value(v)}"]' for t, v in zip(times, values, strict=True))
    return f'{{"metric":{compact(dict(labels))},"values":{points}}}'
