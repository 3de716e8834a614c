"""OTLP over HTTP, against a real server process."""

from __future__ import annotations

import gzip
import json
import os
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from .conftest import Answer, Embedded, ask, eventually, held_up

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
SIGNALS = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}


def trace_request(*, spans: int = 1, service: str = "api", trace_id: bytes | None = None) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = service
    trace_id = trace_id or os.urandom(16)
    for number in range(spans):
        group.scope_spans.add().spans.add(
            trace_id=trace_id,
            span_id=os.urandom(8),
            name=f"op {number}",
            kind=2,
            start_time_unix_nano=time.time_ns(),
            end_time_unix_nano=time.time_ns() + 1000,
        )
    return request


def post(server: Embedded, body: bytes, headers: dict[str, str] = PROTOBUF, path: str = "/v1/traces") -> Answer:
    return ask("POST", server.url("otlp_http", path), body, headers)


def stored(server: Embedded, trace_id: bytes) -> list[dict[str, Any]]:
    answer = server.get("jaeger", f"/api/traces/{trace_id.hex()}")
    return answer.json["data"][0]["spans"] if answer.status == 200 else []


@pytest.mark.parametrize("compress", [None, "gzip", "deflate"])
def test_spans_are_stored_once_they_are_acknowledged(shared: Embedded, compress: str | None) -> None:
    trace_id = os.urandom(16)
    body = trace_request(spans=3, trace_id=trace_id).SerializeToString()
    packed = {None: bytes, "gzip": gzip.compress, "deflate": zlib.compress}[compress](body)
    answer = post(shared, packed, PROTOBUF | ({"Content-Encoding": compress} if compress else {}))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert sorted(span["operationName"] for span in stored(shared, trace_id)) == ["op 0", "op 1", "op 2"]


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_empty_request_is_a_success_in_either_encoding(shared: Embedded, signal: str) -> None:
    assert post(shared, b"", PROTOBUF, f"/v1/{signal}").body == b""
    answer = post(shared, b"{}", JSON, f"/v1/{signal}")
    assert (answer.status, answer.json, answer.headers["content-type"]) == (200, {}, "application/json")


def test_a_batch_sent_twice_is_stored_once_and_counted(shared: Embedded) -> None:
    trace_id = os.urandom(16)
    body = trace_request(spans=4, trace_id=trace_id).SerializeToString()
    before = shared.own('obsctl_items_duplicate_total{signal="traces",transport="http"}')
    assert [post(shared, body).status for _ in range(2)] == [200, 200]
    assert len(stored(shared, trace_id)) == 4
    assert shared.own('obsctl_items_duplicate_total{signal="traces",transport="http"}') == before + 4


def test_a_span_sent_again_with_its_end_replaces_the_other_and_is_counted(shared: Embedded) -> None:
    trace_id = os.urandom(16)
    done = trace_request(spans=2, trace_id=trace_id)
    begun = ExportTraceServiceRequest.FromString(done.SerializeToString())
    for scoped in done.resource_spans[0].scope_spans:
        for one in scoped.spans:
            one.end_time_unix_nano = 2 * 10**18
    done.resource_spans[0].scope_spans[0].spans[0].status.code = 2
    counts = {name: f'obsctl_items_{name}_total{{signal="traces",transport="http"}}' for name in COUNTED}
    before = {name: shared.own(metric) for name, metric in counts.items()}
    answers = [post(shared, body.SerializeToString()) for body in (begun, done, done, begun)]
    said = [ExportTraceServiceResponse.FromString(answer.body).partial_success for answer in answers]
    assert [(one.rejected_spans, one.error_message) for one in said] == [
        (0, ""),
        (0, "2 x span sent again with more in it: it replaced the other"),
        (0, ""),
        (2, "2 x span sent again with no more in it: the other one is kept"),
    ]
    change = {name: shared.own(metric) - before[name] for name, metric in counts.items()}
    assert change == {"received": 8, "accepted": 4, "replaced": 2, "duplicate": 2, "rejected": 2}
    assert change["accepted"] + change["duplicate"] + change["rejected"] == change["received"]
    tags = {tag["key"] for one in stored(shared, trace_id) for tag in one["tags"]}
    assert "error" in tags


COUNTED = ("received", "accepted", "replaced", "duplicate", "rejected")


