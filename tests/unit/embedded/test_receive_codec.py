"""OTLP's two encodings say the same; scrubbing leaves nothing that a rule applies to."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import assume, example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from obsctl.embedded.http.unicode import json_text
from obsctl.embedded.otlp import traces as otlp_traces
from obsctl.embedded.otlp.codec import MalformedError, decode
from obsctl.embedded.otlp.signals import SIGNALS
from obsctl.embedded.redaction import Redactor, pattern_literal
from obsctl.embedded.self_metrics import REDACTED, SelfMetrics


def decoded(body: bytes, encoding: Any) -> str:
    """What came of a body: nothing bad, or why it is malformed."""
    try:
        decode(body, ExportTraceServiceRequest, encoding)
    except MalformedError as error:
        return str(error)
    return ""


RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
SPAN = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "process", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
RECORD = {"timeUnixNano": "1", "severityNumber": 9, "body": {"stringValue": "paid"}, "traceId": "ab" * 16}
METRIC = {"name": "orders", "gauge": {"dataPoints": [{"timeUnixNano": "1", "asDouble": 2}]}}
DOCUMENTS = {
    "traces": {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": [SPAN]}]}]},
    "logs": {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": [RECORD]}]}]},
    "metrics": {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"metrics": [METRIC]}]}]},
}
TYPES = {signal.name: signal.request for signal in SIGNALS}


MISDIRECTED = [(sent, path, "json") for sent in DOCUMENTS for path in DOCUMENTS if sent != path]
# In protobuf a metric reads as a span whose trace id is the metric's name: each is rejected for its id.
MISDIRECTED += [(sent, path, "protobuf") for sent, path, _ in MISDIRECTED if (sent, path) != ("metrics", "traces")]


@pytest.mark.parametrize(("sent", "path", "encoding"), MISDIRECTED)
def test_a_request_of_another_signal_is_refused(sent: str, path: str, encoding: Any) -> None:
    """It would be read as one without anything in it, or with garbage."""
    body = json.dumps(DOCUMENTS[sent]).encode()
    if encoding == "protobuf":
        body = decode(body, TYPES[sent], "json").SerializeToString()
    with pytest.raises(MalformedError, match=f"/v1/{sent}" if encoding == "json" else "not a protobuf|another signal"):
        decode(body, TYPES[path], encoding)
    decode(body, TYPES[sent], encoding)


ATTRIBUTE = '"attributes": [{"key": "a", "value": %s}]'
MISFITS = {
    '"kind": "SERVER"': ("kind", "unknown string value 'SERVER'"),
    '"kind": "2"': ("kind", "unknown string value"),
    '"kind": 2.5': ("kind", "must be an integer"),
    '"status": "ERROR"': ("status", "must be an object"),
    '"status": {"code": "ERROR"}': ("status.code", "STATUS_CODE_ERROR"),
    '"status": []': ("status", "must be an object, not an array"),
    '"name": 5': ("name", "must be a string"),
    '"startTimeUnixNano": "soon"': ("startTimeUnixNano", "must be an integer"),
    '"startTimeUnixNano": "-1"': ("startTimeUnixNano", "must be between 0"),
    '"startTimeUnixNano": true': ("startTimeUnixNano", "must be an integer, not a boolean"),
    '"attributes": {"a": 1}': ("attributes", "must be an array, not an object"),
    '"attributes": ["a=1"]': ("attributes[0]", "must be an object"),
    ATTRIBUTE % '"text"': ("attributes[0].value", "must be an object"),
    ATTRIBUTE % '{"intValue": "1.5"}': ("attributes[0].value.intValue", "must be an integer"),
    ATTRIBUTE % '{"intValue": "9223372036854775808"}': ("attributes[0].value.intValue", "must be between"),
    ATTRIBUTE % '{"boolValue": "yes"}': ("attributes[0].value.boolValue", "true or false"),
    ATTRIBUTE % '{"doubleValue": "warm"}': ("attributes[0].value.doubleValue", "must be a number"),
    ATTRIBUTE % '{"bytesValue": "a"}': ("attributes[0].value.bytesValue", "must be base64"),
    ATTRIBUTE % '{"arrayValue": [1]}': ("attributes[0].value.arrayValue", "must be an object"),
    ATTRIBUTE % '{"intValue": 1, "stringValue": "1"}': ("attributes[0].value.stringValue", "same value"),
    '"events": [{"name": "a"}, {"timeUnixNano": {}}]': ("events[1].timeUnixNano", "must be an integer"),
    '"links": [{"traceId": "xyz"}]': ("links[0].traceId", "must be hexadecimal"),
    '"links": "none"': ("links", "must be an array"),
}


@pytest.mark.parametrize(("span", "path", "says"), [(span, *said) for span, said in MISFITS.items()])
def test_what_does_not_fit_a_field_is_refused_with_the_path_of_it(span: str, path: str, says: str) -> None:
    problem = decoded(f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{{}}, {{{span}}}]}}]}}]}}'.encode(), "json")
    assert f"resourceSpans[0].scopeSpans[0].spans[1].{path}: " in problem
    assert says in problem


def test_unknown_fields_null_and_the_spellings_of_the_specification_are_taken() -> None:
    span = """{"kind": "SPAN_KIND_SERVER", "status": {"code": "STATUS_CODE_ERROR"}, "name": null, "links": null,
        "start_time_unix_nano": 1754000000000000000, "endTimeUnixNano": "1754000000000000001", "new": {"kind": "X"},
        "droppedLinksCount": "3", "attributes": [{"key": "a", "value": null}, {"key": "b", "value": {}},
        {"key": "c", "value": {"doubleValue": "NaN"}}, {"key": "d", "value": {"bytesValue": "-_8"}}]}"""
    body = f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}'.encode()
    found = decode(body, ExportTraceServiceRequest, "json").resource_spans[0].scope_spans[0].spans[0]
    assert (found.kind, found.status.code, found.name, len(found.links)) == (2, 2, "", 0)
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (1754000000000000000, 1754000000000000001)
    assert (found.dropped_links_count, len(found.attributes)) == (3, 4)
    assert found.attributes[3].value.bytes_value == b"\xfb\xff"


_pieces_of_text = st.lists(
    st.sampled_from(["a", "é", "\U0001f600", "\ud83d", "\ude00", "\\", '"', "\ufffd", "\n", "u", "d83d"])
).map("".join)


def _valid(text: str) -> str:
    """Pairs joined, halves replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.lists(_pieces_of_text, max_size=4), st.booleans())
