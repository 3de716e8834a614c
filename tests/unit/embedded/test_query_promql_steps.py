"""An answer over a range is the answers at its steps: the engine evaluates them together, which must not show."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obsctl.embedded.query.promql import engine
from obsctl.embedded.query.promql.lookup import SampleBlock, latest, windows
from obsctl.embedded.query.vectors import sums
from obsctl.embedded.query.vectors.values import Scalar, Steps, Vector
from obsctl.embedded.records import STALE_BITS
from obsctl.languages.errors import ExecutionError, QueryError
from obsctl.languages.promql.parse import parse
from tests.conformance.promql_differential import dataset
from tests.unit.embedded.promql_queries import vectors
from tests.unit.embedded.promql_store import SeriesStore, samples_of

BASE = 1_700_000_000 // 3_600 * 3_600_000
STALE = float(np.array([STALE_BITS], dtype=np.int64).view(np.float64)[0])


@pytest.fixture(scope="module")
def store():
    return SeriesStore.of(dataset.series(BASE))


def rows(value, column):
    if isinstance(value, Scalar):
        return {(): float(value.values[column])}
    assert isinstance(value, Vector)
    present = np.nonzero(value.present[:, column])[0].tolist()
    return {value.labels[row]: float(value.values[row, column]) for row in present}


def same(left, right):
    """Equal, but for the last digits: where many sequences are summed side by side, functions may round otherwise."""
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(vectors(2), st.integers(0, 7_000), st.integers(7, 900))
def test_each_step_of_a_range_is_the_answer_at_that_time(store, query, start, step):
    first = BASE + start * 1000
    steps = Steps(first, first + 5 * step * 1000, step * 1000)
    moments = {"start()": str(first / 1000), "end()": str(steps.end / 1000)}
    query = re.sub(r"\$T\+([\d.]+)", lambda found: str(BASE / 1000 + float(found[1])), query)
    fixed = re.sub(r"@ (start\(\)|end\(\))", lambda found: f"@ {moments[found[1]]}", query)
    try:
        together = engine.over_steps(store, parse(query), steps)
    except ExecutionError:
        return  # two series may be told apart by their names at each time, and not over all of them
    for column, time in enumerate(steps.times.tolist()):
        alone = engine.instant(store, parse(fixed), time)
        mine, theirs = rows(together, column), rows(alone, 0)
        assert mine.keys() == theirs.keys(), time
        assert all(same(value, theirs[labels]) for labels, value in mine.items()), (time, mine, theirs)


@settings(max_examples=300, deadline=None)
@given(vectors(3))
def test_any_query_has_an_answer_or_a_sentence(store, query):
    query = query.replace("$T", str(BASE / 1000)).replace("+1800", "").replace("+3601.5", "")
    try:
        told = rows(engine.instant(store, parse(query), BASE + 1_800_000), 0)
    except QueryError as error:
        told = str(error)
    assert told or told == {}


@given(
    st.lists(st.lists(st.integers(0, 50), unique=True, max_size=12).map(sorted), max_size=4),
    st.lists(st.integers(-5, 60), min_size=1, max_size=12).map(sorted),
    st.integers(1, 20),
    st.data(),
)
def test_lookups_agree_with_a_plain_loop(times, moments, width, data):
    series = [{time: data.draw(st.sampled_from([1.0, 2.0, STALE])) for time in own} for own in times]
    labels = [(("n", str(n)),) for n in range(len(series))]
    block = SampleBlock.of(labels, samples_of(series))
    assert block.labels == [label for label, one in zip(labels, series, strict=True) if one]
    series = [one for one in series if one]
    ends = np.array(moments, dtype=np.int64)
    vector, found_times = latest(block, ends, width)
    found = windows(block.fresh(), ends, width)
    for row, one in enumerate(series):
        for column, moment in enumerate(moments):
            inside = [(t, v) for t, v in one.items() if moment - width < t <= moment]
            fresh = [t for t, v in inside if v == v]
            newest = inside[-1] if inside and inside[-1][1] == inside[-1][1] else None
            here = vector.present[row, column]
            assert ((found_times[row, column], vector.values[row, column]) if here else None) == newest
            got = found.times[found.first[row, column] : found.last[row, column]].tolist()
            assert got == fresh


def test_series_far_apart_in_time_are_looked_up_one_by_one():
    far = 2**61
    block = SampleBlock.of([(("n", str(n)),) for n in range(3)], samples_of([{-far: 1.0, 0: 2.0, far: 3.0}] * 3))
    vector, _ = latest(block, np.array([0, far], dtype=np.int64), 10)
    assert vector.values.tolist() == [[2.0, 3.0]] * 3
    assert vector.present.all()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=30))
def test_sums_lose_nothing(values):
    total, lost = sums.total(values)
    assert math.isclose(total + lost, math.fsum(values), rel_tol=1e-12, abs_tol=1e-25)
    assert math.isclose(sums.mean(values), math.fsum(values) / len(values), rel_tol=1e-12, abs_tol=1e-25)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=9), min_size=1, max_size=80))
def test_sequences_side_by_side_are_sums_one_by_one(sequences):
    sequences = sorted(sequences, key=len, reverse=True)
    values = np.array([value for sequence in sequences for value in sequence])
    counts = np.array([len(sequence) for sequence in sequences])
    running = sums.KahanSums(len(sequences))
    for positions in sums.columns(np.cumsum(counts) - counts, counts):
        running.add(values[positions])
    expected = [sums.total(sequence) for sequence in sequences]
    assert list(zip(running.sum.tolist(), running.lost.tolist(), strict=True)) == expected
