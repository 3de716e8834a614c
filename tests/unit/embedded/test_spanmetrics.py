"""Metrics of spans: what is counted, how it becomes samples, and that nothing grows without end."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future
from dataclasses import replace
from urllib.parse import quote

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obsctl.embedded.config import parse
from obsctl.embedded.records import Batch, SpanRecord
from obsctl.embedded.self_metrics import SPANS_NOT_COUNTED, SelfMetrics
from obsctl.embedded.spanmetrics import collector, graph, red
from obsctl.embedded.spanmetrics.collector import SpanMetrics
from obsctl.embedded.spanmetrics.graph import Graph
from obsctl.embedded.spanmetrics.instruments import IDLE_SECONDS, written
from obsctl.embedded.spanmetrics.red import Red
from obsctl.embedded.store.base import StoreFullError, Written
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.errors import UsageError
from tests.unit.embedded.conftest import ask, embedded_server, eventually, make_config
from tests.unit.embedded.memory_store import MemoryStore

MS = 1_000_000
NOW = 1_800_000_000.0


def record(number, *, service="shop", name="GET", kind=2, status=0, took=3 * MS, parent=0, trace=1, **attributes):
    span = Span(
        attributes=[KeyValue(key=k.replace("__", "."), value=AnyValue(string_value=v)) for k, v in attributes.items()]
    )
    return SpanRecord(
        *(trace.to_bytes(16, "big"), number.to_bytes(8, "big"), service, name, kind, status, 10**18, 10**18 + took),
        *(b"", b"", span.SerializeToString(), parent.to_bytes(8, "big") if parent else b""),
    )


def values(rows, now=NOW):
    """Metric name with its labels -> value, as written at ``now``; zeros that come before are left out."""
    samples = [sample for row in rows.due(now) for sample in row.samples(now, now - 1)]
    found = {}
    for sample in samples:
        if sample.time_ms == round(now * 1000):
            labels = dict(sample.labels)
            name = labels.pop("__name__")
            found[name + "".join(f" {k}={v}" for k, v in sorted(labels.items()))] = sample.value
    return found


def test_calls_and_latency():
    counted = Red()
    counted.observe([record(1), record(2, took=0), record(3, took=-5 * MS), record(4, status=2, took=20_000 * MS)], NOW)
    counted.observe([record(5, took=5 * MS)], NOW)
    found = values(counted.rows)
    unset = "service=shop span_kind=SPAN_KIND_SERVER span_name=GET status_code=STATUS_CODE_UNSET"
    assert found[f"traces_spanmetrics_calls_total {unset}"] == 4
    assert found[f"traces_spanmetrics_latency_count {unset}"] == 4
    assert found[f"traces_spanmetrics_latency_sum {unset}"] == pytest.approx(0.008)
    buckets = {
        le: found[f"traces_spanmetrics_latency_bucket le={le} {unset}"] for le in ("0.002", "0.004", "0.008", "+Inf")
    }
    assert buckets == {"0.002": 2, "0.004": 3, "0.008": 4, "+Inf": 4}
    error = unset.replace("UNSET", "ERROR")
    assert found[f"traces_spanmetrics_latency_bucket le=16.384 {error}"] == 0
    assert found[f"traces_spanmetrics_latency_bucket le=+Inf {error}"] == 1


def test_a_span_on_a_bound_belongs_to_its_bucket():
    counted = Red()
    counted.observe([record(1, took=2 * MS)], NOW)
    assert next(v for k, v in values(counted.rows).items() if " le=0.002 " in k) == 1


def test_unknown_enums_are_the_first_one():
    counted = Red()
    counted.observe([record(1, kind=77, status=9)], NOW)
    [calls] = [k for k in values(counted.rows) if "calls_total" in k]
    assert calls.endswith("span_kind=SPAN_KIND_UNSPECIFIED span_name=GET status_code=STATUS_CODE_UNSET")


def test_exemplars_lead_to_the_newest_span_of_a_bucket():
    counted = Red()
    counted.observe([record(1), record(2, trace=7), record(3, status=2, trace=9)], NOW)
    found = {dict(e.labels)["trace_id"]: e for e in counted.exemplars()}
    assert set(found) == {f"{7:032x}", f"{9:032x}"}
    exemplar = found[f"{7:032x}"]
    assert (dict(exemplar.labels)["span_id"], exemplar.value, exemplar.time_ms) == (
        f"{2:016x}",
        0.003,
        round(NOW * 1000),
    )
    assert dict(exemplar.series)["le"] == "0.004"
    assert counted.exemplars() == []


def test_label_sets_have_an_end(monkeypatch):
    monkeypatch.setattr(red, "LIMIT", 2)
    counted = Red()
    counted.observe([record(1, name=str(n)) for n in range(5)], NOW)
    calls = {k.partition(" ")[2]: v for k, v in values(counted.rows).items() if "calls_total" in k}
    assert calls.pop("otel_metric_overflow=true") == 3
    assert list(calls.values()) == [1, 1]


def test_new_series_begin_at_zero_and_idle_ones_are_repeated():
    counted = Red()
    counted.observe([record(1)], NOW)
    [row] = counted.rows.due(NOW)
    first = [s for s in row.samples(NOW, NOW - 2) if dict(s.labels)["__name__"] == "traces_spanmetrics_calls_total"]
    assert [(s.time_ms, s.value) for s in first] == [(round(NOW * 1000) - 2000, 0), (round(NOW * 1000), 1)]
    written([row], NOW)
    assert counted.rows.due(NOW + 1) == []
    assert counted.rows.due(NOW + IDLE_SECONDS) == [row]
    assert counted.rows.due(NOW - 5) == [row], "the clock was set back"
    assert len(list(row.samples(NOW + 1, NOW))) == len(set(row.samples(NOW + 1, NOW)))
    counted.observe([record(2)], NOW)
    assert counted.rows.due(NOW + 1) == [row]


def edges(counted):
    return {
        k.partition(" ")[2]: v
        for k, v in values(counted.rows).items()
        if k.startswith("traces_service_graph_request_total")
    }


CALL = {"kind": 3, "service": "shop", "took": 300 * MS}
SERVED = {"kind": 2, "service": "bank", "parent": 1, "took": 150 * MS}


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_call_makes_an_edge_in_whatever_order_its_sides_arrive(order):
    both = [record(1, **CALL), record(2, **SERVED, status=2)]
    counted = Graph()
    for index in order:
        counted.observe([both[index]], NOW)
    found = values(counted.rows)
    assert found["traces_service_graph_request_total client=shop server=bank"] == 1
    assert found["traces_service_graph_request_failed_total client=shop server=bank"] == 1
    assert found["traces_service_graph_request_server_seconds_sum client=shop server=bank"] == pytest.approx(0.15)
    assert found["traces_service_graph_request_client_seconds_bucket client=shop le=0.4 server=bank"] == 1
    assert found["traces_service_graph_request_client_seconds_bucket client=shop le=0.2 server=bank"] == 0
    counted.observe((), NOW + 60)
    assert not [k for k in values(counted.rows) if "unpaired" in k]


def test_messages_are_edges_of_their_own_kind():
    counted = Graph()
    counted.observe([record(1, kind=4), record(2, kind=5, parent=1, service="worker")], NOW)
    assert edges(counted) == {"client=shop connection_type=messaging_system server=worker": 1}


def test_only_the_same_trace_pairs():
    counted = Graph()
    counted.observe([record(1, **CALL), record(2, **SERVED, trace=2)], NOW)
    assert edges(counted) == {}


@pytest.mark.parametrize(
    ("attributes", "edge"),
    [
        ({"db__system": "postgresql"}, "client=shop connection_type=database server=postgresql"),
        ({"db__system__name": "redis", "db__namespace": "0"}, "client=shop connection_type=database server=0"),
        ({"peer__service": "mail", "db__system": "x"}, "client=shop connection_type=virtual_node server=mail"),
    ],
)
def test_what_sends_no_spans_is_known_by_the_clients_attributes(attributes, edge):
    counted = Graph()
    counted.observe([record(1, **CALL, **attributes)], NOW)
    counted.observe((), NOW + graph.WAIT_SECONDS - 0.1)
    assert edges(counted) == {}
    counted.observe((), NOW + graph.WAIT_SECONDS)
    assert edges(counted) == {edge: 1}


def test_sides_that_stay_alone_are_told():
    counted = Graph()
    counted.observe([record(1, **CALL), record(3, **SERVED | {"parent": 9}), record(4, kind=2), record(5, kind=1)], NOW)
    counted.observe((), NOW + graph.WAIT_SECONDS)
    assert values(counted.rows) == {
        "traces_service_graph_unpaired_spans_total client=shop": 1,
        "traces_service_graph_unpaired_spans_total server=bank": 1,
    }


def test_waiting_spans_and_edges_have_an_end(monkeypatch):
    monkeypatch.setattr(graph, "MAX_WAITING", 2)
    monkeypatch.setattr(graph, "MAX_EDGES", 1)
    counted = Graph()
    counted.observe([record(n, **CALL) for n in range(1, 5)], NOW)
    counted.observe([record(9, **SERVED), record(10, **SERVED | {"parent": 2, "service": "other"})], NOW)
    found = values(counted.rows)
    assert edges(counted) == {"client=shop server=bank": 1}
    assert sum(v for k, v in found.items() if "dropped_spans_total" in k) == 3


class Full:
    """A sink without room for samples, until it has some."""

    def __init__(self):
        self.store, self.full = MemoryStore(), True

    def submit(self, batch):
        if self.full and batch.samples:
            raise StoreFullError("full")
        return self.store.submit(batch)


def test_samples_for_which_there_was_no_room_are_written_later():
    sink = Full()
    counting = SpanMetrics(sink, SelfMetrics())
    counting.submit(Batch(spans=[record(1)])).result()
    eventually(lambda: counting._red.rows.all)
    counting._emit(NOW)
    assert not sink.store.sample_records
    sink.full = False
    counting.close()
    assert {dict(s.labels)["__name__"] for s in sink.store.sample_records} >= {red.CALLS, f"{red.LATENCY}_bucket"}
    assert {m.family for m in sink.store.metadata_records} >= {red.CALLS, red.LATENCY, graph.TOTAL}


class Answering:
    """A sink whose answers a test chooses."""

    def __init__(self, answer):
        self.answer = answer

    def submit(self, batch):
        done = Future()
        if isinstance(self.answer, Exception):
            done.set_exception(self.answer)
        else:
            done.set_result(self.answer)
        return done


@pytest.mark.parametrize(("answer", "counted"), [(Written(1), 1), (Written(0, 1), 0), (OSError("disk full"), 0)])
def test_only_what_was_stored_and_new_is_counted(answer, counted):
    counting = SpanMetrics(Answering(answer), SelfMetrics())
    counting.submit(Batch(spans=[record(1)]))
    counting.close()
    assert len(counting._red.rows.all) == counted


def test_a_span_that_is_replaced_by_a_fuller_copy_is_counted_once(tmp_path):
    begun = record(1)
    done = replace(begun, end_ns=begun.end_ns + 5, payload=begun.payload + b"more")
    store = SqliteStore(tmp_path)
    counting = SpanMetrics(store, SelfMetrics())
    # again in a batch of its own, twice in one batch, and with another span that is new
    for batch in ([begun], [done], [record(2), done, done], [record(3), replace(record(3), payload=b"more")]):
        counting.submit(Batch(spans=batch)).result()
    counting.close()
    calls = {key: value for key, value in values(counting._red.rows).items() if red.CALLS in key}
    store.close()
    assert sum(calls.values()) == 3


def test_spans_that_are_too_many_are_told(monkeypatch):
    monkeypatch.setattr(collector, "_MAX_WAITING", 3)
    own = SelfMetrics()
    counting = SpanMetrics(Answering(Written(2)), own)
    counting.submit(Batch(spans=[record(n) for n in range(1, 6)]))
    assert own.value(SPANS_NOT_COUNTED) == 5
    counting.close()


def span(number, name, kind, parent, *, took, status=0):
    start = time.time_ns()
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + took * MS),
        "status": {"code": status},
    }


def request(service, *spans):
    name = {"key": "service.name", "value": {"stringValue": service}}
    return {"resourceSpans": [{"resource": {"attributes": [name]}, "scopeSpans": [{"spans": list(spans)}]}]}


@pytest.mark.usefixtures("starts_programs")
def test_a_server_answers_with_them(tmp_path):
    with embedded_server(tmp_path, span_metrics=True) as server:
        bodies = (
            request("shop", span(1, "GET /", 2, 0, took=30), span(2, "call", 3, 1, took=20, status=2)),
            request("bank", span(3, "charge", 2, 2, took=10)),
        )
        for _ in range(2):  # a client that tries again does not count twice
            for body in bodies:
                headers = {"Content-Type": "application/json"}
                assert (
                    ask("POST", server.url("otlp_http", "/v1/traces"), json.dumps(body).encode(), headers).status == 200
                )

        def query(text):
            found = server.get("prometheus", f"/api/v1/query?query={quote(text)}").json["data"]["result"]
            return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in found}

        by = "sum by (service, span_name, status_code) (traces_spanmetrics_calls_total)"
        eventually(lambda: len(query(by)) == 3)
        assert [(dict(k)["service"], v) for k, v in sorted(query(by).items())] == [
            ("bank", 1),
            ("shop", 1),
            ("shop", 1),
        ]
        graphed = query("traces_service_graph_request_failed_total")
        assert [(dict(k)["client"], dict(k)["server"], v) for k, v in graphed.items()] == [("shop", "bank", 1)]
        assert query('sum(increase(traces_spanmetrics_calls_total{service="bank"}[1m])) > 0')
        quantile = 'histogram_quantile(0.5, traces_spanmetrics_latency_bucket{span_name="charge"})'
        assert 0.008 < next(iter(query(quantile).values())) <= 0.016
        window = f"start={time.time() - 60}&end={time.time() + 60}"
        asked = f"/api/v1/query_exemplars?query=traces_spanmetrics_latency_bucket&{window}"
        exemplars = server.get("prometheus", asked).json["data"]
        assert {e["labels"]["trace_id"] for one in exemplars for e in one["exemplars"]} == {
            "5b8efff798038103d269b633813fc60c"
        }
        types = server.get("prometheus", "/api/v1/metadata").json["data"]
        assert types["traces_spanmetrics_latency"][0]["type"] == "histogram"


def test_it_can_be_off(tmp_path):
    config = make_config(tmp_path)
    for asked, counted in (({}, False), ({"span_metrics": False}, False), ({"span_metrics": True}, True)):
        assert parse(config | asked).span_metrics is counted
    with pytest.raises(UsageError, match="span_metrics must be true or false, not 1"):
        parse(config | {"span_metrics": 1})