def test_half_a_surrogate_pair_in_json_becomes_one_replacement_character(texts: list[str], spelled: bool) -> None:
    body = json.dumps({"texts": texts}, ensure_ascii=spelled).encode(errors="surrogatepass")
    assume(spelled or body.decode(errors="ignore").encode() == body)
    counts: list[int] = []
    assert json.loads(json_text(body, counts.append)) == {"texts": [_valid(text) for text in texts]}
    assert sum(counts) == sum(_valid(t).count("\ufffd") - t.count("\ufffd") for t in texts)


def _array(values: list[AnyValue]) -> AnyValue:
    found = AnyValue()
    found.array_value.values.extend(values)
    return found


def _map(values: dict[str, AnyValue]) -> AnyValue:
    found = AnyValue()
    found.kvlist_value.SetInParent()
    for key, value in values.items():
        found.kvlist_value.values.add(key=key, value=value)
    return found


_text = st.text(max_size=12)
_values = st.recursive(
    st.one_of(
        st.builds(lambda v: AnyValue(string_value=v), _text),
        st.builds(lambda v: AnyValue(int_value=v), st.integers(-(2**63), 2**63 - 1)),
        st.builds(lambda v: AnyValue(double_value=v), st.floats(allow_nan=False)),
        st.builds(lambda v: AnyValue(bool_value=v), st.booleans()),
        st.builds(lambda v: AnyValue(bytes_value=v), st.binary(max_size=8)),
        st.just(AnyValue()),
    ),
    lambda inner: st.lists(inner, max_size=3).map(_array) | st.dictionaries(_text, inner, max_size=3).map(_map),
    max_leaves=6,
)


