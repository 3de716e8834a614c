"""What a line of a log says, in whichever of the usual formats: JSON, logfmt, or text that holds ids. Pure.

Recognised by themselves are the formats of slog, zap, logback and log4j, Serilog, pino, bunyan, winston, structlog and
Python's ``logging``: ids, time, level and message under the names that these give them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from obsctl.languages.log_names import NESTED, SPELLINGS, plain_name

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,18}))?([Zz]|[+-]\d\d:?\d\d)\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_TEXT = re.compile(r"\d{9,19}(?:\.\d{1,9})?", re.ASCII)
_UNITS = ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3), (float("inf"), 1))
"""A number of the epoch below this is in a unit of so many nanoseconds: seconds, then ms, us, ns."""

_NAMED_ID = re.compile(
    r"""\b(trace|span|request|correlation)[-_. ]?id["']?\s*[=:]\s*["']?([\w.-]{8,128})""", re.IGNORECASE
)
_ID_PAIR = re.compile(r"(?<![0-9a-f])([0-9a-f]{32})[-,: ]\s?([0-9a-f]{16})(?![0-9a-f])")
_ID = {"trace_id": re.compile(r"(?!0{32})[0-9a-f]{32}"), "span_id": re.compile(r"(?!0{16})[0-9a-f]{16}")}
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_TEXT_TIME = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[Zz]|[+-]\d\d:?\d\d)?)\]?")
_TEXT_LEVEL = re.compile(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b", re.IGNORECASE)
_PAIR = re.compile(r'([A-Za-z_@][\w.@/-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"=]*))')
_PINO = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
_SYSLOG = ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug")


def read_line(line: str) -> Mapping[str, object]:
    """The fields of a line as it writes them; {} for a text in which nothing is recognised."""
    if line.startswith("{"):
        return _json(line)
    return _logfmt(line) or _text(line)


def usual_fields(fields: Mapping[str, object]) -> dict[str, str]:
    """``trace_id``, ``span_id``, ``request_id``, ``timestamp`` (RFC 3339), ``level`` and ``message``, as far as there.

    They are found under every usual spelling, also one level down (``trace: {id: …}``, ``mdc: {…}``).
    """
    found: dict[str, str] = {}
    for name, value in _flat(fields):
        usual = SPELLINGS.get(plain_name(name), "")
        if usual and usual not in found and (text := _value(usual, value)):
            found[usual] = text
        elif isinstance(value, str) and name.lower() == "traceparent" and (match := _TRACEPARENT.fullmatch(value)):
            found.setdefault("trace_id", match[1])
            found.setdefault("span_id", match[2])
    return found


def time_ns(value: object) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 time, or of a number of seconds, ms, us or ns; None for else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _EPOCH_TEXT.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, int | float):
        return _epoch_ns(value)
    return _rfc3339_ns(value) if isinstance(value, str) else None


def _epoch_ns(number: float) -> int | None:
    if not 1e8 <= number < 1 << 63:
        return None
    unit = next(unit for limit, unit in _UNITS if number < limit)
    return number * unit if isinstance(number, int) else round(number * 1e6) * unit // 10**6


def _rfc3339_ns(text: str) -> int | None:
    match = _RFC3339.match(text)
    if not match:
        return None
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone.upper()}")
    except ValueError:
        return None
    since = moment - _EPOCH
    nanoseconds = (since.days * 86_400 + since.seconds) * 10**9 + int(f"{fraction or '0':0<9}"[:9])
    return nanoseconds if abs(nanoseconds) < 1 << 63 else None


def level_name(value: object) -> str:
    """A level as a name: numbers are those of pino and bunyan (10 to 60), or of syslog (0 to 7)."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return _SYSLOG[value] if 0 <= value < len(_SYSLOG) else _PINO.get(value // 10 * 10, "")
    return value if isinstance(value, str) else ""


def _json(line: str) -> Mapping[str, object]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _logfmt(line: str) -> Mapping[str, object]:
    """The pairs of a line that begins with one, and says one of the usual things."""
    if not _PAIR.match(line):
        return {}
    pairs = {m[1]: m[3] if m[2] is None else m[2].replace('\\"', '"') for m in _PAIR.finditer(line)}
    return pairs if any(plain_name(name) in SPELLINGS for name in pairs) else {}


def _text(line: str) -> Mapping[str, object]:
    ids = {f"{m[1].lower().replace('correlation', 'request')}_id": m[2] for m in _NAMED_ID.finditer(line)}
    found = {name: value for name, value in ids.items() if name == "request_id" or _ID[name].fullmatch(value.lower())}
    if "trace_id" not in found and (pair := _ID_PAIR.search(line)):
        found |= {"trace_id": pair[1], "span_id": pair[2]}
    if not found:
        return {}
    moment, level = _TEXT_TIME.match(line), _TEXT_LEVEL.search(line)
    said = {"timestamp": moment[1] if moment else "", "level": level[1] if level else "", "message": line}
    return {**{name: value for name, value in said.items() if value}, **found}


def _flat(fields: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Fields, then those one level down, under names that join both."""
    yield from fields.items()
    for name, value in fields.items():
        if isinstance(value, dict):
            bare = plain_name(name) in NESTED
            yield from ((key if bare else f"{name}.{key}", inner) for key, inner in value.items())


def _value(usual: str, value: object) -> str:
    if usual == "timestamp":
        nanoseconds = time_ns(value)
        return value if isinstance(value, str) and value[4:5] == "-" else _moment(nanoseconds)
    if usual == "level":
        return level_name(value)
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    text = str(value)
    return text.lower() if usual in _ID and _ID[usual].fullmatch(text.lower()) else text


def _moment(nanoseconds: int | None) -> str:
    if nanoseconds is None:
        return ""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
