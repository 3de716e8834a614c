"""Remote write 1.0 and 2.0, against a real server process."""

from __future__ import annotations

import math
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cramjam import snappy
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from obsctl.embedded.http.body import Bodies, BodyError
from obsctl.embedded.prometheus import remote_write
from obsctl.embedded.prometheus.write_requests import Label, Request, SeriesCache, WriteRequest, parse
from obsctl.embedded.records import STALE_BITS
from obsctl.embedded.self_metrics import SelfMetrics
from obsctl.embedded.store import sqlite
from obsctl.embedded.store.sqlite import SqliteStore

from .conftest import Answer, Embedded, ask
from .memory_store import Api

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "tests",
}
STALE = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]


def now() -> int:
    return int(time.time() * 1000)


def add(request: Any, labels: dict[str, str] | list[tuple[str, str]], *samples: tuple[int, float]) -> Any:
    pairs = labels.items() if isinstance(labels, dict) else labels
    packed = [Label(name=name, value=value).SerializeToString() for name, value in pairs]
    series = request.timeseries.add(labels=packed)
    for moment, value in samples:
        series.samples.add(timestamp=moment, value=value)
    return series


def one(labels: dict[str, str] | list[tuple[str, str]], *samples: tuple[int, float]) -> Any:
    request = WriteRequest()
    add(request, labels, *samples)
    return request


def post(server: Embedded, request: Any, **headers: str) -> Answer:
    body = request if isinstance(request, bytes) else bytes(snappy.compress_raw(request.SerializeToString()))
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in (HEADERS | changed).items() if value}
    return ask("POST", server.url("prometheus", "/api/v1/write"), body, sent)


def values(server: Embedded, query: str, at: int | None = None) -> list[list[tuple[float, str]]]:
    """Points of every series of a range selector."""
    moment = f"&time={at / 1000}" if at else ""
    answer = server.get("prometheus", f"/api/v1/query?query={quote(query)}{moment}").json
    return [[(point[0], point[1]) for point in series["values"]] for series in answer["data"]["result"]]


def test_what_is_acknowledged_can_be_queried_at_once(shared: Embedded) -> None:
    moment = now()
    request = one({"__name__": "rw_total", "job": "a", "empty": ""}, (moment - 15_000, 1.0), (moment, 2.5))
    series = add(request, {"__name__": "rw_seconds_bucket", "le": "0.5"}, (moment, 7.0))
    exemplar = series.exemplars.add(value=0.3, timestamp=moment)
    exemplar.labels.add(name="trace_id", value="ab" * 16)
    request.metadata.add(type=1, metric_family_name="rw_total", help="Things.", unit="things")
    answer = post(shared, request)
    assert (answer.status, answer.body) == (204, b"")
    written = {kind: answer.headers[f"x-prometheus-remote-write-{kind}-written"] for kind in ("samples", "exemplars")}
    assert written == {"samples": "3", "exemplars": "1"}
    assert [[v for _, v in points] for points in values(shared, 'rw_total{job="a"}[1m]', moment)] == [["1", "2.5"]]
    found = shared.get("prometheus", "/api/v1/series?match[]=rw_total").json["data"]
    assert found == [{"__name__": "rw_total", "job": "a"}]
    assert shared.get("prometheus", "/api/v1/metadata?metric=rw_total").json["data"] == {
        "rw_total": [{"type": "counter", "help": "Things.", "unit": "things"}]
    }
    exemplars = shared.get("prometheus", "/api/v1/query_exemplars?query=rw_seconds_bucket").json["data"]
    assert exemplars[0]["exemplars"][0]["labels"] == {"trace_id": "ab" * 16}