def test_json_takes_what_the_specification_allows(shared: Embedded) -> None:
    trace_id = os.urandom(16)
    span = {
        "traceId": trace_id.hex().upper(),
        "span_id": "EEE19B7EC3C1B174",
        "name": "GET /cart",
        "kind": "SPAN_KIND_SERVER",
        "startTimeUnixNano": 1_754_000_000_000_000_000,
        "end_time_unix_nano": "1754000000000000500",
        "attributes": [{"key": "n", "value": {"intValue": 42}}, {"key": "bytes", "value": {"bytesValue": "AAEC"}}],
        "links": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b175"}],
        "status": {"code": 2},
        "invented": {"deep": [1, {"er": None}]},
    }
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}], "alsoInvented": 1}
    assert post(shared, json.dumps(document).encode(), JSON).status == 200
    (found,) = stored(shared, trace_id)
    assert found["spanID"] == "eee19b7ec3c1b174"
    assert found["references"][0]["traceID"] == "5b8efff798038103d269b633813fc60c"
    assert {"key": "span.kind", "type": "string", "value": "server"} in found["tags"]
    assert found["duration"] == 0


def test_invalid_spans_are_rejected_by_name_and_their_neighbours_stored(shared: Embedded) -> None:
    request = trace_request(spans=2)
    trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id
    bad = request.resource_spans[0].scope_spans[0].spans
    bad.add(trace_id=b"short", span_id=b"12345678")
    bad.add(trace_id=bytes(16), span_id=b"12345678")
    bad.add(trace_id=trace_id, span_id=bytes(8))
    bad.add(trace_id=trace_id, span_id=b"12345678", start_time_unix_nano=1 << 63)
    answer = post(shared, request.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 4)
    for reason in ("trace_id of 5 bytes instead of 16", "all-zero trace_id", "all-zero span_id", "2262"):
        assert reason in partial.error_message
    assert len(stored(shared, trace_id)) == 2


def test_a_span_that_ends_before_it_starts_is_kept(shared: Embedded) -> None:
    request = trace_request()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.end_time_unix_nano = span.start_time_unix_nano - 5
    assert post(shared, request.SerializeToString()).body == b""
    assert len(stored(shared, span.trace_id)) == 1


def status_of(answer: Answer) -> tuple[int, str]:
    """Code and message of the ``google.rpc.Status`` in an answer."""
    if answer.headers["content-type"] == "application/json":
        return answer.json["code"], answer.json["message"]
    found = Status.FromString(answer.body)
    return found.code, found.message


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"\xff\xff\xff", PROTOBUF, "not a protobuf"),
        (b"{", JSON, "not a JSON"),
        (b"[]", JSON, "JSON object"),
        (b"\xff\xfe", JSON, "not a JSON"),
        (b'{"resourceSpans": 5}', JSON, "not a JSON"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}', JSON, "hexadecimal"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "-1"}]}]}]}', JSON, "not a JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, JSON, "not a JSON"),
        (b"1" * 10_000, JSON, "not a JSON"),
        (b"no gzip at all", PROTOBUF | {"Content-Encoding": "gzip"}, "cannot be decompressed"),
        (gzip.compress(os.urandom(5000))[:-100], PROTOBUF | {"Content-Encoding": "gzip"}, "ends too early"),
    ],
)
def test_malformed_bodies_are_answered_with_400_in_the_encoding_of_the_request(
    shared: Embedded, body: bytes, headers: dict[str, str], says: str
) -> None:
    answer = post(shared, body, headers)
    assert answer.status == 400
    assert answer.headers["content-type"] == headers["Content-Type"].partition(";")[0]
    code, message = status_of(answer)
    assert code == 3
    assert says in message
    assert len(message) < 600


def test_deeply_nested_attribute_values_are_no_danger(shared: Embedded) -> None:
    deep = '{"arrayValue":{"values":[' * 400 + "{}" + "]}}" * 400
    attribute = f'{{"key":"k","value":{deep}}}'
    span = f'{{"traceId":"{"ab" * 16}","spanId":"{"cd" * 8}","attributes":[{attribute}]}}'
    body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}'
    assert post(shared, body.encode(), JSON).status == 400


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/protobuf", "application/jsonx"])
def test_another_content_type_is_415(shared: Embedded, content_type: str) -> None:
    answer = post(shared, b"", {"Content-Type": content_type} if content_type else {})
    assert answer.status == 415
    assert "application/x-protobuf, application/json" in status_of(answer)[1]


