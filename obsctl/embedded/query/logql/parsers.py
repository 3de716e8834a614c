"""Parser stages: each takes labels out of a line (grafana.com/docs/loki/latest/query/log_queries)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from obsctl.embedded.query.logql import json_text
from obsctl.embedded.query.logql.entry import EXTRACTED, Entry
from obsctl.embedded.query.logql.hints import Hints
from obsctl.embedded.query.logql.json_paths import find, parse_path
from obsctl.embedded.query.logql.json_text import JsonTextError, JsonValue
from obsctl.embedded.query.logql.logfmt import LogfmtError, pairs
from obsctl.embedded.query.logql.patterns import Pattern
from obsctl.languages.errors import QueryError
from obsctl.languages.logql.tree import Bare, Extraction, Json, Logfmt, TextParser
from obsctl.languages.regex import searcher

Run = Callable[[Entry], bool]
"""A parser; false when the line can no longer come through."""

JSON_ERROR = "JSONParserErr"
LOGFMT_ERROR = "LogfmtParserErr"
MAX_FIELDS = 1_000
"""Labels that one line may give."""
_MAX_NESTING = 100
_UNFIT = re.compile(r"[^a-zA-Z0-9_]")
_PACKED = "_entry"
_NO_OBJECT = "expecting json object(6), but it is not"


def sanitized(key: str) -> str:
    """A key as the name of a label: what may not stand in one becomes ``_``."""
    key = _UNFIT.sub("_", key.strip())
    return f"_{key}" if key[:1].isdigit() else key


def json_parser(stage: Json, hints: Hints) -> Run:
    """All scalar fields, nested ones joined with ``_``; or the values of expressions, missing ones empty."""
    return _json_expressions(stage.fields, hints) if stage.fields else _json_fields(hints)


class _Done(Exception):  # noqa: N818 - a jump, not a mistake
    """A parser stops here; ``args[0]`` says whether the line goes on."""


def _json_fields(hints: Hints) -> Run:
    def run(entry: Entry) -> bool:
        if hints.satisfied(entry):
            return True
        document = json_text.document(entry.line)
        taking = _Taking(entry, hints)
        try:
            if document is None:
                _walk_text(taking, entry.line, "", _MAX_NESTING)
            else:
                _walk(taking, document, "", _MAX_NESTING)
        except JsonTextError as cause:
            hints.fail(entry, JSON_ERROR, str(cause))
        except _Done as done:
            return bool(done.args[0])
        return True

    return run


class _Taking:
    """Takes the fields of one line."""

    def __init__(self, entry: Entry, hints: Hints) -> None:
        self.entry, self.hints, self.left = entry, hints, MAX_FIELDS

    def take(self, prefix: str, key: str, value: str) -> None:
        """One field. ``_Done`` when no other is needed."""
        entry, hints = self.entry, self.hints
        name = joined_name(prefix, key)
        if entry.stored(name):
            name = f"{name}{EXTRACTED}" if not prefix else joined_name(prefix, f"{key}{EXTRACTED}")
        if name and hints.wants(name, entry):
            entry.set(name, value)
            self.left -= 1
            if not hints.keeps(name, entry):
                raise _Done(False)
        if not self.left or hints.satisfied(entry):
            raise _Done(True)


def joined_name(prefix: str, key: str) -> str:
    if not prefix:
        return sanitized(key)
    key = key.strip()
    return f"{prefix}_{_UNFIT.sub('_', key)}" if key else prefix


def _walk(taking: _Taking, pairs: json_text.ObjectPairs, prefix: str, depth: int) -> None:
    for key, value in pairs:
        if isinstance(value, json_text.ObjectPairs):
            name = joined_name(prefix, key)
            if depth and taking.hints.wants_under(name):
                _walk(taking, value, name, depth - 1)
        elif isinstance(value, str):
            taking.take(prefix, key, value)
        elif isinstance(value, bool):
            taking.take(prefix, key, "true" if value else "false")
        elif taking.hints.satisfied(taking.entry):
            raise _Done(True)


def _walk_text(taking: _Taking, text: str, prefix: str, depth: int) -> None:
    for key, value in json_text.fields(text):
        if value.kind == "object":
            name = joined_name(prefix, key)
            if depth and taking.hints.wants_under(name):
                _walk_text(taking, value.text, name, depth - 1)
        elif value.kind in ("string", "number", "boolean"):
            taking.take(prefix, key, json_text.clean(value.text) if value.kind == "string" else value.text)
        elif taking.hints.satisfied(taking.entry):
            raise _Done(True)


def _json_expressions(fields: Iterable[Extraction], hints: Hints) -> Run:
    names = [field.name for field in fields]
    paths = [parse_path(field.expression) for field in fields]

    def run(entry: Entry) -> bool:
        if not entry.line or hints.satisfied(entry):
            return True
        if entry.line[0] not in '"{[':
            hints.fail(entry, JSON_ERROR)
            return True
        found: list[int] = []

        def see(index: int, value: JsonValue) -> None:
            name = names[index]
            entry.set(f"{name}{EXTRACTED}" if entry.stored(name) else name, _expressed(value))
            found.append(index)

        try:
            find(entry.line, paths, see)
        except JsonTextError as cause:
            hints.fail(entry, JSON_ERROR, str(cause))
        if len(found) < len(names):
            for name in [name for name in names if entry.get(name) is None]:
                entry.set(name, "")
        return True

    return run


def _expressed(value: JsonValue) -> str:
    if value.kind == "null":
        return ""
    return value.text if value.kind == "object" else json_text.clean(value.text)


def logfmt_parser(stage: Logfmt, hints: Hints) -> Run:
    """All pairs of the line, or those asked for; keys without a value only with ``--keep-empty`` or when asked for."""
    take = _logfmt_expressions(stage.fields, hints) if stage.fields else _logfmt_pairs(stage.keep_empty, hints)

    def run(entry: Entry) -> bool:
        if hints.satisfied(entry):
            return True
        try:
            take(entry, pairs(entry.line, strict=stage.strict))
        except LogfmtError as cause:
            hints.fail(entry, LOGFMT_ERROR, str(cause))
        except _Done as done:
            return bool(done.args[0])
        return True

    return run


Pairs = Iterable[tuple[str, str]]


def _logfmt_pairs(keep_empty: bool, hints: Hints) -> Callable[[Entry, Pairs], None]:
    def take(entry: Entry, found: Pairs) -> None:
        for key, value in found:
            name = sanitized(key)
            if entry.stored(name):
                name = f"{name}{EXTRACTED}"
            if not name or not (value or keep_empty) or not hints.wants(name, entry):
                continue
            entry.set(name, value.replace("\ufffd", " "))
            if not hints.keeps(name, entry):
                raise _Done(False)
            if len(entry.parsed) >= MAX_FIELDS or hints.satisfied(entry):
                raise _Done(True)

    return take


def _logfmt_expressions(fields: Iterable[Extraction], hints: Hints) -> Callable[[Entry, Pairs], None]:
    keys = {field.name: _logfmt_key(field.expression) for field in fields}
    names = {key: name for name, key in reversed(keys.items())}

    def take(entry: Entry, found: Pairs) -> None:
        for name in keys:
            if not entry.stored(name):
                entry.set(name, "")
        for found_key, value in found:
            key = sanitized(found_key)
            if not key or (key not in keys and (hints.required and key not in hints.required)):
                continue
            if key not in keys and key in entry.extracted:
                continue
            name = names.get(key, key)
            if name not in keys:
                continue
            if entry.stored(name):
                name = f"{name}{EXTRACTED}"
                if not hints.wants(name, entry):
                    return
            entry.set(name, "" if "\ufffd" in value else value)
            if hints.satisfied(entry):
                return

    return take


def _logfmt_key(expression: str) -> str:
    """The key that an expression names. ``QueryError`` when it is none."""
    found = re.fullmatch(r'[ \t\n]*(?:([A-Za-z_][A-Za-z0-9_]*)|"([^"\]]*)["\]]?)[ \t\n]*', expression, re.ASCII)
    if not found:
        raise QueryError(f"cannot parse expression [{expression}]: syntax error: expecting STRING or KEY")
    return found[1] if found[1] is not None else found[2]


def text_parser(stage: TextParser, hints: Hints) -> Run:
    """``pattern`` and ``regexp``. ``QueryError`` when the text is none, or names nothing."""
    return _pattern(stage.text, hints) if stage.kind == "pattern" else _regexp(stage.text, hints)


def _take_all(entry: Entry, hints: Hints, found: Iterable[tuple[str, str]]) -> bool:
    for captured, value in found:
        name = f"{captured}{EXTRACTED}" if entry.stored(captured) else captured
        if hints.wants(name, entry):
            entry.set(name, value)
            if not hints.keeps(name, entry):
                return False
    return True


def _pattern(text: str, hints: Hints) -> Run:
    pattern = Pattern.parsed(text)
    pattern.check_captures()

    def run(entry: Entry) -> bool:
        return hints.satisfied(entry) or _take_all(entry, hints, pattern.captures(entry.line))

    return run


def _regexp(text: str, hints: Hints) -> Run:
    compiled = searcher(text)
    names = sorted((number, name) for name, number in compiled.groupindex.items())
    if not names:
        raise QueryError("at least one named capture must be supplied")

    def run(entry: Entry) -> bool:
        found = compiled.search(entry.line)
        if not found:
            return True
        return _take_all(entry, hints, ((name, found.group(number) or "") for number, name in names))

    return run


def _unpack(hints: Hints) -> Run:
    """The inverse of a shipper's ``pack``: string fields of a line with ``_entry`` become labels, and that the line."""

    def run(entry: Entry) -> bool:
        if not entry.line or hints.satisfied(entry):
            return True
        if entry.line[0] != "{":
            hints.fail(entry, JSON_ERROR, _NO_OBJECT)
            return True
        try:
            line, found = _packed(entry, hints)
        except JsonTextError as cause:
            hints.fail(entry, JSON_ERROR, str(cause))
            return True
        if line is not None:
            entry.line = line
            for name, value in found:
                entry.set(name, value)
                if not hints.keeps(name, entry):
                    return False
        return True

    return run