V2 = {"Content_Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}


def second(*series: tuple[dict[str, str], list[tuple[int, float]]]) -> Any:
    """A request of remote write 2.0: every text once."""
    request = Request(symbols=[""])

    def refer(*texts: str) -> list[int]:
        request.symbols.extend(text for text in dict.fromkeys(texts) if text not in request.symbols)
        return [list(request.symbols).index(text) for text in texts]

    for labels, samples in series:
        added = request.timeseries.add(labels_refs=refer(*(text for pair in labels.items() for text in pair)))
        for moment, value in samples:
            added.samples.add(timestamp=moment, value=value)
        added.metadata.type = 3
        added.metadata.help_ref, added.metadata.unit_ref = refer("How long.", "seconds")
        added.exemplars.add(value=1.0, timestamp=samples[0][0], labels_refs=refer("trace_id", "cd" * 16))
    return request


def written(answer: Answer) -> list[int]:
    kinds = ("samples", "histograms", "exemplars")
    return [int(answer.headers[f"x-prometheus-remote-write-{kind}-written"]) for kind in kinds]


def test_remote_write_2_is_stored_and_says_how_much(shared: Embedded) -> None:
    moment = now()
    request = second(({"__name__": "rw2_bucket", "le": "1.0"}, [(moment - 1000, 1.0), (moment, 2.0)]))
    for _ in range(2):  # what is sent again is stored, too
        answer = post(shared, request, **V2)
        assert (answer.status, answer.body, written(answer)) == (204, b"", [2, 0, 1])
    assert [[v for _, v in points] for points in values(shared, "rw2_bucket[1m]", moment)] == [["1", "2"]]
    described = shared.get("prometheus", "/api/v1/metadata?metric=rw2").json["data"]
    assert described == {"rw2": [{"type": "histogram", "help": "How long.", "unit": "seconds"}]}
    [exemplar] = shared.get("prometheus", "/api/v1/query_exemplars?query=rw2_bucket").json["data"]
    assert exemplar["exemplars"][0]["labels"] == {"trace_id": "cd" * 16}


def test_what_is_valid_in_a_request_of_remote_write_2_is_stored_and_the_rest_named(shared: Embedded) -> None:
    moment = now()
    request = second(
        *(({"__name__": "rw2_part", "n": n}, [(moment, 1.0)]) for n in ("good", "unknown", "odd", "help", "empty")),
        ({"__name__": "rw2_part", "n": "good"}, [(moment, 2.0)]),
    )
    good, unknown, odd, described, empty, again = request.timeseries
    unknown.labels_refs.append(999)
    unknown.labels_refs.append(1)
    odd.labels_refs.append(1)
    described.metadata.help_ref = 999
    empty.ClearField("samples")
    again.exemplars[0].labels_refs[0] = 999
    good.histograms.append(b"")
    answer = post(shared, request, **V2)
    assert (answer.status, written(answer)) == (400, [1, 0, 1])
    for told in (
        "2 x series with labels that refer to no symbol",
        *("1 x series with metadata that refers to no symbol", "1 x series without a sample"),
        *("1 x native histogram", "1 x exemplar with labels that refer", "1 x duplicate sample for timestamp"),
    ):
        assert told in answer.body.decode()
    found = shared.get("prometheus", "/api/v1/query?query=rw2_part").json["data"]["result"]
    assert [one["metric"]["n"] for one in found] == ["good"]


def test_late_samples_find_their_place(shared: Embedded) -> None:
    moment = now()
    for offset in (0, -60_000, -30_000, -3_600_000):
        assert post(shared, one({"__name__": "rw_late"}, (moment + offset, float(-offset)))).status == 204
    assert [[v for _, v in points] for points in values(shared, "rw_late[2h]", moment)] == [
        ["3600000", "60000", "30000", "0"]
    ]


def test_a_staleness_marker_ends_a_series(shared: Embedded) -> None:
    moment = now()
    request = one({"__name__": "rw_gone", "s": "1"}, (moment - 1_000, 1.0), (moment, STALE))
    add(request, {"__name__": "rw_gone", "s": "2"}, (moment - 1_000, 1.0), (moment, math.nan))
    assert post(shared, request).status == 204
    found = shared.get("prometheus", f"/api/v1/query?query=rw_gone&time={moment / 1000}").json["data"]["result"]
    assert [(series["metric"]["s"], series["value"][1]) for series in found] == [("2", "NaN")]


def test_a_request_sent_again_is_acknowledged_again(shared: Embedded) -> None:
    request = one({"__name__": "rw_again"}, (now(), 1.0))
    assert [post(shared, request).status for _ in range(2)] == [204, 204]
    assert [len(points) for points in values(shared, "rw_again[5m]")] == [1]


def test_another_value_at_a_time_that_is_taken_is_told_and_the_first_one_stays(shared: Embedded) -> None:
    moment = now()
    assert post(shared, one({"__name__": "rw_twice"}, (moment, 1.0))).status == 204
    answer = post(shared, one({"__name__": "rw_twice"}, (moment, 2.0), (moment - 1, 3.0), (moment - 1, 3.0)))
    assert (answer.status, answer.body) == (400, b"1 x duplicate sample for timestamp\n")
    assert [[v for _, v in points] for points in values(shared, "rw_twice[5m]", moment)] == [["3", "1"]]


LONG = "x" * 20_000


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"job": "a"}, "without a metric name"),
        ({"__name__": ""}, "without a metric name"),
        ([("__name__", "rw_bad"), ("a", "1"), ("a", "2")], "given twice"),
        ([("__name__", "rw_bad"), ("", "1")], "without a name"),
        ({"__name__": "rw_bad", **{f"l{n}": "v" for n in range(128)}}, "more than 128 labels"),
        ({"__name__": "rw_bad", "long": LONG}, "a value of more than"),
    ],
)
def test_series_that_cannot_be_stored_are_told_and_the_others_stored(shared: Embedded, labels: Any, told: str) -> None:
    moment = now()
    request = one(labels, (moment, 1.0), (moment + 1, 2.0))
    add(request, {"__name__": "rw_kept", "beside": told}, (moment, 3.0))
    before = shared.own('obsctl_items_rejected_total{signal="metrics",transport="remote_write"}')
    answer = post(shared, request)
    assert answer.status == 400
    assert answer.body.startswith(b"2 x series")
    assert told in answer.body.decode()
    assert shared.own('obsctl_items_rejected_total{signal="metrics",transport="remote_write"}') == before + 2
    assert len(values(shared, f'rw_kept{{beside="{told}"}}[5m]')) == 1


