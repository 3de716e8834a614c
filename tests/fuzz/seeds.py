"""Real requests: what exporters, scrapers, shippers and pages send, as the campaign begins with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obsctl.embedded.loki.push import PushRequest
from obsctl.embedded.prometheus.write_requests import Label, Request, WriteRequest

NOW_NS = 1_754_000_000 * 10**9


def _attributes(owner: Any) -> None:
    owner.attributes.add(key="http.route").value.string_value = "/orders/{id}"
    owner.attributes.add(key="http.status").value.int_value = 200
    owner.attributes.add(key="ratio").value.double_value = 0.5
    owner.attributes.add(key="list").value.array_value.values.add().bool_value = True
    owner.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.bytes_value = b"\x01\x02"


def _traces() -> Message:
    request = ExportTraceServiceRequest()
    found = request.resource_spans.add()
    _attributes(found.resource)
    scope = found.scope_spans.add()
    scope.scope.name = "shop"
    span = scope.spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, parent_span_id=b"\x03" * 8, name="GET", kind=2)
    span.start_time_unix_nano, span.end_time_unix_nano, span.trace_state = NOW_NS, NOW_NS + 10**6, "obsctl=1"
    _attributes(span)
    _attributes(span.events.add(name="exception", time_unix_nano=NOW_NS))
    _attributes(span.links.add(trace_id=b"\x04" * 16, span_id=b"\x05" * 8))
    span.status.code, span.status.message = 2, "failed"
    return request


def _logs() -> Message:
    request = ExportLogsServiceRequest()
    found = request.resource_logs.add()
    _attributes(found.resource)
    record = found.scope_logs.add().log_records.add(time_unix_nano=NOW_NS, severity_number=17, severity_text="ERROR")
    record.body.string_value, record.trace_id, record.span_id = '{"level":"error"}', b"\x01" * 16, b"\x02" * 8
    _attributes(record)
    return request


def _metrics() -> Message:
    request = ExportMetricsServiceRequest()
    found = request.resource_metrics.add()
    _attributes(found.resource)
    metrics = found.scope_metrics.add().metrics
    _attributes(metrics.add(name="gauge", unit="s").gauge.data_points.add(time_unix_nano=NOW_NS, as_double=1.5))
    counter = metrics.add(name="counter", unit="1").sum
    counter.is_monotonic, counter.aggregation_temporality = True, 1
    counter.data_points.add(start_time_unix_nano=NOW_NS - 10**9, time_unix_nano=NOW_NS, as_int=3)
    histogram = metrics.add(name="seconds").histogram
    histogram.aggregation_temporality = 2
    point = histogram.data_points.add(
        time_unix_nano=NOW_NS, count=3, sum=1.5, bucket_counts=[1, 2], explicit_bounds=[1]
    )
    point.exemplars.add(time_unix_nano=NOW_NS, as_double=0.1, trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    exponential = metrics.add(name="exponential").exponential_histogram.data_points.add(time_unix_nano=NOW_NS, count=1)
    exponential.positive.bucket_counts.append(1)
    summary = metrics.add(name="summary").summary.data_points.add(time_unix_nano=NOW_NS, count=1, sum=1)
    summary.quantile_values.add(quantile=0.5, value=1)
    return request


OTLP: Mapping[str, Message] = {"traces": _traces(), "logs": _logs(), "metrics": _metrics()}


def otlp_json(signal: str) -> bytes:
    """The request as JSON; ids are hex, as OTLP has them."""
    text = MessageToJson(OTLP[signal], indent=None)
    ids = {b"AQEBAQEBAQEBAQEBAQEBAQ==": b"01" * 16, b"AgICAgICAgI=": b"02" * 8, b"AwMDAwMDAwM=": b"03" * 8}
    data = text.encode()
    for packed, plain in ids.items():
        data = data.replace(packed, plain)
    return data


def push() -> bytes:
    """A push of Loki's as protobuf."""
    request = PushRequest()
    stream = request.streams.add(labels='{service_name="api", level="info"}')
    entry = stream.entries.add(line="level=info msg=hello")
    entry.timestamp.seconds = NOW_NS // 10**9
    entry.metadata.add(name="trace_id", value="ab")
    return bytes(request.SerializeToString())


