from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.trace.assemble import assemble
from obsctl.trace.export import SCHEMA, to_json
from obsctl.trace.model import Segment
from obsctl.trace.span_trees import orphans
from tests.unit.trace.shop import MS, T0, TRACE, checkout, log, span


def tree_of(*spans, logs=()):
    return assemble(TRACE, spans, logs)


def names(tree):
    return [n.span.name for n in tree.nodes]


def critical_names(tree):
    return [
        (tree.nodes[s.node].span.name if s.node >= 0 else "", s.duration_ns // MS, s.waiting) for s in tree.critical
    ]


ident = st.integers(1, 12)


@st.composite
def any_span(draw):
    start = draw(st.integers(0, 100))
    return span(
        draw(ident),
        draw(st.none() | ident | st.sampled_from(["ff" * 8, "fe" * 8])),
        draw(st.sampled_from("abc")),
        draw(st.sampled_from(["x", "y"])),
        start,
        start + draw(st.integers(0, 100)),
        error=draw(st.sampled_from(["", "", "boom"])),
        kind=draw(st.sampled_from(["", "internal", "server", "client", "producer", "consumer"])),
    )


any_trace = st.lists(any_span(), max_size=30)


@given(any_trace)
@settings(deadline=None)
def test_any_span_trees_have_every_span_once_in_depth_first_order(spans):
    tree = tree_of(*spans)
    assert len(tree.nodes) + tree.dropped == len(spans)
    assert {n.span.span_id for n in tree.nodes} == {s.span_id for s in spans}
    assert [n.index for n in tree.nodes] == list(range(len(tree.nodes)))
    for node in tree.nodes:
        assert all(tree.nodes[c].parent == node.index for c in node.children)
        assert list(node.children) == sorted(node.children)
        if node.parent is None:
            assert node.depth == 0
            assert node.place != "child"
        else:
            assert node.index in tree.nodes[node.parent].children
            assert node.parent < node.index
            assert node.depth == tree.nodes[node.parent].depth + 1


@given(any_trace, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_arrival_does_not_matter(spans, random):
    shuffled = list(spans)
    random.shuffle(shuffled)
    assert tree_of(*shuffled) == tree_of(*spans)


def test_of_two_copies_the_one_with_an_error_stays():
    good, bad = span(1, None, "a", "x", 0, 5), span(1, None, "a", "x", 0, 5, error="boom")
    assert tree_of(good, bad) == tree_of(bad, good)
    assert tree_of(good, bad).nodes[0].span.status == "error"


@given(any_trace)
@settings(deadline=None)
def test_the_critical_path_is_conserved(spans):
    tree = tree_of(*spans)
    assert all(s.start_ns < s.end_ns for s in tree.critical)
    for before, after in zip(tree.critical, tree.critical[1:], strict=False):
        assert before.end_ns == after.start_ns
    main = [n for n in tree.roots if n.place in ("root", "continued")] or list(tree.roots)
    if main and tree.critical:
        start, end = tree.critical_window
        assert start == min(n.span.start_ns for n in main)
        assert end >= max(n.span.end_ns for n in main)
    assert sum(n.critical_ns for n in tree.nodes) == sum(s.duration_ns for s in tree.critical if not s.waiting)
    for segment in tree.critical:
        if not segment.waiting:
            own = tree.nodes[segment.node].span
            assert own.start_ns <= segment.start_ns < segment.end_ns <= own.end_ns


@st.composite
def nested(draw):
    """A tree in which no child leaves its parent."""
    spans = [span(1, None, "a", "root", 0, 1000)]
    for i in range(2, draw(st.integers(2, 25))):
        above = spans[draw(st.integers(0, len(spans) - 1))]
        low, high = (above.start_ns - T0) // MS, (above.end_ns - T0) // MS
        start, end = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
        spans.append(span(i, int(above.span_id, 16), draw(st.sampled_from("abc")), f"n{i}", start, end))
    return spans


@given(nested())
@settings(deadline=None)
def test_within_its_root_the_critical_path_adds_up_to_the_root(spans):
    tree = tree_of(*spans)
    assert sum(s.duration_ns for s in tree.critical) == tree.root.duration_ns
    assert not any(s.waiting for s in tree.critical)
    assert sum(n.critical_ns for n in tree.nodes) == tree.root.duration_ns
    assert all(0 <= n.critical_ns <= n.duration_ns and 0 <= n.self_ns <= n.duration_ns for n in tree.nodes)


@given(any_trace)
@settings(max_examples=50, deadline=None)
def test_any_span_trees_are_json(spans):
    found = json.loads(json.dumps(to_json(tree_of(*spans)), allow_nan=False))
    assert found["schema"] == SCHEMA
    assert len(found["spans"]) == found["counts"]["spans"]


def test_self_time_counts_overlapping_children_once():
    tree = tree_of(
        span(1, None, "a", "root", 0, 100),
        span(2, 1, "a", "x", 10, 50),
        span(3, 1, "a", "y", 40, 60),
        span(4, 1, "a", "outside", 90, 200),
    )
    assert tree.root.self_ns == 40 * MS


def test_the_critical_path_of_a_known_trace():
    tree = tree_of(
        span(1, None, "a", "root", 0, 100),
        span(2, 1, "a", "first", 10, 40),
        span(3, 1, "a", "beside", 20, 60),
        span(4, 1, "a", "last", 50, 90),
        span(5, 4, "b", "query", 55, 85),
    )
    assert critical_names(tree) == [
        ("root", 10, False),
        ("first", 30, False),
        ("root", 10, False),
        ("last", 5, False),
        ("query", 30, False),
        ("last", 5, False),
        ("root", 10, False),
    ]


def test_work_that_outlives_its_root_is_waited_for():
    tree = tree_of(
        span(1, None, "api", "POST /matches", 0, 20, kind="server"),
        span(2, 1, "api", "publish", 10, 12, kind="producer"),
        span(3, 2, "worker", "process", 50, 100, kind="consumer"),
    )
    assert critical_names(tree) == [
        ("POST /matches", 10, False),
        ("publish", 2, False),
        ("publish", 38, True),
        ("process", 50, False),
    ]
    gap = tree.gaps[0]
    assert (gap.waiting, gap.after, gap.before, gap.duration_ns) == (True, "publish", "process", 38 * MS)


def test_a_server_cannot_make_its_client_longer():
    tree = tree_of(span(1, None, "a", "call", 0, 100, kind="client"), span(2, 1, "b", "serve", 10, 130, kind="server"))
    assert sum(s.duration_ns for s in tree.critical) == 100 * MS


def test_several_roots_and_the_time_between_them():
    tree = tree_of(span(1, None, "a", "one", 0, 10), span(2, None, "a", "two", 30, 40))
    assert critical_names(tree) == [("one", 10, False), ("", 20, True), ("two", 10, False)]
    assert tree.critical[1] == Segment(-1, T0 + 10 * MS, T0 + 30 * MS, waiting=True)


def test_gaps_are_named_after_their_neighbours():
    tree = tree_of(span(1, None, "a", "root", 0, 100), span(2, 1, "a", "x", 0, 30), span(3, 1, "a", "y", 70, 95))
    (gap,) = tree.gaps
    assert (gap.node, gap.after, gap.before, gap.duration_ns) == (0, "x", "y", 40 * MS)


@pytest.mark.parametrize(
    ("child", "skew"),
    [
        (span(2, 1, "b", "x", -5, 20, kind="server"), -5),
        (span(2, 1, "b", "x", 60, 117, kind="server"), 17),
        (span(2, 1, "b", "answered, then ended", 60, 102, kind="server"), 0),
        (span(2, 1, "b", "gave up on", 10, 300, kind="server"), 0),
        (span(2, 1, "b", "async", 90, 110, kind="consumer"), 0),
        (span(2, 1, "a", "same clock", -5, 20), 0),
        (span(2, 1, "b", "rounded", -0.001, 100.001, kind="server"), 0),
    ],
)
def test_clock_skew(child, skew):
    tree = tree_of(span(1, None, "a", "call", 0, 100, kind="client"), child)
    assert tree.nodes[1].skew_ns == skew * MS
    assert [w.code for w in tree.warnings] == (["clock_skew"] if skew else [])


def test_skew_is_told_once_for_each_pair_of_services():
    tree = tree_of(
        span(1, None, "a", "root", 0, 100),
        *(span(i, 1, "b", "x", -i, 20, kind="server") for i in range(2, 9)),
    )
    (warning,) = tree.warnings
    assert warning.message == "the clock of b is at least 8 ms behind that of a"


def test_a_root_below_the_callers_span_is_continued_not_orphaned():
    spans = [span(1, "ab" * 8, "api", "GET", 0, 10), span(2, 1, "api", "SELECT", 1, 2)]
    tree = tree_of(*spans)
    assert tree.root.place == "continued"
    assert tree.complete
    assert orphans(spans) == ()


def test_lost_parents_beside_a_root_are_orphans():
    spans = [span(1, "ab" * 8, "api", "GET", 0, 10), span(2, "cd" * 8, "api", "lost", 1, 2)]
    assert [s.name for s in orphans(spans)] == ["lost"]
    tree = tree_of(*spans)
    assert names(tree) == ["GET", "lost"]
    assert [(w.code, w.parent_id) for w in tree.warnings] == [("orphan_parent", "cd" * 8)]
    rooted = tree_of(span(1, None, "api", "GET", 5, 10), span(2, "cd" * 8, "api", "lost", 1, 2))
    assert [n.place for n in rooted.nodes] == ["root", "orphan"]
    assert not rooted.complete


def test_rings_are_cut_at_their_earliest_member():
    tree = tree_of(
        span(1, 3, "a", "x", 5, 9), span(2, 1, "a", "y", 1, 9), span(3, 2, "a", "z", 3, 9), span(4, 4, "a", "own", 0, 1)
    )
    assert [(n.span.name, n.place, n.depth) for n in tree.nodes] == [
        ("own", "cycle", 0),
        ("y", "cycle", 0),
        ("z", "child", 1),
        ("x", "child", 2),
    ]
    assert [w.code for w in tree.warnings] == ["cycle", "cycle"]


def test_copies_are_dropped_and_clashes_shown():
    one = span(1, None, "a", "x", 0, 10)
    tree = tree_of(one, one, span(1, None, "b", "other", 2, 3), span(2, 1, "a", "child", 1, 2))
    assert tree.dropped == 1
    assert [(n.span.name, n.place, n.depth) for n in tree.nodes] == [
        ("x", "root", 0),
        ("child", "child", 1),
        ("other", "duplicate", 1),
    ]
    assert sorted(w.code for w in tree.warnings) == ["duplicate_span", "same_span_twice"]


def test_ten_thousand_levels_need_no_recursion():
    n = 10_000
    tree = tree_of(*(span(i, i - 1 if i > 1 else None, "a", "x", 0, 3 * n - i) for i in range(1, n + 1)))
    assert tree.depth == n
    assert sum(s.duration_ns for s in tree.critical) == tree.root.duration_ns


def test_an_empty_trace_is_a_tree_too():
    tree = tree_of(logs=[log(0, "INFO", "a", "hello")])
    assert tree.root is None
    assert tree.duration_ns == 0
    assert to_json(tree)["root"] is None


def test_logs_find_their_spans():
    tree = tree_of(
        span(1, None, "a", "x", 0, 10),
        logs=[
            log(2, "warning", "a", "second", 1, job_id="7", nested={"a": [1]}, empty=""),
            log(1, "INFO", "a", "first", 1),
            log(3, "critical", "b", "elsewhere", 99),
            log(4, "odd", "b", "nowhere"),
        ],
    )
    first, second = tree.root.logs
    assert (first.message, second.level) == ("first", "WARN")
    assert second.fields == {"job_id": "7", "nested": '{"a": [1]}'}
    assert [(e.message, e.level) for e in tree.logs] == [("elsewhere", "FATAL"), ("nowhere", "")]
    assert tree.log_count == 4


@pytest.mark.parametrize("line", ["plain text", "{broken", '{"a": ' + "[" * 5000, "[1]", "{}", ""])
def test_lines_that_are_not_json_are_shown_as_they_are(line):
    from obsctl.clients.telemetry import LogLine

    (entry,) = tree_of(logs=[LogLine(T0, line)]).logs
    assert entry.message == entry.raw == line


def test_the_export_of_the_checkout():
    found = to_json(assemble(TRACE, *checkout()))
    assert found["counts"] == {
        "spans": 22, "services": 9, "errors": 4, "logs": 4, "links": 1, "roots": 2, "orphans": 1, "cycles": 0,
        "duplicates": 0, "depth": 4,
    }  # fmt: skip
    assert found["root"] == {"span_id": f"{1:016x}", "service": "frontend", "name": "POST /checkout"}
    assert found["status"] == "error"
    assert not found["complete"]
    assert found["duration_ns"] == str(910 * MS)
    path = sum(int(s["end_offset_ns"]) - int(s["start_offset_ns"]) for s in found["critical_path"])
    assert path == 812 * MS
    assert found["resources"][found["spans"][0]["resource"]] == {"service.name": "frontend"}
    assert [e["severity"] for e in found["logs"]] == ["INFO", "ERROR", "WARN", "INFO"]


def test_numbers_that_json_does_not_know_become_text():
    tree = tree_of(span(1, None, "a", "x", 0, 1, attributes={"n": float("nan"), "i": [float("-inf")]}))
    assert to_json(tree)["spans"][0]["attributes"] == {"n": "NaN", "i": ["-Infinity"]}