def test_another_content_encoding_is_415_and_says_what_would_do(shared: Embedded) -> None:
    answer = post(shared, b"", PROTOBUF | {"Content-Encoding": "br"})
    offered = "identity, gzip, deflate, zstd, snappy, x-snappy-framed"
    assert (answer.status, answer.headers["accept-encoding"]) == (415, offered)


def test_other_methods_and_paths(shared: Embedded) -> None:
    answer = ask("GET", shared.url("otlp_http", "/v1/traces"))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert post(shared, b"", PROTOBUF, "/v1/traces/").status == 404
    assert post(shared, b"", PROTOBUF, "/v1/profiles").status == 404
    assert ask("POST", shared.url("jaeger", "/v1/traces"), b"", PROTOBUF).status == 404


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_over_the_limit_is_413_judged_after_decompression(shared: Embedded, encoding: str) -> None:
    limit = shared.config["limits"]["body_bytes"]
    pack: Callable[[bytes], bytes] = gzip.compress if encoding == "gzip" else bytes
    over = post(shared, pack(b"\x00" * (limit + 1)), PROTOBUF | {"Content-Encoding": encoding})
    assert (over.status, status_of(over)[0]) == (413, 8)
    at = post(shared, pack(b"\x00" * limit), PROTOBUF | {"Content-Encoding": encoding})
    assert at.status == 400


