"""Stages as one function over lines, and the number that ``unwrap`` takes out of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from obsctl.embedded.query.logql import parsers
from obsctl.embedded.query.logql.entry import ERROR, ERROR_DETAILS, PRESERVE_ERROR, Entry
from obsctl.embedded.query.logql.filters import condition, label_names, line_filter, matcher
from obsctl.embedded.query.logql.formats import label_format, line_format, required_by
from obsctl.embedded.query.logql.hints import ALL, Hints, Test, with_originals
from obsctl.languages.errors import QueryError
from obsctl.languages.logql.literals import number, size_bytes
from obsctl.languages.logql.metric_tree import Conversion, Grouping, Unwrap
from obsctl.languages.logql.tree import (
    Bare,
    Compare,
    IpMatch,
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
_SPECIAL = (ERROR, ERROR_DETAILS, PRESERVE_ERROR)


def pipeline(stages: Sequence[Stage], hints: Hints | None = None) -> Test:
    """Whether a line comes through, changed on its way. ``QueryError`` for a stage with an unreadable argument.

    ``hints`` are what parsers need to know; without them, what the stages alone tell.
    """
    known = Hints(filters=single_filters(stages)) if hints is None else hints
    tests = [_built(stage, known) for stage in ordered(stages)]
    if len(tests) == 1:
        return tests[0]

    def passes(entry: Entry) -> bool:
        for test in tests:  # noqa: SIM110 - a generator for ``all`` costs as much as a test
            if not test(entry):
                return False
        return True

    return passes


def _built(stage: Stage, hints: Hints) -> Test:
    try:
        return _STAGES[type(stage)](stage, hints)
    except QueryError as cause:
        where = f"invalid {stage.kind} parser: " if isinstance(stage, TextParser) else f"stage '{stage}' : "
        raise QueryError(f"parse error : {where}{cause}") from cause


def ordered(stages: Sequence[Stage]) -> Iterator[Stage]:
    """Stages as Loki runs them: a line filter comes before what cannot change the line, and before ``decolorize``."""
    filters: list[Stage] = []
    others: list[Stage] = []
    for stage in stages:
        (filters if isinstance(stage, LineFilter) else others).append(stage)
        if isinstance(stage, LabelFilter | LineFormat) or stage == Bare("unpack"):
            last = [others.pop()] if isinstance(stage, LabelFilter) else []
            yield from (*filters, *others, *last)
            filters, others = [], []
    yield from (*filters, *others)


def single_filters(stages: Sequence[Stage]) -> list[tuple[str, Test]]:
    """The label filters that look at one label, with its name."""
    filters = [stage for stage in stages if isinstance(stage, LabelFilter)]
    single = [(stage, stage.condition) for stage in filters if isinstance(stage.condition, Match | Compare | IpMatch)]
    return [(one.name, _built(stage, ALL)) for stage, one in single]


def required(stages: Sequence[Stage]) -> Iterator[str]:
    """The labels that stages read."""
    for stage in stages:
        if isinstance(stage, LabelFilter):
            yield from label_names(stage.condition)
        elif isinstance(stage, LineFormat | LabelFormat):
            yield from required_by(stage)


def metric_hints(stages: Sequence[Stage], unwrap: Unwrap | None, grouping: Grouping | None, *, none: bool) -> Hints:
    """What parsers need for the samples of a metric query; ``none``: its series have no labels."""
    filters = (*stages, *unwrap.filters) if unwrap else tuple(stages)
    groups = grouping.labels if grouping else ()
    without = bool(grouping and grouping.without)
    if unwrap and (not groups or without):
        groups, without = (*groups, unwrap.name), True
    names = with_originals((*required(filters), *groups, unwrap.name if unwrap else ""))
    if none:
        return Hints(names, filters=single_filters(filters)) if names else Hints(nothing=True)
    if without or not groups:
        return Hints(filters=single_filters(filters))
    return Hints(names)


def _always(run: Callable[[Entry], None]) -> Test:
    """A stage that lets every line through."""

    def test(entry: Entry) -> bool:
        run(entry)
        return True

    return test


def _select(stage: LabelSelection, _: Hints) -> Test:
    return _always(_dropped(stage.items) if stage.kind == "drop" else _kept(stage.items))


def _dropped(items: Sequence[str | Match]) -> Callable[[Entry], None]:
    matchers = [matcher(item) for item in items if isinstance(item, Match)]
    names = [item for item in items if isinstance(item, str)]

    def drop(entry: Entry) -> None:
        for one in matchers:
            value = entry.error_details if one.name == ERROR_DETAILS else entry.text(one.name)
            if one.matches(value):
                entry.remove(one.name)
        for name in names:
            if name in _SPECIAL or entry.get(name) is not None:
                entry.remove(name)

    return drop


def _kept(items: Sequence[str | Match]) -> Callable[[Entry], None]:
    matchers = [matcher(item) for item in items if isinstance(item, Match)]
    names = frozenset(item for item in items if isinstance(item, str))

    def keep(entry: Entry) -> None:
        for name, value in entry.all().items():
            if name in names or name in _SPECIAL:
                continue
            if not any(one.name == name and one.matches(value) for one in matchers):
                entry.remove(name)

    return keep


_STAGES: Mapping[type, Callable[..., Test]] = {
    LineFilter: lambda stage, _: line_filter(stage),
    LabelFilter: lambda stage, _: condition(stage.condition),
    Json: parsers.json_parser,
    Logfmt: parsers.logfmt_parser,
    TextParser: parsers.text_parser,
    Bare: parsers.bare,
    LineFormat: lambda stage, _: _always(line_format(stage)),
    LabelFormat: lambda stage, _: _always(label_format(stage)),
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
    """The number in a label; None for a line without it, or that a filter drops.

    A label that cannot be read gives 0 and an error.
    """
    convert, name, keeps = _CONVERSIONS[unwrap.conversion], unwrap.name, pipeline(unwrap.filters, ALL)

    def sample(entry: Entry) -> float | None:
        text = entry.get(name)
        if not text:
            return None
        value = 0.0
        try:
            value = convert(text)
        except ValueError as cause:
            entry.fail(EXTRACTION_ERROR, str(cause))
        return value if keeps(entry) else None

    return sample
