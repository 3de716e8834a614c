"""Loki's push API, against a real server process."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any
from urllib.parse import quote

import pytest
from cramjam import snappy
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.embedded.loki.push import PushRequest, parse_protobuf

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
        (b"[" * 100_000, 400),
    ],
)
def test_what_is_no_push_request_is_refused_in_a_sentence(shared: Embedded, body: Any, status: int) -> None:
    answer = push(shared, body)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert 10 < len(answer.body) < 600


@pytest.mark.parametrize("factor", [1, 1_000], ids=["seconds", "milliseconds"])
def test_times_that_are_no_nanoseconds_are_refused_and_the_rest_stored(shared: Embedded, factor: int) -> None:
    app = f"old-{factor}"
    answer = push(shared, streams([str(int(time.time()) * factor), "lost"], [now(), "kept"], app=app))
    assert answer.status == 400
    assert b"has timestamp too old: 1970-" in answer.body
    assert b"oldest acceptable timestamp is: 20" in answer.body
    assert (b"looks like milliseconds" if factor > 1 else b"looks like seconds") in answer.body
    assert lines(shared, f'{{app="{app}"}}') == ["kept"]


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        *((r'"a\x1b[31mb"', "a\x1b[31mb"), (r'"a\U0001F600"', "a\U0001f600"), (r'"a\ab"', "a\ab"), (r'"a\vb"', "a\vb")),
        *((r"`r\aw`", r"r\aw"), (r'"\303\251"', "é"), (r'"\u00e9\t"', "é\t")),
    ],
)
def test_labels_are_go_string_literals(literal: str, value: str) -> None:
    (record,) = parse_protobuf(packed_push(f"{{app={literal}}}", entry("x"))).batch.logs
    assert dict(record.labels) == {"app": value}


@pytest.mark.parametrize("raw", ["cut \\ud83d", "cut \udced"], ids=["half a pair", "latin-1"])
def test_a_broken_character_costs_neither_the_line_nor_its_neighbours(shared: Embedded, raw: str) -> None:
    app, before = f"broken-{len(raw)}", shared.own('obsctl_characters_repaired_total{signal="logs",transport="loki"}')
    text = json.dumps(streams([now(), "LINE"], [now(), "good \U0001f600", {"k": "LINE"}], app=app)).replace("LINE", raw)
    assert push(shared, text.encode(errors="surrogateescape")).status == 204
    assert lines(shared, f'{{app="{app}"}}') == ["cut \ufffd", "good \U0001f600"]
    assert lines(shared, f'{{app="{app}"}} | k="cut \ufffd"') == ["good \U0001f600"]
    assert shared.own('obsctl_characters_repaired_total{signal="logs",transport="loki"}') == before + 2


def test_a_broken_character_in_protobuf_costs_nothing_else(shared: Embedded) -> None:
    plain = PushRequest(streams=[{"labels": '{app="latin1"}', "entries": [entry("cafX"), entry("fine")]}])
    body = bytes(snappy.compress_raw(plain.SerializeToString().replace(b"cafX", b"caf\xe9")))
    assert push(shared, body, Content_Type="application/x-protobuf").status == 204
    assert lines(shared, '{app="latin1"}') == ["caf\ufffd", "fine"]


def packed_push(labels: str, *entries: dict[str, Any]) -> bytes:
    return bytes(PushRequest(streams=[{"labels": labels, "entries": entries}]).SerializeToString())


def protobuf(labels: str, *entries: dict[str, Any]) -> bytes:
    return bytes(snappy.compress_raw(packed_push(labels, *entries)))


def entry(line: str, **metadata: str) -> dict[str, Any]:
    seconds, nanos = divmod(time.time_ns(), 10**9)
    pairs = [{"name": name, "value": value} for name, value in metadata.items()]
    return {"timestamp": {"seconds": seconds, "nanos": nanos}, "line": line, "metadata": pairs}


@pytest.mark.parametrize("headers", [{}, {"Content_Encoding": "snappy"}])
def test_lines_pushed_as_protobuf_can_be_queried(shared: Embedded, headers: dict[str, str]) -> None:
    app = f"proto-{len(headers)}"
    body = protobuf(f'{{app="{app}", quoted="a\\"b,c=\\\\}}"}}', entry("hello"), entry("again é", trace_id="ab" * 16))
    answer = push(shared, body, Content_Type="application/x-protobuf", **headers)
    assert (answer.status, answer.body) == (204, b"")
    assert lines(shared, f'{{app="{app}", quoted=`a"b,c=\\}}`}}') == ["hello", "again é"]
    assert lines(shared, f'{{app="{app}"}} | trace_id="{"ab" * 16}"') == ["again é"]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"\xff\xff\xff", 400, b"snappy"),
        (b"", 400, b"snappy"),
        (bytes(snappy.compress_raw(b"\xff\x01")), 400, b"not a protobuf push request"),
        (bytes(snappy.compress_raw(b"")), 422, b"at least one valid stream"),
        (protobuf("a=b", entry("x")), 400, b"error parsing labels"),
        (protobuf('{a="b', entry("x")), 400, b"error parsing labels"),
        (protobuf('{a="b" c="d"}', entry("x")), 400, b"error parsing labels"),
        (protobuf('{a="\\q"}', entry("x")), 400, b"error parsing labels"),
        (protobuf("{}", entry("x")), 400, b"at least one label pair"),
        (protobuf('{a="b"}', entry("x" * 300_000)), 400, b"max entry size"),
    ],
    ids=[
        "no snappy",
        "empty",
        "no protobuf",
        "no streams",
        "no braces",
        "no end",
        "no comma",
        "escape",
        "none",
        "long",
    ],
)
def test_what_is_no_protobuf_push_is_refused_in_a_sentence(
    shared: Embedded, body: bytes, status: int, told: bytes
) -> None:
    answer = push(shared, body, Content_Type="application/x-protobuf")
    assert (answer.status, told in answer.body) == (status, True), answer.body


@given(st.binary(max_size=60), st.booleans())
@settings(max_examples=60)
def test_no_body_is_answered_with_a_failure(shared: Embedded, body: bytes, packed: bool) -> None:
    data = bytes(snappy.compress_raw(body)) if packed else body
    assert push(shared, data, Content_Type="application/x-protobuf").status in (204, 400, 413, 422)


def test_a_push_without_a_content_type_is_refused(shared: Embedded) -> None:
    answer = ask("POST", shared.url("loki", "/loki/api/v1/push"), b"{}")
    assert (answer.status, answer.body) == (400, b"mime: no media type\n")


def test_a_body_over_the_limit_is_413(shared: Embedded) -> None:
    assert push(shared, b"x" * (shared.config["limits"]["body_bytes"] + 1)).status == 413
