"""The level that a line without one is given, in the forms that Loki knows."""

from __future__ import annotations

import pytest

from obsctl.embedded.query.logql.levels import LEVEL_FIELDS, detected_level, level_of_line


@pytest.mark.parametrize(
    ("line", "level"),
    [
        # JSON: the first field with one of the names whose value is a text, two levels deep
        *(('{"lvl":"WRN","level":"info"}', "warn"), ('{"n":1,"log":{"Level":"dbg"}}', "debug")),
        *(('{"a":{"b":{"level":"inf"}}}', "unknown"), ('{"level":50,"severity":"FATAL"}', "fatal")),
        (' {"level":"trace","cut":{"x" }\n', "trace"),
        # logfmt: the name that comes first in the list, in any case, before the line stops being logfmt
        *(("lvl=info Level=ERR", "error"), ("LEVEL=Warning x", "warn"), ('x="a"b" level=info', "info")),
        # a value that is no level: the words of the line
        *(('{"level":"loud","msg":"an error here"}', "error"), ("level=loud but warn", "warn")),
        # words, in brackets and before a colon, the first one
        *(("[ERROR] boom", "error"), ("2024-01-01 INFO start, then error", "info"), ("(debug) x", "debug")),
        *(("panic: critical!", "critical"), ("Err: no", "error"), ('said "fatal"', "fatal")),
        # parts of words and what belongs to another key are none
        *(("errors and warnings", "unknown"), ("misc:error", "unknown"), ("no-error", "unknown"), ("", "unknown")),
    ],
)
def test_a_line_tells_its_level(line: str, level: str) -> None:
    assert level_of_line(line) == level


@pytest.mark.parametrize("name", LEVEL_FIELDS)
def test_a_field_comes_before_the_severity_and_the_line(name: str) -> None:
    assert detected_level({name: "Information", "severity_number": "17"}, "[debug]") == "info"


@pytest.mark.parametrize(
    ("number", "level"),
    [
        *(("1", "trace"), ("4", "trace"), ("5", "debug"), ("9", "info"), ("13", "warn"), ("17", "error")),
        *(("21", "fatal"), ("24", "fatal"), ("25", "unknown"), ("0", "unknown"), ("seven", "info")),
    ],
)
def test_the_severity_number_comes_before_the_line(number: str, level: str) -> None:
    assert detected_level({"severity_number": number}, "an error") == level


def test_a_level_that_nobody_knows_stays_as_it_is() -> None:
    assert detected_level({"level": "SEVERE"}, "an error") == "SEVERE"
