"""The level of a log line, as Loki detects it when a line comes in (``detected_level``): from fields or the text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from obsctl.embedded.query.logql.json_text import JsonTextError, fields
from obsctl.embedded.query.logql.logfmt import LogfmtError, pairs

LEVEL_FIELDS = (
    *("level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText", "lvl", "LVL", "Lvl"),
    *("severity_text", "Severity_Text", "SEVERITY_TEXT"),
)
"""Fields that hold a level, in Loki's order; the first that is there counts."""

UNKNOWN = "unknown"
_SPELLINGS = {
    **dict.fromkeys(("trace", "trc"), "trace"),
    **dict.fromkeys(("debug", "dbg"), "debug"),
    **dict.fromkeys(("info", "inf", "information"), "info"),
    **dict.fromkeys(("warn", "wrn", "warning"), "warn"),
    **dict.fromkeys(("error", "err"), "error"),
    **{level: level for level in ("critical", "fatal")},
}
_SEVERITIES = ("trace", "debug", "info", "warn", "error", "fatal")
_WORDS = {word: _SPELLINGS[word] for word in ("trace", "debug", "fatal", "critical", "error", "warning", "info")} | {
    "err": "error",
    "warn": "warn",
}
_WORD = re.compile(
    rf'(?<![^ \t\n\[({{"=])({"|".join(sorted(_WORDS, key=len, reverse=True))})(?![^ \t\n\[\](){{}}:,!"=])'
)
_JSON_DEPTH = 2
_FIELD_ORDER = {name.lower(): place for place, name in reversed(list(enumerate(LEVEL_FIELDS)))}


def normalized(level: str) -> str:
    """Loki's name of a level; one that it does not know stays as it is."""
    return _SPELLINGS.get(level.lower(), level)


def detected_level(known: Mapping[str, str], line: str) -> str:
    """The level of a line with labels and metadata.

    It is that of a field, else of OTLP's severity number, else of a field in the line, else of a word in it.
    """
    level = next((known[name] for name in ("detected_level", *LEVEL_FIELDS) if known.get(name)), "")
    if level:
        return normalized(level)
    number = known.get("severity_number", "")
    if number:
        return _of_severity(int(number)) if re.fullmatch(r"[+-]?\d{1,9}", number, re.ASCII) else "info"
    return level_of_line(line)


def _of_severity(number: int) -> str:
    if number == 0 or number > 24:
        return UNKNOWN
    return _SEVERITIES[max(number - 1, 0) // 4]


def level_of_line(line: str) -> str:
    """The level that the text of a line tells."""
    text = line.strip()
    if text.startswith("{") and text.endswith("}"):
        found = _in_json(line, _JSON_DEPTH)
    elif "=" in line:
        found = _in_logfmt(line)
    else:
        found = ""
    return _SPELLINGS.get(found.lower(), "") or _in_words(line)


def _in_json(text: str, depth: int) -> str:
    """The first field with one of the names whose value is a string, nested ones in their turn."""
    try:
        for key, value in fields(text):
            if value.kind == "string" and key in LEVEL_FIELDS:
                return value.text
            if value.kind == "object" and depth > 1 and (found := _in_json(value.text, depth - 1)):
                return found
    except JsonTextError:
        pass
    return ""


def _in_logfmt(line: str) -> str:
    """Of the pairs that may hold a level the one whose name comes first in the list, up to what is no pair."""
    found, best = "", len(LEVEL_FIELDS)
    try:
        for key, value in pairs(line, strict=True):
            place = _FIELD_ORDER.get(key.lower(), best)
            if place < best:
                found, best = value, place
    except LogfmtError:
        pass
    return found


def _in_words(line: str) -> str:
    """The first level that stands as a word of its own, in brackets or before a colon, too."""
    found = _WORD.search(line.lower())
    return _WORDS[found[1]] if found else UNKNOWN