def test_samples_ahead_of_the_clock_are_refused_and_very_old_ones_kept(shared: Embedded) -> None:
    moment = now()
    times = (moment + 3_600_000, 2**63 - 1, moment + 60_000, 0, -(2**63), -1)
    answer = post(shared, one({"__name__": "rw_clock"}, *((when, 1.0) for when in times)))
    assert answer.status == 400
    assert answer.body == b"2 x out of bounds: sample more than 10 minutes in the future\n"
    found = values(shared, "rw_clock[10m]", moment + 60_000)
    assert [len(points) for points in found] == [1]
    assert [len(points) for points in values(shared, "rw_clock[1m]", 1)] == [2]


def test_native_histograms_and_long_exemplars_are_told(shared: Embedded) -> None:
    request = one({"__name__": "rw_native"}, (now(), 1.0))
    request.timeseries[0].histograms.append(b"")
    exemplar = request.timeseries[0].exemplars.add(value=1.0, timestamp=now())
    exemplar.labels.add(name="trace_id", value="a" * 200)
    answer = post(shared, request)
    assert answer.status == 400
    assert b"1 x native histogram, which is not supported" in answer.body
    assert b"1 x exemplar with labels of more than 128 characters" in answer.body
    assert len(values(shared, "rw_native[5m]")) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (b"", {}, 400, "snappy: corrupt input"),
        (b"certainly not snappy", {}, 400, "snappy: corrupt input"),
        (b"\xff\xff\xff\x7f" + b"\0" * 20, {}, 413, "larger than"),
        (bytes(snappy.compress_raw(b"\xff" * 40)), {}, 400, "not a protobuf prometheus.WriteRequest"),
        (bytes(snappy.compress_raw(b"\x0a\x05\x0a\x03\x0a\x7fx")), {}, 400, "without a metric name|not valid"),
        (b"\0", {"Content_Encoding": "gzip"}, 415, "use snappy"),
        (b"\0", {"Content_Type": "application/json"}, 415, "use application/x-protobuf"),
        (b"\0", {"Content_Type": f"{HEADERS['Content-Type']};proto=io.prometheus.write.v2.Request"}, 204, ""),
        (b"\0", {"Content_Type": f"{HEADERS['Content-Type']};proto=io.prometheus.write.v3.Request"}, 415, "write.v2"),
        (b"\0", {"Content_Type": f"{HEADERS['Content-Type']};proto=prometheus.WriteRequest"}, 204, ""),
        (b"\0", {"Content_Type": "", "Content_Encoding": ""}, 204, ""),
        (b"\0" * 5_000_000, {}, 413, "larger than"),
    ],
)
def test_what_is_no_write_request_is_refused_in_words(
    shared: Embedded, body: bytes, headers: dict[str, str], status: int, told: str
) -> None:
    answer = post(shared, body, **headers)
    assert answer.status == status
    assert any(text in answer.body.decode() for text in told.split("|"))
    assert b"Traceback" not in answer.body
    assert post(shared, one({"__name__": "rw_alive"}, (now(), 1.0))).status == 204


