"""Parser stages: each takes labels out of a line (grafana.com/docs/loki/latest/query/log_queries)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from obsctl.embedded.query.logql.entry import Entry
from obsctl.embedded.query.logql.logfmt import LogfmtError, pairs
from obsctl.embedded.query.logql.patterns import Pattern
from obsctl.languages.errors import QueryError
from obsctl.languages.logql.tree import Extraction, Json, Logfmt, TextParser
from obsctl.languages.regex import searcher

Run = Callable[[Entry], None]

JSON_ERROR = "JSONParserErr"
LOGFMT_ERROR = "LogfmtParserErr"
MAX_FIELDS = 1_000
"""Labels that one line may give."""
_MAX_NESTING = 100
_STEP = re.compile(r'\.?([A-Za-z_][\w-]*)|\[(\d{1,9})\]|\[("(?:\\.|[^"\\])*")\]', re.ASCII)
_UNFIT = re.compile(r"[^a-zA-Z0-9_]")


def sanitized(key: str) -> str:
    """A key as the name of a label: what may not stand in one becomes ``_``."""
    key = _UNFIT.sub("_", key.strip())
    return f"_{key}" if key[:1].isdigit() else key


def text_of(value: object) -> str:
    """A JSON value as a label: strings as they are, what nests as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_parser(stage: Json) -> Run:
    """All scalar fields, nested ones joined with ``_``; or the values of expressions, missing ones empty."""
    paths = [(field.name, json_path(field)) for field in stage.fields]

    def run(entry: Entry) -> None:
        document = _document(entry)
        if document is None:
            return
        if paths:
            for name, path in paths:
                entry.extract(name, _found(document, path))
            return
        for count, (name, value) in enumerate(_flat(document, "", _MAX_NESTING)):
            if count >= MAX_FIELDS:
                return
            entry.extract(name, value)

    return run


def _document(entry: Entry) -> dict[str, object] | None:
    """The JSON object that the line is. Numbers stay as they are written."""
    try:
        found = json.loads(entry.line, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except (ValueError, RecursionError) as cause:
        entry.fail(JSON_ERROR, f"{cause}" if isinstance(cause, ValueError) else "nests too deep")
        return None
    if not isinstance(found, dict):
        entry.fail(JSON_ERROR, "expecting a JSON object, but it is not one")
        return None
    return found


class _Number(str):
    """A number of a JSON document, in its own digits."""

    __slots__ = ()


def _flat(value: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        name = f"{prefix}_{_UNFIT.sub('_', key)}" if prefix else sanitized(key)
        if isinstance(item, dict):
            if depth:
                yield from _flat(item, name, depth - 1)
        elif isinstance(item, bool):
            yield name, "true" if item else "false"
        elif isinstance(item, str):
            yield name, item


def json_path(field: Extraction) -> Sequence[str | int]:
    """``a.b[0]["c d"]`` as steps. ``QueryError`` when it is no such expression."""
    steps: list[str | int] = []
    position = 0
    while position < len(field.expression):
        found = _STEP.match(field.expression, position)
        if not found or (position == 0 and found[0].startswith(".")):
            raise QueryError(f"cannot parse expression [{field.expression}]: syntax error at character {position + 1}")
        name, number, quoted = found.groups()
        steps.append(name or (int(number) if number else json.loads(quoted, strict=False)))
        position = found.end()
    if not steps:
        raise QueryError(f"cannot parse expression [{field.expression}]: it is empty")
    return steps


def _found(value: object, path: Sequence[str | int]) -> str:
    for step in path:
        value = _item(value, step)
    return "" if value is None else _unwrapped(value)


def _item(value: object, step: str | int) -> object:
    """A part of a JSON value; None when there is none."""
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else None
    return value.get(step) if isinstance(value, dict) else None


def _unwrapped(value: object) -> str:
    return text_of(_plain(value)) if isinstance(value, dict | list) else text_of(value)


def _plain(value: object) -> object:
    """The same with numbers as numbers, so that they are printed without quotes."""
    if isinstance(value, _Number):
        return json.loads(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def logfmt_parser(stage: Logfmt) -> Run:
    """All pairs of the line, or those asked for; keys without a value only with ``--keep-empty`` or when asked for."""
    wanted = {field.expression: field.name for field in stage.fields}

    def run(entry: Entry) -> None:
        missing = dict(wanted)
        try:
            for count, (key, value) in enumerate(pairs(entry.line, strict=stage.strict)):
                if count >= MAX_FIELDS:
                    break
                if not wanted:
                    if value or stage.keep_empty:
                        entry.extract(sanitized(key), value)
                elif key in missing:
                    entry.extract(missing.pop(key), value)
        except LogfmtError as cause:
            entry.fail(LOGFMT_ERROR, str(cause))
            return
        for name in missing.values():
            entry.extract(name, "")

    return run


def text_parser(stage: TextParser) -> Run:
    """``pattern`` and ``regexp``. ``QueryError`` when the text is none, or names nothing."""
    return _pattern(stage.text) if stage.kind == "pattern" else _regexp(stage.text)


def _pattern(text: str) -> Run:
    pattern = Pattern.parsed(text)
    pattern.check_captures()

    def run(entry: Entry) -> None:
        for name, value in pattern.captures(entry.line):
            entry.extract(name, value)

    return run


def _regexp(text: str) -> Run:
    compiled = searcher(text)
    names = {number: name for name, number in compiled.groupindex.items()}
    if not names:
        raise QueryError("at least one named capture must be supplied")

    def run(entry: Entry) -> None:
        found = compiled.search(entry.line)
        if found:
            for number, name in sorted(names.items()):
                entry.extract(name, found.group(number) or "")

    return run


def unpack(entry: Entry) -> None:
    """The inverse of a shipper's ``pack``: string fields become labels, ``_entry`` the line."""
    document = _document(entry) if entry.line else None
    if document is None:
        return
    if not any(isinstance(value, str) for value in document.values()):
        return
    for key, value in document.items():
        if key == "_entry" and isinstance(value, str):
            entry.line = value
        elif isinstance(value, str) and not isinstance(value, _Number):
            entry.extract(sanitized(key), value)


_COLOUR = re.compile(
    r"[\x1b\x9b][\[\]()#;?]*(?:(?:[a-zA-Z\d]*(?:;[a-zA-Z\d]*)*)?\x07|(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PRZcf-ntqry=><~])"
)


def decolorize(entry: Entry) -> None:
    """Take ANSI escape sequences out of the line."""
    if "\x1b" in entry.line or "\x9b" in entry.line:
        entry.line = _COLOUR.sub("", entry.line)


BARE: Mapping[str, Run] = {"unpack": unpack, "decolorize": decolorize}
