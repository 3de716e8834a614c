"""The fields of a stored log line, whether a shipper read it from a file or it came by OTLP. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from obsctl.clients.telemetry import LogLine
from obsctl.json_types import JsonObject
from obsctl.languages.loglines import read_line, usual_fields

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TIME_NAMES = ("timestamp", "time", "ts", "@timestamp")
_BODY_NAMES = ("message", "msg", "text", "body")
_SEVERITY_NAMES = ("level", "severity", "severity_text")
_SEVERITY_STORED = ("severity_text", "level", "detected_level", "severity_number")
"""What a JSON line says in a field, an OTLP record says by its own parts: under each usual name it is the same."""


@dataclass(frozen=True)
class ParsedLine:
    """A log line and its fields: those of JSON, logfmt, a text with ids, or an OTLP record; else none.

    Ids, time, level and message are there under their usual names, too, whatever the line calls them.
    """

    line: LogLine
    component: str
    fields: JsonObject = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field as text; empty when it is missing, null or not a plain value."""
        value = self.fields.get(name)
        return "" if value is None or isinstance(value, (dict, list)) else str(value)

    def belongs_to(self, trace_id: str, request_id: str) -> bool:
        """Whether the line carries one of these ids ("" for none).

        It does so in its fields if it has any id there, else in its text.
        """
        own = self.text("trace_id").lower(), self.text("request_id")
        ids = {trace_id, request_id} - {""}
        return not ids.isdisjoint(own) if any(own) else any(one in self.line.line for one in ids)

    def __str__(self) -> str:
        return f"{self.component}: {self.line.line}"


def parse_line(line: LogLine, otlp: frozenset[str]) -> ParsedLine:
    """A stored line with its fields. ``otlp`` names the components whose lines come by OTLP.

    An OTLP record has its fields in its attributes and in its own parts, whatever its body is.
    """
    written = read_line(line.line)
    fields = cast(JsonObject, {**usual_fields(written), **written})
    component = line.get("service_name") or str(fields.get("service", ""))
    return ParsedLine(line, component, {**_of_record(line), **fields} if component in otlp else fields)


def _of_record(line: LogLine) -> Mapping[str, str]:
    """Attributes, ids, time, severity, body and service of an OTLP record (opentelemetry.io: logs data model)."""
    moment = (_EPOCH + timedelta(microseconds=line.time_ns // 1000)).isoformat()
    severity = next((found for name in _SEVERITY_STORED if (found := line.get(name)) not in ("", "unknown")), "")
    parts = {TIME_NAMES: moment, _BODY_NAMES: line.line, _SEVERITY_NAMES: severity}
    own = {name: value for names, value in parts.items() for name in names}
    service = line.get("service_name")
    return {**own, "service": service, **line.labels, **line.metadata}
