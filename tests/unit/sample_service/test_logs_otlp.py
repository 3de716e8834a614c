"""``OTEL_LOGS_EXPORTER=otlp``: the lines of stdout as records, where nobody follows files."""

from __future__ import annotations

import io
import logging

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sample_service import logs, request_context
from sample_service.telemetry import Telemetry, exports_logs
from tests.unit.sample_service.collector import collecting
from tests.unit.sample_service.test_log_file import as_before

__all__ = ["as_before"]


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
        ({"OTEL_LOGS_EXPORTER": "otlp"}, False),
        ({"OTEL_LOGS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, False),
        ({"OTEL_LOGS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, True),
    ],
)
def test_lines_are_sent_only_where_that_is_asked_for(environ: dict[str, str], sent: bool) -> None:
    assert exports_logs(environ) == sent


def test_a_record_is_the_line_with_its_ids_beside_it_and_is_sent_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = io.StringIO()
    with collecting() as collector:
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        telemetry = Telemetry("api")
        logs.setup("api", out, also=telemetry.log_handler())
        with request_context.begin("r-1"), telemetry._provider.get_tracer("t").start_as_current_span("s") as span:
            logging.getLogger("sample_service.test").warning("hello")
            logging.getLogger("opentelemetry.sdk").warning("no collector")
        logs.shutdown()
        telemetry.shutdown()
    (request,) = map(ExportLogsServiceRequest.FromString, collector.logs)
    (group,) = request.resource_logs
    (record,) = group.scope_logs[0].log_records
    assert {a.key: a.value.string_value for a in group.resource.attributes}["service.name"] == "api"
    assert record.body.string_value == out.getvalue().splitlines()[0]
    assert (record.severity_text, record.severity_number) == ("warning", 13)
    assert record.trace_id == span.get_span_context().trace_id.to_bytes(16)
    assert [(a.key, a.value.string_value) for a in record.attributes] == [("request_id", "r-1")]