@st.composite
def requests(draw: st.DrawFn) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for key, value in draw(st.dictionaries(_text, _values, max_size=2)).items():
        group.resource.attributes.add(key=key, value=value)
    for _ in range(draw(st.integers(0, 3))):
        span = group.scope_spans.add().spans.add(
            trace_id=draw(st.binary(min_size=16, max_size=16)),
            span_id=draw(st.binary(min_size=8, max_size=8)),
            parent_span_id=draw(st.sampled_from([b"", b"12345678"])),
            name=draw(_text),
            kind=draw(st.integers(0, 5)),
            start_time_unix_nano=draw(st.integers(0, 2**63 - 1)),
            flags=draw(st.integers(0, 2**32 - 1)),
        )
        for key, value in draw(st.dictionaries(_text, _values, max_size=3)).items():
            span.attributes.add(key=key, value=value)
        span.links.add(trace_id=span.trace_id, span_id=b"abcdefgh")
    return request


def otlp_json(request: ExportTraceServiceRequest, *, snake: bool, numbers: bool) -> bytes:
    """The request as OTLP/JSON, in one of the spellings that readers must take."""

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {key: _respelled(key, walk(value), numbers) for key, value in node.items()}

    document = json_format.MessageToDict(request, preserving_proto_field_name=snake, use_integers_for_enums=numbers)
    return json.dumps(walk(document)).encode()


def _respelled(key: str, value: Any, numbers: bool) -> Any:
    if key in ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"):
        return base64.b64decode(value).hex()
    if numbers and key in ("startTimeUnixNano", "start_time_unix_nano", "intValue", "int_value"):
        return int(value)
    return value


@given(request=requests(), snake=st.booleans(), numbers=st.booleans())
def test_both_encodings_decode_to_the_same(request: ExportTraceServiceRequest, snake: bool, numbers: bool) -> None:
    body = otlp_json(request, snake=snake, numbers=numbers)
    assert decode(body, ExportTraceServiceRequest, "json") == request
    assert decode(request.SerializeToString(), ExportTraceServiceRequest, "protobuf") == request


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from(["json", "protobuf"]))
def test_whatever_arrives_is_decoded_or_malformed(body: bytes, encoding: Any) -> None:
    assert re.match(r"\Z|the body (is not|must be) a", decoded(body, encoding))


@given(requests(), st.data())
def test_bytes_that_are_not_utf8_become_replacement_characters_and_nothing_else_changes(
    request: ExportTraceServiceRequest, data: st.DataObject
) -> None:
    marked = ExportTraceServiceRequest.FromString(request.SerializeToString())
    marked.resource_spans[0].resource.attributes.add(key="XXXX").value.string_value = "good XXXX"
    for scoped in marked.resource_spans[0].scope_spans:
        scoped.spans[0].name = "XXXX"
    raw = marked.SerializeToString()
    broken = data.draw(st.sampled_from([b"\xff\xfeXX", b"caf\xe9", b"\xed\xa0\xbdX"]))
    counts: list[int] = []
    found = decode(raw.replace(b"XXXX", broken), ExportTraceServiceRequest, "protobuf", counts.append)
    shown = broken.decode(errors="replace")
    wanted = type(marked).FromString(raw)
    wanted.resource_spans[0].resource.attributes[-1].key = shown
    wanted.resource_spans[0].resource.attributes[-1].value.string_value = f"good {shown}"
    for scoped in wanted.resource_spans[0].scope_spans:
        scoped.spans[0].name = shown
    assert found == wanted
    assert sum(counts) == shown.count("\ufffd") * (2 + len(wanted.resource_spans[0].scope_spans))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceSpans", "scopeSpans", "spans", "traceId", "links", "kind", "value", "attributes"]
            ),
            inner,
            max_size=3,
        )
    ),
)


@given(_json)
def test_any_json_is_decoded_or_malformed(document: Any) -> None:
    assert len(decoded(json.dumps(document).encode(), "json")) < 500


