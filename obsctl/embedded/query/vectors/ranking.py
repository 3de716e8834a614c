"""Aggregations that keep some series of each group: ``topk``, ``bottomk``, ``limitk``, ``limit_ratio``."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from xxhash import xxh64_intdigest

from obsctl.embedded.query.vectors.aggregate import LabelGrouping, grouped
from obsctl.embedded.query.vectors.annotations import Notes
from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Scalar, Vector, no_series
from obsctl.languages.errors import ExecutionError
from obsctl.languages.labels import Labels
from obsctl.languages.numbers import go_float

_MOST = float(2**63)


def ranked(op: str, by: LabelGrouping, vector: Vector, param: Scalar) -> Vector:
    """``topk``, ``bottomk`` and ``limitk``; with one step, series are in order of rank, group by group."""
    if float(param.values.max()) < 1:
        return no_series(vector.values.shape[1])
    _checked(param.values)
    sizes = np.where(param.values < 1, 0, np.minimum(param.values, len(vector.labels))).astype(np.int64)
    if not vector.labels:
        return vector
    groups = grouped(by, vector)
    ends = np.append(groups.starts[1:], len(groups.order))
    keep = np.zeros(groups.present.shape, dtype=np.bool_)
    order: list[int] = []
    for start, end in zip(groups.starts.tolist(), ends.tolist(), strict=True):
        values, present = groups.values[start:end], groups.present[start:end]
        if len(sizes) > 1 and op != "limitk":
            keep[start:end] = _kept(op, values, present, sizes)
            continue
        ranks = _ranks(op, values, present)
        if op != "limitk":
            _settle_ties(op, values, present, ranks, sizes)
        keep[start:end] = present & (_places(ranks) < sizes)
        order += [start + row for row in ranks[:, 0].tolist()]
    found = Vector([vector.labels[i] for i in groups.order.tolist()], groups.values, keep)
    return (found.rows(order) if len(sizes) == 1 else found).seen()


def _kept(op: str, values: Floats, present: Bools, sizes: Ints) -> Bools:
    """Which rows of a group are kept at each step (R, T). In which order is of no matter over a range."""
    size = np.where(present, values if op == "topk" else -values, -np.inf)
    kept: Bools = present.copy()
    kept[:, sizes < 1] = False
    crowded = np.flatnonzero((sizes > 0) & (present.sum(axis=0) > sizes))
    for wanted in np.unique(sizes[crowded]).tolist():
        steps = crowded[sizes[crowded] == wanted]
        some = size[:, steps]
        last = np.partition(some, len(some) - wanted, axis=0)[len(some) - wanted]
        found = present[:, steps] & (some >= last)
        # Equal values at the edge, and NaN, which sorts before everything: the heap decides.
        for column in np.flatnonzero((found.sum(axis=0) != wanted) | np.isnan(some).any(axis=0)).tolist():
            rows = np.flatnonzero(present[:, steps[column]])
            found[:, column] = False
            found[_heap(some[rows, column].tolist(), rows.tolist(), wanted), column] = True
        kept[:, steps] = found
    return kept


def _checked(wanted: Floats) -> None:
    if np.isnan(wanted).any():
        raise ExecutionError("Parameter value is NaN")
    if (wanted <= -_MOST).any():
        raise ExecutionError(f"Scalar value {go_float(float(wanted.min()))} underflows int64")
    if (wanted >= _MOST).any():
        raise ExecutionError(f"Scalar value {go_float(float(wanted.max()))} overflows int64")


def _ranks(op: str, values: Floats, present: Bools) -> Ints:
    """The rows of a group in order of rank at each step (R, T): NaN after all numbers, what is absent last."""
    nan = np.isnan(values)
    if op == "limitk":
        return np.argsort(~present, axis=0, kind="stable")
    size = np.where(nan, np.inf, -values if op == "topk" else values)
    return np.lexsort((size, nan, ~present), axis=0)


def _settle_ties(op: str, values: Floats, present: Bools, ranks: Ints, sizes: Ints) -> None:
    """Put those first, of equal values at the edge of what is kept, that Prometheus' heap keeps."""
    counts = present.sum(axis=0)
    for step in np.nonzero((sizes > 0) & (counts > sizes))[0].tolist():
        size, column = int(sizes[step]), ranks[:, step]
        last, next_ = values[column[size - 1], step], values[column[size], step]
        if last == next_ or (np.isnan(last) and np.isnan(next_)):
            rows = np.flatnonzero(present[:, step])
            signed = values[rows, step] if op == "topk" else -values[rows, step]
            kept = set(_heap(signed.tolist(), rows.tolist(), size))
            order = [row for row in column.tolist() if row in kept]
            ranks[:, step] = [*order, *(row for row in column.tolist() if row not in kept)]