def _packed(entry: Entry, hints: Hints) -> tuple[str | None, list[tuple[str, str]]]:
    """The line that was packed, and the labels with it. ``JsonTextError``."""
    line: str | None = None
    labels: list[tuple[str, str]] = []
    for key, value in json_text.fields(entry.line):
        if value.kind == "string" and key == _PACKED:
            line = json_text.unescaped(value.text)
            if line is None:
                raise JsonTextError(json_text.BAD_ESCAPE)
        elif value.kind == "string":
            name = f"{key}{EXTRACTED}" if entry.stored(key) else key
            if hints.wants(name, entry):
                labels.append((sanitized(name), json_text.clean(value.text)))
    return line, labels


_COLOUR = re.compile(
    r"[\x1b\x9b][\[\]()#;?]*(?:(?:[a-zA-Z\d]*(?:;[a-zA-Z\d]*)*)?\x07|(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PRZcf-ntqry=><~])"
)


def _decolorize(_: Hints) -> Run:
    """Take ANSI escape sequences out of the line."""

    def run(entry: Entry) -> bool:
        if "\x1b" in entry.line or "\x9b" in entry.line:
            entry.line = _COLOUR.sub("", entry.line)
        return True

    return run


_BARE: Mapping[str, Callable[[Hints], Run]] = {"unpack": _unpack, "decolorize": _decolorize}


def bare(stage: Bare, hints: Hints) -> Run:
    """``unpack`` and ``decolorize``."""
    return _BARE[stage.kind](hints)
