"""The embedded server's answers are Prometheus' answers: values to 1e-9, annotations, and what is refused."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.promql_differential.compare import differences
from tests.conformance.promql_differential.conftest import BASE
from tests.unit.embedded.promql_queries import vectors

START = BASE // 1000
TIMES = (300, 1_800.123, 4_260, 7_500)
RANGES = ((0, 7_200, 120), (600.5, 4_000, 37), (7_200, 7_200, 1))
CASES = [
    *(("query", {"time": START + at}) for at in TIMES),
    *(("query_range", {"start": START + start, "end": START + end, "step": step}) for start, end, step in RANGES),
]
FILE = Path(__file__).parents[2] / "scripts" / "promql" / "differential.txt"


def sections():
    """Queries by the comment that stands above them."""
    found, title = defaultdict(list), ""
    for line in FILE.read_text(encoding="utf8").splitlines():
        if line.startswith("# "):
            title = line.removeprefix("# ")
        elif line:
            found[title].append(line)
    return dict(found)


def at_times(query):
    """``$T+600`` is 600 seconds after the first sample."""
    return re.sub(r"\$T\+([\d.]+)", lambda found: str(START + float(found[1])), query)


def differing(theirs, ours, query, path, params):
    asked = {**params, "query": at_times(query)}
    found = differences(query, theirs(path, asked), ours(path, asked))
    return [f"{query}  {path} {params}: {difference}" for difference in found]


def test_there_are_enough_queries():
    assert sum(map(len, sections().values())) >= 800


@pytest.mark.parametrize("section", sections())
def test_answers_are_the_same(theirs, ours, section):
    found = (differing(theirs, ours, query, *case) for query in sections()[section] for case in CASES)
    assert [difference for one in found for difference in one] == []


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(vectors(3), st.sampled_from(CASES))
def test_answers_to_generated_queries_are_the_same(theirs, ours, query, case):
    assert differing(theirs, ours, query, *case) == []
