"""What clients send to Alertmanager's API, as alerts and silences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from obsctl.embedded.alerting.alert_store import RESOLVE_MS
from obsctl.embedded.alerting.model import Silence, StoredAlert
from obsctl.languages.alert_matchers import matcher, operator
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher
from obsctl.languages.units import MS_NS, rfc3339_ns

MOST_LABELS = 100

Json = Mapping[str, object]


class SchemaError(QueryError):
    """A body that is not of the documented shape: ``code`` is the number that the API gives it."""

    def __init__(self, message: str, status: int, code: int) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def document(body: bytes) -> object:
    """The JSON of a body. ``SchemaError`` when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f'parsing body from "" failed, because {error}', 400, 400) from error


def posted_alerts(value: object, now: int) -> tuple[list[StoredAlert], list[str]]:
    """The alerts that are valid, and what is wrong with the others. ``SchemaError`` where the shape is wrong."""
    if not isinstance(value, list):
        raise SchemaError("alerts in body must be of type array", 400, 400)
    alerts = [_alert(entry, str(i), now) for i, entry in enumerate(value)]
    return [one for one in alerts if not _fault(one)], [fault for one in alerts if (fault := _fault(one))]


def _alert(entry: object, where: str, now: int) -> StoredAlert:
    if not isinstance(entry, dict):
        raise SchemaError(f"{where} in body must be of type object", 400, 400)
    if "labels" not in entry:
        raise SchemaError(f"{where}.labels in body is required", 422, 602)
    begins, ends = _moment(entry, "startsAt", where), _moment(entry, "endsAt", where)
    if begins is None:
        begins = now if ends is None else ends
    return StoredAlert(
        labels={k: v for k, v in _texts(entry, "labels", where).items() if v},
        annotations=_texts(entry, "annotations", where),
        starts_at=begins,
        ends_at=now + RESOLVE_MS if ends is None else ends,
        updated_at=now,
        generator_url=_text(entry, "generatorURL", where),
        guessed=ends is None,
    )


def _fault(alert: StoredAlert) -> str:
    if not alert.labels:
        return "at least one label pair required"
    if max(len(alert.labels), len(alert.annotations)) > MOST_LABELS:
        return f"an alert has more than {MOST_LABELS} labels or annotations"
    return "start time must be before end time" if alert.ends_at < alert.starts_at else ""


def posted_silence(value: object) -> Silence:
    """A silence, its id empty for a new one. ``QueryError``, or ``SchemaError`` where the shape is wrong."""
    if not isinstance(value, dict):
        raise SchemaError("silence in body must be of type object", 400, 400)
    for name in ("comment", "createdBy", "endsAt", "matchers", "startsAt"):
        if value.get(name) is None:
            raise SchemaError(f"{name} in body is required", 422, 602)
    entries = value["matchers"]
    if not isinstance(entries, list) or not entries:
        raise SchemaError("matchers in body should have at least 1 items", 422, 612)
    if len(entries) > MOST_LABELS:
        raise QueryError(f"a silence has more than {MOST_LABELS} matchers")
    return Silence(
        id=_text(value, "id", ""),
        matchers=tuple(_matcher(entry, f"matchers.{i}") for i, entry in enumerate(entries)),
        starts_at=_moment(value, "startsAt", "") or 0,
        ends_at=_moment(value, "endsAt", "") or 0,
        updated_at=0,
        created_by=_text(value, "createdBy", ""),
        comment=_text(value, "comment", ""),
    )


def _matcher(entry: object, where: str) -> Matcher:
    if not isinstance(entry, dict):
        raise SchemaError(f"{where} in body must be of type object", 400, 400)
    for name, kind in (("name", str), ("value", str), ("isRegex", bool)):
        if not isinstance(entry.get(name), kind):
            raise SchemaError(f"{where}.{name} in body is required", 422, 602)
    if not entry["name"]:
        raise QueryError("invalid silence: invalid label matcher: invalid label name")
    is_equal = entry.get("isEqual", True) is not False
    return matcher(entry["name"], operator(is_regex=entry["isRegex"], is_equal=is_equal), entry["value"])


def _moment(entry: Json, key: str, where: str) -> int | None:
    """A time; None when it is not given, or is the zero of Go's times."""
    text = entry.get(key)
    if text in (None, ""):
        return None
    try:
        ms = rfc3339_ns(text) // MS_NS if isinstance(text, str) and not text.startswith("0001-01-01") else None
    except ValueError as error:
        raise SchemaError(f"parsing {_named(where, key)} failed: {error}", 400, 400) from error
    if not isinstance(text, str):
        raise SchemaError(f"{_named(where, key)} in body must be of type string", 400, 400)
    return ms


def _text(entry: Json, key: str, where: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise SchemaError(f"{_named(where, key)} in body must be of type string", 400, 400)
    return value


def _texts(entry: Json, key: str, where: str) -> dict[str, str]:
    value = entry.get(key) or {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise SchemaError(f"{_named(where, key)} in body must be of type object of strings", 400, 400)
    if "" in value or not re.fullmatch(r"[^\x00]*", "".join(value), re.DOTALL):
        raise QueryError(f"invalid {'label set' if key == 'labels' else 'annotations'}: invalid name")
    return dict(value)


def _named(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
