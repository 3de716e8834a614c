"""OTLP/JSON traces as spans (``resourceSpans``). Strict OTLP and its lenient relatives: ids in hex or base64, 64-bit
integers as strings or numbers, enums as numbers or names, camelCase or snake_case (opentelemetry-proto, OTLP/JSON).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from obsctl.clients.telemetry import Span, SpanEvent, SpanLink
from obsctl.json_types import Json, JsonObject, integer, items, mapping, number, string

KINDS = ("", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")

_MAX_NS = 2**64 - 1
_MAX_NESTING = 16
_HEX = frozenset("0123456789abcdefABCDEF")


def spans_from_otlp(payload: Json) -> list[Span]:
    """The spans of a ``TracesData`` object, in the order given.

    Raises ``KeyError``, ``TypeError``, ``ValueError`` or ``AttributeError`` for something that is no such object;
    call it inside ``understood``.
    """
    return list(_spans(mapping(payload)))


def hex_id(value: str, size: int) -> str:
    """An id in lower-case hex of ``size`` bytes, from hex (leading zeros may be missing) or base64; "" when absent.

    An all-zero id is absent too. ``ValueError`` for anything else.
    """
    if len(value) <= 2 * size and _HEX.issuperset(value):
        digits = value.lower().rjust(2 * size, "0")
    else:
        digits = _from_base64(value).hex()
        if len(digits) != 2 * size:
            raise ValueError(f"not an id of {size} bytes: {value[:64]!r}")
    return digits if digits.strip("0") else ""


def clamp_ns(value: Json) -> int:
    """A time in nanoseconds, brought into the range that OTLP can carry."""
    return min(max(integer(value or 0), 0), _MAX_NS)


def _from_base64(value: str) -> bytes:
    try:
        plain = value.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as error:
        raise ValueError(f"neither hex nor base64: {value[:64]!r}") from error


def _spans(payload: JsonObject) -> Iterator[Span]:
    for block in _list(payload, "resourceSpans") or _list(payload, "batches"):
        resource = attributes(_list(mapping(block.get("resource") or {}), "attributes"))
        service = str(resource.get("service.name", ""))
        for scope in _list(block, "scopeSpans") or _list(block, "instrumentationLibrarySpans"):
            for span in _list(scope, "spans"):
                yield _span(span, service, resource)


def _span(raw: JsonObject, service: str, resource: JsonObject) -> Span:
    start, end = clamp_ns(_get(raw, "startTimeUnixNano")), clamp_ns(_get(raw, "endTimeUnixNano"))
    status = mapping(_get(raw, "status") or {})
    return Span(
        trace_id=_id(raw, "traceId", 16),
        span_id=_id(raw, "spanId", 8),
        parent_id=_id(raw, "parentSpanId", 8),
        service=service,
        name=str(raw.get("name", "")),
        start_ns=start,
        end_ns=max(start, end),
        kind=_enum(raw.get("kind"), KINDS, "SPAN_KIND_"),
        status=_enum(status.get("code"), STATUSES, "STATUS_CODE_"),
        status_message=str(status.get("message", "")),
        trace_state=str(_get(raw, "traceState") or ""),
        attributes=attributes(_list(raw, "attributes")),
        resource=resource,
        events=tuple(
            SpanEvent(str(e.get("name", "")), clamp_ns(_get(e, "timeUnixNano")), attributes(_list(e, "attributes")))
            for e in _list(raw, "events")
        ),
        links=tuple(SpanLink(_id(link, "traceId", 16), _id(link, "spanId", 8)) for link in _list(raw, "links")),
        backwards_ns=max(0, start - end) if end else 0,
    )


def attributes(pairs: Iterable[JsonObject]) -> dict[str, Json]:
    """OTLP key-values as a mapping of plain values; of a repeated key the last one counts."""
    return {str(p["key"]): _any_value(mapping(p.get("value") or {}), _MAX_NESTING) for p in pairs}


def _any_value(value: JsonObject, depth: int) -> Json:
    """An ``AnyValue`` as text, bool, int, float, list, dict or None; what is nested deeper than ``depth`` is "…"."""
    if not depth:
        return "…"
    for key, content in value.items():
        match key:
            case "stringValue" | "string_value" | "bytesValue" | "bytes_value":
                return str(content)
            case "boolValue" | "bool_value":
                return bool(content)
            case "intValue" | "int_value":
                return integer(content)
            case "doubleValue" | "double_value":
                return number(content)
            case "arrayValue" | "array_value":
                return [_any_value(mapping(v), depth - 1) for v in items(mapping(content).get("values") or ())]
            case "kvlistValue" | "kvlist_value":
                pairs = map(mapping, items(mapping(content).get("values") or ()))
                return {str(p["key"]): _any_value(mapping(p.get("value") or {}), depth - 1) for p in pairs}
    return None


def _enum(value: Json, names: Sequence[str], prefix: str) -> str:
    """An enum's name; numbers that nobody knows, and "unspecified", are the first one."""
    if isinstance(value, str) and not value.isdecimal():
        name = value.removeprefix(prefix).lower()
        return name if name in names else names[0]
    index = integer(value or 0)
    return names[index] if 0 <= index < len(names) else names[0]


def _get(raw: JsonObject, name: str) -> Json:
    """A field by its camelCase name, or the snake_case that some servers still write."""
    found = raw.get(name)
    return raw.get(_snake(name)) if found is None else found


@cache
def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _list(raw: JsonObject, name: str) -> Sequence[JsonObject]:
    found = _get(raw, name)
    return [mapping(item) for item in found] if isinstance(found, list) else ()


def _id(raw: JsonObject, name: str, size: int) -> str:
    return hex_id(string(_get(raw, name) or ""), size)
