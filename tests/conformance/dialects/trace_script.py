"""Test scripts for engines of TraceQL: traces as lines, then queries with the spans that must come back.

    trace cart
      root        store "GET /cart" server error 0ms 150ms http.status=500 resource.host="h1" scope.name="lib"
      root > pay  store "pay" client unset 10ms 20ms
        event cache.miss 5ms key="k"
        link other.root why="retry"
    query { status = error }
      cart: root
    query { .a = }
      error: line 1, col 8

A span line is a label (behind its parent's), service, name, kind, status, start, duration, and attributes in JSON.
Below a query: a line for every trace that is found with the labels of the spans, by start, of each set of spans
(``|`` between two sets); nothing when nothing is found; or ``error:`` with a part of the message.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from obsctl.clients.otlp import KINDS, STATUSES
from obsctl.languages.units import go_duration_ns

_SPAN = re.compile(
    r'(?:(?P<parent>\w+) > )?(?P<label>\w+)\s+(?P<service>\S+)\s+(?P<name>"[^"]*")\s+(?P<kind>\w+)\s+(?P<status>\w+)'
    r"\s+(?P<start>-?\w+)\s+(?P<took>\w+)\s*(?P<attributes>.*)"
)
_ATTRIBUTE = re.compile(r'([^\s=]+)=(\[[^\]]*\]|\{[^}]*\}|"(?:\\.|[^"\\])*"|\S+)')
_EVENT = re.compile(r"event (?P<name>\S+)\s+(?P<at>\w+)\s*(?P<attributes>.*)")
_LINK = re.compile(r"link (?P<trace>\w+)\.(?P<span>\w+)\s*(?P<attributes>.*)")

Json = dict[str, Any]


@dataclass
class Query:
    """A query, where it stands, and the lines below it."""

    line: int
    text: str
    expects: list[str] = field(default_factory=list)


@dataclass
class Script:
    """A script; ``start`` is the time (ns) from which its spans count, ``name`` keeps its ids apart from others'."""

    name: str
    text: str
    start: int
    spans: list[Json] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    traces: dict[str, str] = field(default_factory=dict)
    labels: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        trace = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            word, _, rest = line.strip().partition(" ")
            if not word or word.startswith("#"):
                continue
            if word == "trace":
                trace = rest.strip()
                self.traces[self._id(trace, 16)] = trace
            elif word == "query":
                self.queries.append(Query(number, rest))
            elif self.queries:
                self.queries[-1].expects.append(line.strip())
            else:
                self._span_line(trace, line.strip())

    def _id(self, text: str, size: int) -> str:
        return hashlib.sha256(f"{self.name}/{text}".encode()).hexdigest()[: 2 * size]

    def _span_line(self, trace: str, line: str) -> None:
        if found := _EVENT.fullmatch(line):
            at = int(self.spans[-1]["span"]["startTimeUnixNano"]) + go_duration_ns(found["at"])
            event = {"name": found["name"], "timeUnixNano": str(at), "attributes": _pairs(found["attributes"])[""]}
            self.spans[-1]["span"].setdefault("events", []).append(event)
        elif found := _LINK.fullmatch(line):
            ids = {
                "traceId": self._id(found["trace"], 16),
                "spanId": self._id(f"{found['trace']}.{found['span']}", 8),
            }
            link = {**ids, "attributes": _pairs(found["attributes"])[""]}
            self.spans[-1]["span"].setdefault("links", []).append(link)
        else:
            self._add(trace, line)

    def _add(self, trace: str, line: str) -> None:
        found = _SPAN.fullmatch(line)
        assert found, f"not a span: {line}"
        pairs = _pairs(found["attributes"])
        start = self.start + go_duration_ns(found["start"])
        ids = {"traceId": self._id(trace, 16), "spanId": self._id(f"{trace}.{found['label']}", 8)}
        if found["parent"]:
            ids["parentSpanId"] = self._id(f"{trace}.{found['parent']}", 8)
        self.labels[ids["traceId"], ids["spanId"]] = found["label"]
        span = {
            **ids,
            "name": json.loads(found["name"]),
            "kind": KINDS.index(found["kind"]) if found["kind"] != "unspecified" else 0,
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + go_duration_ns(found["took"])),
            "attributes": pairs[""],
            "status": {"code": STATUSES.index(found["status"]), "message": pairs["message"]},
        }
        service = {"key": "service.name", "value": {"stringValue": found["service"]}}
        scope = {"name": pairs["scope"], "attributes": pairs["instrumentation."]}
        self.spans.append({"resource": [service, *pairs["resource."]], "scope": scope, "span": span})

    @property
    def request(self) -> Json:
        """All spans as an OTLP request."""
        return {
            "resourceSpans": [
                {
                    "resource": {"attributes": one["resource"]},
                    "scopeSpans": [{"scope": one["scope"], "spans": [one["span"]]}],
                }
                for one in self.spans
            ]
        }

    def failures(self, ask: Callable[[str], tuple[int, Any]]) -> Iterator[str]:
        """What is not as expected. ``ask`` gives status and answer (JSON, or text of an error) of a search."""
        for query in self.queries:
            status, answer = ask(query.text)
            if query.expects and query.expects[0].startswith("error:"):
                wanted = query.expects[0].removeprefix("error:").strip()
                if status != 400 or wanted not in answer:
                    yield f"line {query.line}: expected an error with {wanted!r}, got {status} {answer}"
                continue
            got = self._found(answer) if status == 200 else [f"{status} {answer}"]
            if sorted(got) != sorted(query.expects):
                yield f"line {query.line}: {query.text}: expected {query.expects}, got {got}"

    def _found(self, answer: Json) -> list[str]:
        found = []
        for trace in answer["traces"]:
            trace_id = trace["traceID"].rjust(32, "0")
            if trace_id in self.traces:
                sets = [
                    " ".join(self.labels[trace_id, s["spanID"].rjust(16, "0")] for s in one["spans"])
                    for one in trace["spanSets"]
                ]
                found.append(f"{self.traces[trace_id]}: {' | '.join(sets)}")
        return found


def _pairs(text: str) -> dict[str, Any]:
    """Attributes by where they belong; ``message`` and ``scope.name`` are texts of their own."""
    found: dict[str, Any] = {"": [], "resource.": [], "instrumentation.": [], "message": "", "scope": ""}
    for key, literal in _ATTRIBUTE.findall(text):
        value = json.loads(literal)
        if key in ("status.message", "scope.name"):
            found["message" if key == "status.message" else "scope"] = value
            continue
        place = next((p for p in ("resource.", "instrumentation.") if key.startswith(p)), "")
        found[place].append({"key": key.removeprefix(place), "value": _any(value)})
    return found


def _any(value: Any) -> Json:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": k, "value": _any(v)} for k, v in value.items()]}}
    for kind, name in ((bool, "boolValue"), (int, "intValue"), (float, "doubleValue")):
        if isinstance(value, kind):
            return {name: str(value) if kind is int else value}
    return {"stringValue": value}