def push_json() -> bytes:
    """The same as JSON."""
    values = [[str(NOW_NS), "level=info msg=hello", {"trace_id": "ab"}], [str(NOW_NS + 1), '{"a":1}']]
    return json.dumps({"streams": [{"stream": {"service_name": "api"}, "values": values}]}).encode()


def remote_write_2() -> bytes:
    """A request of remote write 2.0."""
    request = Request(
        symbols=["", "__name__", "fuzz_seconds_bucket", "le", "1.0", "trace_id", "ab", "Help.", "seconds"]
    )
    series = request.timeseries.add(labels_refs=[1, 2, 3, 4])
    series.samples.add(value=1.0, timestamp=NOW_NS // 10**6)
    series.exemplars.add(labels_refs=[5, 6], value=0.5, timestamp=NOW_NS // 10**6)
    series.metadata.type, series.metadata.help_ref, series.metadata.unit_ref = 3, 7, 8
    return bytes(request.SerializeToString())


def remote_write() -> bytes:
    """A request of remote write 1.0."""
    request = WriteRequest()
    labels = [Label(name=name, value=value).SerializeToString() for name, value in (("__name__", "up"), ("job", "api"))]
    series = request.timeseries.add(labels=labels)
    series.samples.add(value=1, timestamp=NOW_NS // 10**6)
    series.exemplars.add(value=1, timestamp=NOW_NS // 10**6).labels.add(name="trace_id", value="ab")
    request.metadata.add(type=1, metric_family_name="up", help="Up.", unit="")
    return bytes(request.SerializeToString())


PAGES = (
    '# HELP a_total Help.\n# TYPE a_total counter\na_total{x="1",y="\\"q\\\\"} 1 1754000000000\n',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 1.5\nh_count 2\n{"größe"} NaN\n',
    '# TYPE a counter\n# UNIT a_seconds seconds\na_total 1 1.5 # {trace_id="ab"} 0.5 1.2\n# EOF\n',
)
ALERTS = (
    b'[{"labels":{"alertname":"Down","job":"api"},"annotations":{"summary":"x"},"startsAt":"2025-08-01T10:00:00Z"}]',
)
_SILENCE = {"startsAt": "2025-08-01T10:00:00Z", "endsAt": "2035-08-01T10:00:00Z", "createdBy": "me", "comment": ""}
SILENCES = (json.dumps({"matchers": [{"name": "a", "value": "b", "isRegex": True}], **_SILENCE}).encode(),)
NOTIFICATIONS = (
    b'{"version":"4","status":"firing","receiver":"own","alerts":[{"status":"firing","labels":{"a":"b"}}]}',
)
PROMQL = (
    'sum by (job) (rate(http_requests_total{job=~"a.*",code!="500"}[5m] offset 1m @ 9))',
    "histogram_quantile(0.9, sum(rate(h_bucket[1m:5s])) by (le)) > bool 1 and on(a) group_left(b) up unless -x ^ 2",
    'label_replace(up, "a", "$1", "b", "(.*)") or absent_over_time(x[1h])',
    'topk(3, {__name__="größe", "x y"="\\u00e9"}) == 1e3',
)
LOGQL = (
    '{a="b", c=~"d|e"} |= "x" != `y` |~ "z.*" | json a="b.c[0]" | logfmt --strict | level="error" and x > 5ms',
    'sum by (a) (rate({a="b"} | pattern "<_> <x>" | unwrap bytes(x) | __error__="" [5m] offset 1m)) / 2',
    '{a="b"} | line_format "{{.a | upper}} {{ if eq .b 1.0 }}x{{ end }}" | label_format c=d | decolorize | drop a',
)
TRACEQL = (
    '{ resource.service.name = "api" && span.http.status >= 400 || name =~ "a.*" } >> { status = error } | count() > 2',
    "{ duration > 1s && kind = server } | avg(duration) > 1ms | select(span.a)",
)
TEMPLATES = (
    '{{ range $k, $v := .Labels }}{{ $k }}={{ printf "%q" $v }}{{ else }}x{{ end }}',
    '{{ with query "up" | first }}{{ value . | humanize }}{{ end }}{{ $labels.job }}{{/* c */}}',
)
