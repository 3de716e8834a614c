from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obsctl.embedded.records import Batch, SpanRecord
from obsctl.embedded.spans import StoredSpan
from obsctl.embedded.store.base import SpanScan, Written
from obsctl.embedded.store.sqlite import SqliteStore

_numbers = itertools.count(1)


def span(
    *,
    trace: int = 1,
    number: int | None = None,
    service: str = "api",
    name: str = "GET /",
    kind: int = 2,
    start: int = 1_000,
    duration: int = 10,
) -> SpanRecord:
    number = next(_numbers) if number is None else number
    message = Span(
        trace_id=trace.to_bytes(16, "big"),
        span_id=number.to_bytes(8, "big"),
        name=name,
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=start + duration,
    )
    resource = Resource()
    resource.attributes.add(key="service.name").value.string_value = service
    return SpanRecord(
        message.trace_id,
        message.span_id,
        service,
        name,
        kind,
        0,
        start,
        start + duration,
        resource.SerializeToString(),
        InstrumentationScope(name="tests").SerializeToString(),
        message.SerializeToString(),
    )


def save(store: SqliteStore, *spans: SpanRecord) -> Written:
    return store.submit(Batch(spans=spans)).result(10)


def numbers(spans: list[StoredSpan]) -> list[int]:
    return [int.from_bytes(one.span_id, "big") for one in spans]


def test_a_span_comes_back_whole_as_soon_as_it_is_acknowledged(store: SqliteStore) -> None:
    record = span(trace=7, service="checkout", name="POST /pay")
    assert save(store, record) == Written(stored=1)
    (found,) = store.trace(record.trace_id)
    assert found.service == "checkout"
    assert found.encoded == record.payload
    assert found.resource.encoded == record.resource
    assert found.scope.name == "tests"


def test_a_trace_is_ordered_by_start_and_others_stay_out(store: SqliteStore) -> None:
    save(store, span(trace=1, number=1, start=30), span(trace=2, number=2), span(trace=1, number=3, start=20))
    assert numbers(store.trace((1).to_bytes(16, "big"))) == [3, 1]
    assert store.trace((9).to_bytes(16, "big")) == []


def test_the_same_span_is_stored_once_within_a_batch_across_batches_and_after_a_restart(tmp_path: Path) -> None:
    first, second = span(trace=5, number=501), span(trace=5, number=502)
    store = SqliteStore(tmp_path)
    assert save(store, first, first) == Written(stored=1, duplicates=1, known_spans=frozenset({1}))
    assert save(store, first, second) == Written(stored=1, duplicates=1, known_spans=frozenset({0}))
    store.close()
    again = SqliteStore(tmp_path)
    assert save(again, first, second) == Written(stored=0, duplicates=2, known_spans=frozenset({0, 1}))
    assert numbers(again.trace(first.trace_id)) == [501, 502]
    again.close()


def test_a_span_sent_again_with_other_content_keeps_the_fuller_one(store: SqliteStore) -> None:
    begun = span(trace=5, number=501, duration=0)
    done = span(trace=5, number=501, duration=90, name="done")
    assert save(store, begun) == Written(stored=1)
    assert save(store, done, done) == Written(stored=1, duplicates=1, replaced=1, known_spans=frozenset({0, 1}))
    known = frozenset({0, 1, 2})
    assert save(store, begun, begun, done) == Written(stored=0, duplicates=1, conflicting=2, known_spans=known)
    assert [one.name for one in store.trace(begun.trace_id)] == ["done"]
    assert [one.name for one in store.scan(SpanScan())] == ["done"]


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 3), st.sampled_from(["a", "bb"])), max_size=12))
def test_whatever_is_sent_again_every_span_is_counted_once_and_the_fullest_is_kept(tmp_path_factory, sent) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("again"))
    records = [span(trace=5, number=number, duration=duration, name=name) for number, duration, name in sent]
    half = len(records) // 2
    written = [save(store, *part) for part in (records[:half], records[half:])]
    assert sum(one.stored + one.duplicates + one.conflicting for one in written) == len(records)
    stored = sum(one.stored - one.replaced for one in written)
    assert stored == len(records) - sum(len(one.known_spans) for one in written)
    kept = {one.span_id: (one.end_ns, len(one.encoded)) for one in store.trace((5).to_bytes(16, "big"))}
    fullest: dict[bytes, tuple[int, int]] = {}
    for one in records:
        fullest[one.span_id] = max(fullest.get(one.span_id, (0, 0)), (one.end_ns, len(one.payload)))
    assert (kept, len(kept)) == (fullest, stored)
    store.close()


def test_two_services_that_use_one_span_id_are_both_kept(store: SqliteStore) -> None:
    save(store, span(trace=6, number=1, service="api", kind=3), span(trace=6, number=1, service="worker", kind=2))
    assert {one.service for one in store.trace((6).to_bytes(16, "big"))} == {"api", "worker"}


def test_services_and_operations_are_sorted_and_distinct(store: SqliteStore) -> None:
    save(
        store,
        span(service="b", name="z"),
        span(service="b", name="a", kind=3),
        span(service="a"),
        span(service="b", name="z"),
    )
    assert store.services() == ["a", "b"]
    assert store.operations("b") == [("a", 3), ("z", 2)]
    assert store.operations("nobody") == []


def test_a_scan_is_newest_first_across_services_and_page_borders(store: SqliteStore) -> None:
    save(store, *(span(service=f"s{n % 3}", number=n + 1, start=n // 2) for n in range(1_300)))
    starts = [one.start_ns for one in store.scan(SpanScan())]
    assert len(starts) == 1_300
    assert starts == sorted(starts, reverse=True)


def test_a_scan_goes_on_while_spans_arrive(store: SqliteStore) -> None:
    save(store, *(span(number=n + 1, start=n) for n in range(700)))
    scan = store.scan(SpanScan(service="api"))
    first = next(scan)
    save(store, *(span(number=n + 10_000, start=n) for n in range(700, 800)))
    assert [first.start_ns, *(one.start_ns for one in scan)] == [*range(699, -1, -1)]


_records = st.builds(
    span,
    service=st.sampled_from(["a", "b"]),
    name=st.sampled_from(["x", "y"]),
    start=st.integers(3, 20),
    duration=st.integers(-3, 10),
)
_maybe = st.none() | st.integers(-2, 22)
_scans = st.builds(
    SpanScan,
    service=st.sampled_from([None, "a", "b", "c"]),
    operation=st.sampled_from([None, "x", "z"]),
    start_min=_maybe,
    start_max=_maybe,
    duration_min=_maybe,
    duration_max=_maybe | st.just(2**70),
)


def _wanted(scan: SpanScan, record: SpanRecord) -> bool:
    duration = record.end_ns - record.start_ns
    return (
        scan.service in (None, record.service)
        and scan.operation in (None, record.name)
        and (scan.start_min is None or scan.start_min <= record.start_ns)
        and (scan.start_max is None or record.start_ns <= scan.start_max)
        and (scan.duration_min is None or scan.duration_min <= duration)
        and (scan.duration_max is None or duration <= scan.duration_max)
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(records=st.lists(_records, max_size=12), scan=_scans)
def test_a_scan_gives_exactly_the_matching_spans(
    records: list[SpanRecord], scan: SpanScan, tmp_path_factory: object
) -> None:
    folder = tmp_path_factory.mktemp("scan")  # type: ignore[attr-defined]
    store = SqliteStore(folder)
    save(store, *records)
    found = [one.encoded for one in store.scan(scan)]
    store.close()
    assert sorted(found) == sorted(record.payload for record in records if _wanted(scan, record))