def test_a_body_without_a_length_is_limited_too(shared: Embedded) -> None:
    chunk = b"10000\r\n" + b"\x00" * 0x10000 + b"\r\n"
    body = chunk * (shared.config["limits"]["body_bytes"] // 0x10000 + 1) + b"0\r\n\r\n"
    answer = ask("POST", shared.url("otlp_http", "/v1/traces"), body, PROTOBUF | {"Transfer-Encoding": "chunked"})
    assert answer.status == 413


def test_a_gzip_bomb_is_refused_without_being_inflated(shared: Embedded) -> None:
    one = gzip.compress(b"\x00" * (64 << 20))
    before = peak_memory(shared)
    answer = post(shared, one * 16, PROTOBUF | {"Content-Encoding": "gzip"})
    assert answer.status == 413
    assert peak_memory(shared) - before < 64 << 20


def peak_memory(server: Embedded) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def test_a_full_queue_is_503_with_a_time_to_come_back(embedded: Callable[..., Embedded]) -> None:
    server = embedded(limits={"body_bytes": 4 << 20, "queue_items": 1})
    refusals = 'obsctl_requests_refused_total{signal="traces",transport="http",code="503"}'
    bodies = [trace_request().SerializeToString() for _ in range(6)]
    with ThreadPoolExecutor(len(bodies)) as pool:
        with held_up(server):
            pending = [pool.submit(post, server, body) for body in bodies]
            # One is being written and one may wait for its turn; there is no room for any other.
            eventually(lambda: server.own(refusals) >= 4)
        answers = [one.result() for one in pending]
    refused = [answer for answer in answers if answer.status == 503]
    kept = [answer for answer in answers if answer.status == 200]
    assert len(refused) + len(kept) == 6
    assert 1 <= len(kept) <= 2
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert {status_of(answer) for answer in refused} == {(14, "the write queue is full")}
    assert server.own('obsctl_items_accepted_total{signal="traces",transport="http"}') == len(kept)
    assert post(server, bodies[0]).status == 200


def test_what_must_not_be_stored_is_not(shared: Embedded) -> None:
    request = trace_request()
    group = request.resource_spans[0]
    scoped = group.scope_spans[0]
    span = scoped.spans[0]
    secret, canary = "hunter2", "jane.doe@example.com"
    for holder in (group.resource, scoped.scope, span, span.events.add(name="e"), span.links.add(trace_id=b"x" * 16)):
        holder.attributes.add(key="user.email").value.string_value = canary
        holder.attributes.add(key="db.password").value.string_value = secret
        holder.attributes.add(key="note").value.string_value = f"wrote to {canary} today"
        nested = holder.attributes.add(key="user").value.kvlist_value.values
        nested.add(key="email").value.string_value = canary
        nested.add(key="name").value.array_value.values.add().string_value = canary
    span.name = f"mail {canary}"
    span.status.message = f"bounced: {canary}"
    assert post(shared, request.SerializeToString()).body == b""
    shown = shared.get("jaeger", f"/api/traces/{span.trace_id.hex()}").body.decode()
    assert "wrote to **** today" in shown
    assert "mail ****" in shown
    assert "bounced: ****" in shown
    assert canary not in shown
    assert secret not in shown
    for file in Path(shared.config["data_dir"]).iterdir():
        assert canary.encode() not in file.read_bytes()
        assert secret.encode() not in file.read_bytes()
    assert shared.own('obsctl_scrubbed_total{action="dropped"}') >= 15
    assert shared.own('obsctl_scrubbed_total{action="masked"}') >= 12


def test_otlp_is_taken_at_the_paths_of_loki_and_prometheus(shared: Embedded) -> None:
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": "by loki"}, "attributes": []}
    record["attributes"] = [
        {"key": "http", "value": {"kvlistValue": {"values": [{"key": "m", "value": {"intValue": 7}}]}}}
    ]
    group = {"attributes": [{"key": "service.name", "value": {"stringValue": "otlp-loki"}}]}
    logs = {"resourceLogs": [{"resource": group, "scopeLogs": [{"logRecords": [record]}]}]}
    answer = ask("POST", shared.url("loki", "/otlp/v1/logs"), json.dumps(logs).encode(), JSON)
    assert (answer.status, answer.body) == (204, b"")
    query = "query=%7Bservice_name=%22otlp-loki%22%7D"
    found = shared.get("loki", f"/loki/api/v1/query_range?{query}%7Chttp_m=%227%22").json["data"]["result"]
    assert [value[1] for stream in found for value in stream["values"]] == ["by loki"]
    assert shared.get("loki", f"/loki/api/v1/detected_field/http_m/values?{query}").json["values"] == ["7"]
    point = {"timeUnixNano": str(time.time_ns()), "asInt": "7"}
    metric = {"name": "by_prometheus", "gauge": {"dataPoints": [point]}}
    metrics = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    url = shared.url("prometheus", "/api/v1/otlp/v1/metrics")
    assert ask("POST", url, json.dumps(metrics).encode(), JSON).status == 200
    (series,) = shared.get("prometheus", "/api/v1/query?query=by_prometheus").json["data"]["result"]
    assert series["value"][1] == "7"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/", "/v1/logs"),
        ("/v1/trace", "POST /v1/traces?"),
        ("/v1/metrics/", "POST /v1/metrics?"),
        ("/x/log", "/v1/logs?"),
    ],
)
def test_a_wrong_path_is_told_the_right_one_and_counted(shared: Embedded, path: str, meant: str) -> None:
    label = "other" if path == "/x/log" else path
    before = shared.own(f'obsctl_unknown_path_requests_total{{path="{label}"}}')
    answer = post(shared, b"", PROTOBUF, path)
    assert (answer.status, meant.encode() in answer.body) == (404, True), answer.body
    assert shared.own(f'obsctl_unknown_path_requests_total{{path="{label}"}}') == before + 1


def test_ids_of_zeros_are_none_in_log_records_and_exemplars(shared: Embedded) -> None:
    zeros = {"traceId": "0" * 32, "spanId": "0" * 16}
    now = time.time_ns()
    record = {"timeUnixNano": str(now), "body": {"stringValue": "zero ids"}, **zeros}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert post(shared, json.dumps(logs).encode(), JSON, "/v1/logs").json == {}
    exemplar = {"timeUnixNano": str(now), "asDouble": 1.0, **zeros}
    point = {"timeUnixNano": str(now), "asDouble": 1.0, "exemplars": [exemplar]}
    metric = {"name": "zero_ids", "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}}
    metrics = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    assert post(shared, json.dumps(metrics).encode(), JSON, "/v1/metrics").json == {}
    window = f"start={now / 1e9 - 9}&end={now / 1e9 + 9}"
    query = quote('{service_name=~".+"} |= "zero ids"')
    found = shared.get("loki", f"/loki/api/v1/query_range?query={query}")
    (stream,) = found.json["data"]["result"]
    assert not {"trace_id", "span_id"} & stream["stream"].keys()
    found = shared.get("prometheus", f"/api/v1/query_exemplars?query=zero_ids_total&{window}")
    assert [one["labels"] for series in found.json["data"] for one in series["exemplars"]] == [{}]
