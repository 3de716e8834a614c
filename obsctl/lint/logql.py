"""What is wrong with a log query, given the labels of streams and the fields of lines that there are. Pure.

A line carries labels of its stream, metadata beside it, and what parsers take out of it. Contracts name the fields that
every line must have; where one of them says nothing about logs, nothing is known of fields, and nothing is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from obsctl.languages.errors import QueryError
from obsctl.languages.logql.metric_tree import Grouping, LogRange, MetricExpr, RangeAggregate, VectorAggregate, ranges
from obsctl.languages.logql.parse import parse
from obsctl.languages.logql.tree import (
    AllOf,
    AnyOf,
    Condition,
    Json,
    LabelFilter,
    LabelFormat,
    Logfmt,
    LogQuery,
    Stage,
    TextParser,
)
from obsctl.lint.promql import Issue
from obsctl.lint.series import Known
from obsctl.schema.text import nearest, quoted

TEXTS = frozenset(
    (
        *("trace_id", "span_id", "request_id", "message", "msg", "text", "body", "level", "severity", "severity_text"),
        *("detected_level", "timestamp", "time", "ts", "service"),
    )
)
"""Fields that are no numbers, whoever writes them."""

_BESIDE = frozenset(
    (
        *("trace_id", "span_id", "request_id", "severity_text", "severity_number", "detected_level", "flags"),
        *("observed_timestamp", "event_name", "scope_name", "scope_version", "__error__", "__error_details__"),
    )
)
"""Metadata that shippers and OTLP give to lines, and what a failed parser leaves."""

_GROUPS = re.compile(r"\(\?P<(\w+)>")
_CAPTURES = re.compile(r"<(\w+)>")


def log_issues(expr: str, known: Known) -> Iterator[Issue]:
    """Everything wrong with a query whose variables are filled in."""
    try:
        query = parse(expr)
    except QueryError as error:
        if "not supported" not in str(error):
            yield Issue("logql.syntax", expr, f"not valid LogQL: {error}")
        return
    if isinstance(query, LogQuery):
        yield from _lines(query, known)
        return
    for found in ranges(query):
        yield from _lines(found.query, known)
        yield from _range(found, known)
    yield from _groupings(query, known)


def _lines(query: LogQuery, known: Known) -> Iterator[Issue]:
    """The labels of the selector, then the fields that stages ask for, in order."""
    for match in query.selector:
        if match.name not in known.log_labels:
            hint = f"streams have {', '.join(sorted(known.log_labels))}" + nearest(match.name, sorted(known.log_labels))
            yield Issue("logql.unknown-label", match.name, f"no stream has a label {quoted(match.name)}", hint=hint)
    made: set[str] = set()
    for stage in query.stages:
        if isinstance(stage, LabelFilter):
            for name in _names(stage.condition):
                yield from _field(name, made, known)
        made |= set(_made(stage))


def _range(found: LogRange, known: Known) -> Iterator[Issue]:
    if found.range_ns < known.scrape_interval * 1e9:
        message = f"it looks at {found.range_ns / 1e9:g} s of every {known.scrape_interval:g} s"
        yield Issue("logql.short-range", "", message)
    if found.unwrap is None:
        return
    name, made = found.unwrap.name, _all_made(found.query)
    if name not in made and (name in TEXTS or name in known.log_labels):
        yield Issue("logql.unwrap-text", name, f"{quoted(name)} is a text, so there is nothing to calculate with")
    else:
        yield from _field(name, made, known)


def _groupings(expr: MetricExpr, known: Known) -> Iterator[Issue]:
    """What results are grouped by: a label that no line has makes one group of all."""
    made = {name for found in ranges(expr) for name in _all_made(found.query)}
    for grouping in _grouped(expr):
        for name in grouping.labels if not grouping.without else ():
            yield from _field(name, made, known)


def _grouped(expr: MetricExpr) -> Iterator[Grouping]:
    if isinstance(expr, RangeAggregate | VectorAggregate) and expr.grouping:
        yield expr.grouping
    if isinstance(expr, VectorAggregate):
        yield from _grouped(expr.expr)


def _field(name: str, made: set[str], known: Known) -> Iterator[Issue]:
    if known.log_fields is None or name in made or name in known.log_labels or name in _BESIDE:
        return
    plain = name.removesuffix("_extracted")
    if not any(plain == field or plain.startswith(f"{field}_") for field in known.log_fields):
        there = sorted({*known.log_fields, *known.log_labels})
        message = f"no contract has {quoted(name)} among the fields of log lines{nearest(name, there)}"
        yield Issue("logql.unknown-field", name, message)


def _names(condition: Condition) -> Iterator[str]:
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _names(part)
    else:
        yield condition.name


def _all_made(query: LogQuery) -> set[str]:
    return {name for stage in query.stages for name in _made(stage)}


def _made(stage: Stage) -> Iterator[str]:
    """The labels that a stage makes under names that the query gives."""
    match stage:
        case Json() | Logfmt():
            yield from (field.name for field in stage.fields)
        case LabelFormat():
            yield from (item.name for item in stage.items)
        case TextParser():
            yield from (_GROUPS if stage.kind == "regexp" else _CAPTURES).findall(stage.text)
