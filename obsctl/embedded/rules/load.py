"""Rule files -> rules. They are Prometheus' rule files in JSON, which is YAML: ``promtool`` reads the same files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from obsctl.embedded.keys import Keys
from obsctl.embedded.rules.model import Alerting, Group, Recording, Rule
from obsctl.embedded.rules.templates import Template
from obsctl.errors import UsageError
from obsctl.languages.errors import QueryError
from obsctl.languages.promql.parse import canonical, parse
from obsctl.languages.promql.tree import Expr
from obsctl.languages.units import prom_duration_ms

_LEAST_MS = 100
_MOST_MS = 86_400_000
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_HINT = "Rule files are rendered by obsctl: mend the contract, or the file in its place, and run `obsctl up` again."
T = TypeVar("T")


def load(paths: Sequence[Path], interval_ms: int) -> tuple[Group, ...]:
    """The groups of all files. ``interval_ms`` is for groups that name none.

    Raises:
        UsageError: with the file, the way to the mistake in it, and what is wrong.
    """
    return tuple(group for path in paths for group in _file(path, interval_ms))


def _file(path: Path, interval_ms: int) -> list[Group]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the rules {path}: {error}", hint=_HINT) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", hint=_HINT) from error
    return groups(document, str(path), interval_ms)


def groups(document: object, file: str, interval_ms: int) -> list[Group]:
    """The groups of a rule file's content."""
    try:
        top = Keys("", document)
        found = [_group(keys, file, interval_ms) for keys in top.items("groups")]
        top.nothing_else()
        names = [group.name for group in found]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise UsageError(f"groups[{i}].name: group {name!r} is there already")
    except UsageError as error:
        raise UsageError(f"{file}: {error.message}", hint=_HINT) from error
    return found


def _group(keys: Keys, file: str, interval_ms: int) -> Group:
    interval = _duration(keys, "interval", interval_ms)
    if not _LEAST_MS <= interval <= _MOST_MS:
        raise UsageError(f"{keys.where('interval')} must be from 100ms to 1d")
    common = _labels(keys, "labels")
    group = Group(
        file=file,
        name=keys.text("name"),
        interval_ms=interval,
        rules=tuple(_rule(rule, common) for rule in keys.items("rules")),
        limit=keys.whole("limit", 0, 1_000_000) if keys.has("limit") else 0,
        offset_ms=_duration(keys, "query_offset", 0),
    )
    keys.nothing_else()
    return group


def _rule(keys: Keys, common: Mapping[str, str]) -> Rule:
    records, alerts = keys.has("record"), keys.has("alert")
    if records == alerts:
        raise UsageError(f"{keys.where('record')} or {keys.where('alert')}: a rule has one of them, and not both")
    text = keys.text("expr")
    expr = _parsed(keys, "expr", lambda: _expression(text))
    labels = {**common, **_labels(keys, "labels")}
    rule = _recording(keys, text, expr, labels) if records else _alerting(keys, text, expr, labels)
    keys.nothing_else()
    return rule


def _recording(keys: Keys, text: str, expr: Expr, labels: Mapping[str, str]) -> Recording:
    name = keys.text("record")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{keys.where('record')}: {name!r} is not a metric name")
    return Recording(name, canonical(text), expr, labels)


def _alerting(keys: Keys, text: str, expr: Expr, labels: Mapping[str, str]) -> Alerting:
    return Alerting(
        name=keys.text("alert"),
        query=canonical(text),
        expr=expr,
        hold_ms=_duration(keys, "for", 0),
        keep_ms=_duration(keys, "keep_firing_for", 0),
        labels=_templates(keys, "labels", labels),
        annotations=_templates(keys, "annotations", keys.texts("annotations") if keys.has("annotations") else {}),
    )


def _expression(text: str) -> Expr:
    expr = parse(text)
    if expr.kind not in ("vector", "scalar"):
        raise QueryError("a rule's expression must be an instant vector or a scalar")
    return expr


def _labels(keys: Keys, key: str) -> dict[str, str]:
    found = keys.texts(key) if keys.has(key) else {}
    for name in found:
        if not name or name == "__name__":
            raise UsageError(f"{keys.where(key)}: {name!r} cannot be the name of a label here")
    return found


def _templates(keys: Keys, key: str, texts: Mapping[str, str]) -> dict[str, Template]:
    def read(text: str) -> Callable[[], Template]:
        return lambda: Template(text)

    return {name: _parsed(keys, f"{key}.{name}", read(text)) for name, text in texts.items()}


def _duration(keys: Keys, key: str, default: int) -> int:
    if not keys.has(key):
        return default
    text = keys.text(key)
    return _parsed(keys, key, lambda: prom_duration_ms(text))


def _parsed(keys: Keys, key: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValueError, QueryError) as error:
        raise UsageError(f"{keys.where(key)}: {error}") from error
