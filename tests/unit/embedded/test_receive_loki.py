"""Loki's push API, against a real server process."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from .conftest import Answer, Embedded, ask


def push(server: Embedded, body: Any, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    merged = {"Content-Type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
    return ask("POST", server.url("loki", "/loki/api/v1/push"), data, merged)


def streams(*values: Any, **labels: str) -> dict[str, Any]:
    return {"streams": [{"stream": labels, "values": list(values)}]}


def lines(server: Embedded, selector: str) -> list[str]:
    path = f"/loki/api/v1/query_range?direction=forward&query={quote(selector)}"
    return [value[1] for stream in server.get("loki", path).json["data"]["result"] for value in stream["values"]]


def now() -> str:
    return str(time.time_ns())


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_pushed_lines_can_be_queried_at_once(shared: Embedded, pack: Any) -> None:
    body = streams([now(), "hello"], [now(), "again", {"trace_id": "ab" * 16}], app=f"push-{pack.__name__}")
    headers = {"Content_Encoding": "gzip"} if pack is gzip.compress else {}
    answer = push(shared, pack(json.dumps(body).encode()), **headers)
    assert (answer.status, answer.body) == (204, b"")
    assert lines(shared, f'{{app="push-{pack.__name__}"}}') == ["hello", "again"]
    assert lines(shared, f'{{app="push-{pack.__name__}"}} | trace_id="{"ab" * 16}"') == ["again"]


def test_entries_over_a_limit_are_refused_and_the_others_stored(shared: Embedded) -> None:
    late = str(time.time_ns() + 3_600 * 10**9)
    answer = push(shared, streams([now(), "fine"], [late, "late"], [now(), "x" * 300_000], app="limits"))
    assert answer.status == 400
    assert b"timestamp too new" in answer.body
    assert b"max entry size" in answer.body
    assert lines(shared, '{app="limits"}') == ["fine"]
    many = {f"l{n}": "v" for n in range(16)}
    assert b"16 label names; limit 15" in push(shared, streams([now(), "x"], **many)).body
    assert b"at least one label pair" in push(shared, streams([now(), "x"])).body
    assert b"invalid label name" in push(shared, streams([now(), "x"], **{"a-b": "c"})).body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b"{}", 400),
        (b'{"streams": []}', 422),
        (b'{"streams": [{"stream": {"a": 1}, "values": []}]}', 400),
        (streams([1, "number for a time"], a="b"), 400),
        (streams(["soon", "word for a time"], a="b"), 400),
        (streams(["1"], a="b"), 400),
        (streams(["1", "x", {"k": 1}], a="b"), 400),
        (streams(["1", "x", {}, "more"], a="b"), 400),
        (streams(["9" * 30, "x"], a="b"), 400),
        (b'{"streams": [{"stream": {"a": "\\ud800"}, "values": [["1", "x"]]}]}', 400),
        (b'{"streams": [{"stream": {"a": "b"}, "values": [["1", "\\ud800"]]}]}', 400),
        (b'{"streams": [{"stream": {"a": "b"}, "values": [["1", "x", {"k": "\\ud800"}]]}]}', 400),
        (b"[" * 100_000, 400),
    ],
)
def test_what_is_no_push_request_is_refused_in_a_sentence(shared: Embedded, body: Any, status: int) -> None:
    answer = push(shared, body)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert 10 < len(answer.body) < 600


def test_the_protobuf_form_is_refused_and_says_what_would_do(shared: Embedded) -> None:
    answer = push(shared, b"", Content_Type="application/x-protobuf")
    assert answer.status == 415
    assert b"application/json" in answer.body


def test_a_body_over_the_limit_is_413(shared: Embedded) -> None:
    assert push(shared, b"x" * (shared.config["limits"]["body_bytes"] + 1)).status == 413