def _heap(values: list[float], rows: list[int], size: int) -> list[int]:
    """The rows of the largest values. A binary heap decides between equal ones, so it is followed exactly."""
    heap: list[tuple[float, int]] = []
    for sample in zip(values[:size], rows[:size], strict=True):
        heap.append(sample)
        _up(heap)
    least = heap[0][0]
    for value, row in zip(values[size:], rows[size:], strict=True):
        # The second comparison: NaN is below every number.
        if least < value or (least != least and value == value):
            heap[0] = (value, row)
            _down(heap)
            least = heap[0][0]
    return [row for _, row in heap]


def _less(a: tuple[float, int], b: tuple[float, int]) -> bool:
    return math.isnan(a[0]) or a[0] < b[0]


def _up(heap: list[tuple[float, int]]) -> None:
    child = len(heap) - 1
    while child and _less(heap[child], heap[parent := (child - 1) // 2]):
        heap[child], heap[parent] = heap[parent], heap[child]
        child = parent


def _down(heap: list[tuple[float, int]]) -> None:
    parent = 0
    while (child := 2 * parent + 1) < len(heap):
        if child + 1 < len(heap) and _less(heap[child + 1], heap[child]):
            child += 1
        if not _less(heap[child], heap[parent]):
            return
        heap[child], heap[parent] = heap[parent], heap[child]
        parent = child


def _places(ranks: Ints) -> Ints:
    """The place of each row at each step."""
    places = np.empty_like(ranks)
    np.put_along_axis(places, ranks, np.arange(len(ranks))[:, None], axis=0)
    return places


def limit_ratio(vector: Vector, ratio: Scalar, notes: Notes, at: int) -> Vector:
    """A share of the series, chosen by the hash of their labels; a negative ratio is the complement."""
    values = ratio.values
    if not values.any():
        return no_series(len(values))
    if np.isnan(values).any():
        raise ExecutionError("Ratio value is NaN")
    text = "ratio value should be between -1 and 1, got {}, capping to {}"
    if (values > 1).any():
        notes.warn(text.format(go_float(float(values.max())), 1), at)
    if (values < -1).any():
        notes.warn(text.format(go_float(float(values.min())), -1), at)
    share = np.clip(values, -1.0, 1.0)
    if not vector.labels:
        return vector
    offsets = np.array([label_hash(labels) / float(2**64 - 1) for labels in vector.labels])[:, None]
    keep = np.where(share >= 0, offsets < share, offsets >= 1.0 + share)
    return Vector(vector.labels, vector.values, vector.present & keep).seen()


@lru_cache(maxsize=50_000)
def label_hash(labels: Labels) -> int:
    """XXH64 of a label set, laid out as Prometheus keeps it in memory: each name and value after its length."""
    return xxh64_intdigest(b"".join(_sized(text.encode("utf-8", "replace")) for pair in labels for text in pair))


def _sized(text: bytes) -> bytes:
    size = len(text)
    return (bytes((size,)) if size < 255 else b"\xff" + size.to_bytes(3, "little")) + text
