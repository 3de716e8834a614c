"""The names that logging libraries give to what every log line says. Data."""

from __future__ import annotations

import re
from collections.abc import Mapping

_OTHER = re.compile(r"[^a-z0-9]")


def plain_name(name: str) -> str:
    """A name without case and separators: ``traceID``, ``trace.id`` and ``trace_id`` are one; ``@t`` stays."""
    lower = name.lower()
    return lower if lower.startswith("@") and len(lower) <= 3 else _OTHER.sub("", lower)


_SPELLINGS: Mapping[str, str] = {
    "trace_id": "traceid oteltraceid ddtraceid tracetraceid xtraceid b3traceid @tr logginggoogleapiscomtrace",
    "span_id": "spanid otelspanid ddspanid xspanid b3spanid @sp logginggoogleapiscomspanid",
    "request_id": "requestid reqid xrequestid httprequestid correlationid xcorrelationid requestrequestid",
    "timestamp": "timestamp time ts @t datetime eventtime logtime asctime timemillis",
    "level": "level lvl severity severitytext loglevel levelname @l",
    "message": "message msg @m @mt body text event logmessage",
}
SPELLINGS: Mapping[str, str] = {plain: usual for usual, plains in _SPELLINGS.items() for plain in plains.split()}
"""Plain name -> the usual one. ECS's ``@timestamp`` and ``log.level`` are among them."""

NESTED = frozenset(
    ("mdc", "contextmap", "context", "properties", "attributes", "fields", "extra", "labels", "data", "dd", "record")
)
"""Objects whose own name says nothing: what they hold counts as if it stood above."""
