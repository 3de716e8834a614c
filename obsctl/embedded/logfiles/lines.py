"""One line of a log file as a record. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from obsctl.embedded.config import LogFields
from obsctl.embedded.records import LogRecord
from obsctl.embedded.redaction import Redactor
from obsctl.languages.labels import Labels
from obsctl.languages.loglines import level_name, read_line, time_ns, usual_fields

_VALUE_LENGTH = 2048


def parse(line: str, arrival_ns: int, labels: Mapping[str, str], fields: LogFields, redactor: Redactor) -> LogRecord:
    """A record with the whole line in it.

    Of JSON, logfmt and texts with ids, the time is the record's, and the given fields become labels and metadata, under
    whichever of their usual spellings they stand. Any other line has its time of arrival. The line itself is not
    redacted: what a service logs is its own duty.
    """
    document = read_line(line)
    usual = usual_fields(document) if document else {}
    found = _fields(document, usual, fields.labels, redactor)
    metadata = _fields(document, usual, fields.metadata, redactor)
    written = time_ns(document.get("timestamp"))
    if written is None:
        written = time_ns(usual.get("timestamp"))
    return LogRecord(
        labels=_sorted({**found, **labels}),
        time_ns=arrival_ns if written is None else written,
        line=line,
        metadata=_sorted(metadata),
    )


def _fields(
    document: Mapping[str, object], usual: Mapping[str, str], names: Sequence[str], redactor: Redactor
) -> dict[str, str]:
    """Scalar fields as strings; a field that must not be stored is left out."""
    found: dict[str, str] = {}
    for name in names:
        value = document.get(name)
        if name == "level" and isinstance(value, int):
            value = level_name(value) or value
        if not isinstance(value, str | int | float) or value == "":
            value = usual.get(name)
        if value is not None and not redactor.forbids(name):
            text = value if isinstance(value, str) else json.dumps(value)
            found[name] = redactor.text(text.encode("utf-8", "replace").decode()[:_VALUE_LENGTH])
    return found


def _sorted(pairs: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in pairs.items() if value))
