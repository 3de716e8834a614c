"""Stages as one function over lines, and the number that ``unwrap`` takes out of a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from obsctl.embedded.query.logql import parsers
from obsctl.embedded.query.logql.entry import ERROR, ERROR_DETAILS, Entry
from obsctl.embedded.query.logql.filters import Test, condition, line_filter, matcher
from obsctl.embedded.query.logql.formats import label_format, line_format
from obsctl.languages.logql.literals import number, size_bytes
from obsctl.languages.logql.metric_tree import Conversion, Unwrap
from obsctl.languages.logql.tree import (
    Bare,
    Json,
    LabelFilter,
    LabelFormat,
    LabelSelection,
    LineFilter,
    LineFormat,
    Logfmt,
    Match,
    Stage,
    TextParser,
)
from obsctl.languages.units import SECOND_NS, go_duration_ns

EXTRACTION_ERROR = "SampleExtractionErr"
SPECIAL = (ERROR, ERROR_DETAILS)


def pipeline(stages: Sequence[Stage]) -> Test:
    """Whether a line comes through, changed on its way. ``QueryError`` for a stage with an unreadable argument."""
    tests = [_test(stage) for stage in stages]
    if len(tests) == 1:
        return tests[0]

    def passes(entry: Entry) -> bool:
        for test in tests:  # noqa: SIM110 - a generator for ``all`` costs as much as a test
            if not test(entry):
                return False
        return True

    return passes


def _test(stage: Stage) -> Test:
    """One stage as a test."""
    return _STAGES[type(stage)](stage)


def _always(run: Callable[[Entry], None]) -> Test:
    """A stage that lets every line through."""

    def test(entry: Entry) -> bool:
        run(entry)
        return True

    return test


def _select(stage: LabelSelection) -> Test:
    names = frozenset(item for item in stage.items if isinstance(item, str))
    matchers = [matcher(item) for item in stage.items if isinstance(item, Match)]

    def named(entry: Entry, name: str) -> bool:
        if name in names:
            return True
        return any(one.name == name and one.matches(entry.get(name) or "") for one in matchers)

    def drop(entry: Entry) -> None:
        for name in [name for name in (*entry.names, *SPECIAL) if named(entry, name)]:
            entry.remove(name)

    def keep(entry: Entry) -> None:
        for name in [name for name in entry.names if not named(entry, name)]:
            entry.remove(name)

    return _always(drop if stage.kind == "drop" else keep)


_STAGES: Mapping[type, Callable[..., Test]] = {
    LineFilter: line_filter,
    LabelFilter: lambda stage: condition(stage.condition),
    Json: lambda stage: _always(parsers.json_parser(stage)),
    Logfmt: lambda stage: _always(parsers.logfmt_parser(stage)),
    TextParser: lambda stage: _always(parsers.text_parser(stage)),
    Bare: lambda stage: _always(parsers.BARE[stage.kind]),
    LineFormat: lambda stage: _always(line_format(stage)),
    LabelFormat: lambda stage: _always(label_format(stage)),
    LabelSelection: _select,
}

_CONVERSIONS: Mapping[Conversion, Callable[[str], float]] = {
    "": number,
    "duration": lambda text: go_duration_ns(text) / SECOND_NS,
    "duration_seconds": lambda text: go_duration_ns(text) / SECOND_NS,
    "bytes": size_bytes,
}

Sample = Callable[[Entry], float | None]


def unwrapped(unwrap: Unwrap) -> Sample:
    """The number in a label, which is taken away; None for a line without it, or that a filter drops.

    A label that cannot be read gives 0 and an error.
    """
    convert, name, keeps = _CONVERSIONS[unwrap.conversion], unwrap.name, pipeline(unwrap.filters)

    def sample(entry: Entry) -> float | None:
        text = entry.get(name)
        if text is None:
            return None
        value = 0.0
        try:
            value = convert(text)
        except ValueError as cause:
            entry.fail(EXTRACTION_ERROR, str(cause))
        if not keeps(entry):
            return None
        entry.remove(name)
        return value

    return sample
