"""One line of a log file as a record. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from obsctl.embedded.config import LogFields
from obsctl.embedded.records import LogRecord
from obsctl.embedded.redaction import Redactor
from obsctl.languages.labels import Labels

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,18}))?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VALUE_LENGTH = 2048


def parse(line: str, arrival_ns: int, labels: Mapping[str, str], fields: LogFields, redactor: Redactor) -> LogRecord:
    """A record with the whole line in it.

    Of a JSON object, ``timestamp`` (RFC 3339) is the time and the given fields become labels and metadata. Any other
    line has its time of arrival. The line itself is not redacted: what a service logs is its own duty.
    """
    document = _object(line)
    found = _fields(document, fields.labels, redactor)
    metadata = _fields(document, fields.metadata, redactor)
    time_ns = timestamp_ns(document.get("timestamp"))
    return LogRecord(
        labels=_sorted({**found, **labels}),
        time_ns=arrival_ns if time_ns is None else time_ns,
        line=line,
        metadata=_sorted(metadata),
    )


def timestamp_ns(text: object) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 time; None for anything else."""
    match = _RFC3339.match(text) if isinstance(text, str) else None
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


def _object(line: str) -> Mapping[str, object]:
    if not line.startswith("{"):
        return {}
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _fields(document: Mapping[str, object], names: Sequence[str], redactor: Redactor) -> dict[str, str]:
    """Scalar fields as strings; a field that must not be stored is left out."""
    found: dict[str, str] = {}
    for name in names:
        value = document.get(name)
        if isinstance(value, str | int | float) and not redactor.forbids(name):
            text = value if isinstance(value, str) else json.dumps(value)
            found[name] = redactor.text(text.encode("utf-8", "replace").decode()[:_VALUE_LENGTH])
    return found


def _sorted(pairs: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in pairs.items() if value))
