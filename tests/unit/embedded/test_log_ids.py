"""`log_ids: labels`: lines of a request are found by label, whether they came from a file or by OTLP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from obsctl.render.stack import embedded as embedded_stack
from obsctl.spec.load import load_stack
from obsctl.spec.stack import Stack

from .conftest import Embedded, ask, eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
LABELS = {"labels": ["level", "trace_id", "span_id", "request_id"], "metadata": []}
METADATA = {"labels": ["level"], "metadata": ["trace_id", "span_id", "request_id"]}


def stack(log_ids: str) -> Stack:
    made = load_stack(Path("/"))
    return replace(made, choices=replace(made.choices, log_ids=log_ids))


@pytest.mark.parametrize(("log_ids", "fields"), [("labels", LABELS), ("metadata", METADATA)])
def test_the_embedded_server_is_told_what_ids_become(log_ids: str, fields: dict[str, list[str]]) -> None:
    backend = embedded_stack(stack(log_ids), version="0").processes[0]
    (config,) = (json.loads(file.text) for file in backend.files if file.path.endswith("embedded.json"))
    assert config["log_fields"] == fields


def lines(server: Embedded, query: str) -> list[str]:
    path = f"/loki/api/v1/query_range?query={quote(query)}&start={time.time_ns() - 60 * 10**9}"
    streams = server.get("loki", path).json["data"]["result"]
    return sorted(line for stream in streams for _, line in stream["values"])


@pytest.mark.parametrize("fields", [LABELS, METADATA], ids=["labels", "metadata"])
def test_lines_of_a_request_are_found_as_the_spec_says(
    embedded: Callable[..., Embedded], tmp_path: Path, fields: dict[str, list[str]]
) -> None:
    file = tmp_path / "web.log"
    file.write_text(json.dumps({"message": "from a file", "trace_id": TRACE, "request_id": "r1"}) + "\n")
    server = embedded(log_fields=fields, log_files=[{"path": str(file), "labels": {"service_name": "web"}}])
    attributes = [{"key": "request_id", "value": {"stringValue": "r1"}}]
    record = {"traceId": TRACE, "spanId": "1" * 16, "body": {"stringValue": "by OTLP"}, "attributes": attributes}
    sent = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"body": {"stringValue": "without ids"}}]}]}]}
    headers = {"Content-Type": "application/json"}
    assert ask("POST", server.url("otlp_http", "/v1/logs"), json.dumps(sent).encode(), headers).status == 200
    both = f'{{service_name=~".+"}} | trace_id="{TRACE}" | request_id="r1"'
    assert eventually(lambda: len(lines(server, both)) == 2)
    for name, value in (("trace_id", TRACE), ("request_id", "r1")):
        assert len(lines(server, f'{{{name}="{value}"}}')) == (2 if fields is LABELS else 0)
    assert lines(server, '{service_name=~".+"} |= "without"') == ["without ids"]