PATTERNS = {
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}": b"@",
    r"sk-[a-z0-9]{20,}": b"sk-",
    r"\bBearer [\w.-]+": b"Bearer ",
    r"b?c+d*e": b"c",
    r"a{0}bc": b"bc",
    r"\d{16}": b"",
    r"one|two": b"",
    r"(one|two)!": b"!",
    r"(?i)secret": b"",
    r"x{a|b}y": b"",
    r"a(?#()|b": b"",
    r"caf\xe9": b"",
    "naïve!": "naïve!".encode(),
    r"[|]end": b"end",
    r"(?:x\))?end": b"end",
}


@pytest.mark.parametrize(("pattern", "literal"), PATTERNS.items())
def test_the_bytes_that_a_pattern_needs(pattern: str, literal: bytes) -> None:
    assert pattern_literal(re.compile(pattern)) == literal


_pieces = st.sampled_from([*"ab@.|()[]{}?*+\\^$-,10", "\\.", "\\d", "[ab]", "(?:", "(a|b)", "a{1,2}", "(?!b)", "(?#"])


@given(pattern=st.lists(_pieces, max_size=7).map("".join), text=st.text(alphabet="ab@.|()[]{}-,10", max_size=10))
@example(pattern="a+?b", text="ab")
def test_what_a_pattern_matches_contains_the_bytes_it_needs(pattern: str, text: str) -> None:
    try:
        compiled = re.compile(pattern)
    except (re.error, FutureWarning, DeprecationWarning):
        assume(False)
    if compiled.search(text):
        assert pattern_literal(compiled) in text.encode()


RULES = (("user.email", "*.password", "x?z"), (re.compile(r"[\w.]+@\w+\.\w+"), re.compile(r"sk-\w{4,}")))
_keys = st.sampled_from(["user", "user.email", "email", "db.password", "password", "xyz", "note", "name"])
_dirty = st.sampled_from(["me@mail.org", "to a.b@c.de now", "sk-12345", "clean", "@", "sk-1", ""])


@st.composite
def dirty_requests(draw: st.DrawFn) -> ExportTraceServiceRequest:
    leaf = st.builds(lambda v: AnyValue(string_value=v), _dirty)
    values = st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=2).map(_array) | st.dictionaries(_keys, inner, max_size=2).map(_map),
        max_leaves=4,
    )
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    scoped = group.scope_spans.add()
    span = scoped.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name=draw(_dirty))
    span.status.message = draw(_dirty)
    holders = [group.resource, scoped.scope, span, span.events.add(), span.links.add()]
    for key, value in draw(st.dictionaries(_keys, values, max_size=3)).items():
        draw(st.sampled_from(holders)).attributes.add(key=key, value=value)
    return request


def _offences(node: Any, path: str = "") -> list[str]:
    """What is left in a decoded message that a rule applies to."""
    found: list[str] = []
    if isinstance(node, str):
        found += [node for pattern in RULES[1] if pattern.search(node)]
    elif isinstance(node, list):
        found += [one for item in node for one in _offences(item, path)]
    elif isinstance(node, dict):
        inner = f"{path}.{node['key']}" if path and "key" in node else node.get("key", path)
        for name in (inner, node.get("key", "")):
            found += [name] if re.fullmatch(r"user\.email|.*\.password|x.z", name) else []
        found += [one for key, value in node.items() if key != "key" for one in _offences(value, inner)]
    return found


@given(dirty_requests())
def test_nothing_is_left_that_a_rule_applies_to(request: ExportTraceServiceRequest) -> None:
    before = _offences(json_format.MessageToDict(request))
    metrics = SelfMetrics()
    taken = otlp_traces.translate(request, Redactor(*RULES, metrics))
    (record,) = taken.batch.spans
    found = type(request.resource_spans[0].scope_spans[0].spans[0]).FromString(record.payload)
    assert _offences(json_format.MessageToDict(found)) == []
    assert _offences(json_format.MessageToDict(request)) == []
    counted = metrics.value(REDACTED, "dropped") + metrics.value(REDACTED, "masked")
    assert (counted > 0) == bool(before)


def test_without_rules_nothing_is_touched() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    span.attributes.add(key="user.email").value.string_value = "me@mail.org"
    (record,) = otlp_traces.translate(request, Redactor((), ())).batch.spans
    assert record.payload == span.SerializeToString()