def test_labels_that_are_not_utf8_are_refused(shared: Embedded) -> None:
    request = WriteRequest()
    request.timeseries.add(labels=[b"\x0a\x08__name__\x12\x02\xff\xfe"]).samples.add(timestamp=now(), value=1.0)
    answer = post(shared, request)
    assert (answer.status, b"UTF-8" in answer.body) == (400, True)


def answered(store: SqliteStore, request: Any) -> tuple[int, str, bool]:
    """Status, text and whether a sender is told when to come again."""
    api = Api(Starlette(routes=remote_write.routes(store, SelfMetrics(), Bodies(1 << 20))))
    packed = bytes(snappy.compress_raw(request.SerializeToString()))
    answer = api.post("/api/v1/write", content=packed, headers=HEADERS)
    return answer.status_code, answer.text, "retry-after" in answer.headers


def test_too_many_series_and_a_full_queue_are_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "SERIES_LIMIT", 1)
    store = SqliteStore(tmp_path)
    request = one({"__name__": "m", "n": "1"}, (1, 1.0))
    add(request, {"__name__": "m", "n": "2"}, (1, 1.0))
    assert answered(store, request) == (429, "1 x too many different series\n", True)
    assert len(store.series([])) == 1
    store.close()
    assert answered(store, request) == (503, "the server is stopping\n", True)


def test_a_store_that_cannot_write_is_an_error_of_the_server(store: SqliteStore) -> None:
    store.writer.run(lambda connection: connection.execute("DROP TABLE series").rowcount).result(10)
    status, text, _ = answered(store, one({"__name__": "m"}, (1, 1.0)))
    assert status == 500
    assert text.startswith("the store could not write: ")


def test_there_is_no_reading_from_it(shared: Embedded) -> None:
    assert shared.get("prometheus", "/api/v1/write").status == 405


@given(st.binary(max_size=200) | st.lists(st.binary(max_size=30), max_size=5).map(b"\x0a\x1e".join))
def test_no_body_is_more_than_a_refusal(body: bytes) -> None:
    cache = SeriesCache()
    with suppress(BodyError):
        first = parse(body, cache, 0)
        assert first.count >= first.rejected
        assert parse(body, cache, 0) == first


_texts = st.text(max_size=8)


@given(
    st.lists(
        st.tuples(
            st.dictionaries(_texts, _texts, max_size=4),
            st.lists(st.tuples(st.integers(-(2**40), 2**40), st.floats(allow_nan=False)), max_size=4),
        ),
        max_size=5,
    )
)
def test_what_is_sent_is_what_is_taken(sent: list[tuple[dict[str, str], list[tuple[int, float]]]]) -> None:
    request = WriteRequest()
    for labels, samples in sent:
        add(request, {"__name__": "m"} | labels, *samples)
    taken = parse(request.SerializeToString(), SeriesCache(), 2**40)
    good = [(labels, samples) for labels, samples in sent if "" not in labels and labels.get("__name__", "m")]
    expected = [
        (tuple(sorted(pair for pair in ({"__name__": "m"} | labels).items() if pair[1])), time_ms, value)
        for labels, samples in good
        for time_ms, value in samples
    ]
    assert [(s.labels, s.time_ms, s.value) for s in taken.batch.samples] == expected
    assert (taken.rejected > 0) == (len(good) < len(sent))
