"""What recording rules add to the series that are known. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from obsctl.languages.errors import QueryError
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import selectors_in
from obsctl.lint.promql import name_of, read
from obsctl.lint.series import UNKNOWN, Known, Series, Shape, merged
from obsctl.spec.rule_file import FileRule


def with_recorded(known: Known, rules: Iterable[FileRule]) -> Known:
    """What is known once recording rules have added their series. Rules that need each other add unknown ones."""
    recorded: dict[str, list[FileRule]] = {}
    for rule in rules:
        if rule.kind == "record":
            recorded.setdefault(rule.name, []).append(rule)
    series = {**{name: Series(UNKNOWN, scraped=False) for name in recorded}, **known.series}
    for name in _in_order({name: _names_in(rules) & recorded.keys() for name, rules in recorded.items()}):
        shapes = [_recorded_shape(rule, replace(known, series=series)) for rule in recorded[name]]
        series[name] = known.series.get(name) or Series(merged(shapes), scraped=False)
    return replace(known, series=series)


def _recorded_shape(rule: FileRule, known: Known) -> Shape:
    shape = read(rule.expr, known).shape
    return replace(shape, labels=None if shape.labels is None else shape.labels | frozenset(rule.labels))


def _names_in(rules: Iterable[FileRule]) -> frozenset[str]:
    """The metrics that rules name. What is no PromQL names none."""
    found: set[str] = set()
    for rule in rules:
        with contextlib.suppress(QueryError):
            found.update(name_of(selector) for selector in selectors_in(parse(rule.expr)))
    return frozenset(found)


def _in_order(needs: Mapping[str, frozenset[str]]) -> Iterable[str]:
    """Names, each after those that it needs. Those of a circle are left out."""
    rest = dict(needs)
    while True:
        try:
            return [name for name in TopologicalSorter(rest).static_order() if name in rest]
        except CycleError as error:
            rest = {name: need for name, need in rest.items() if name not in error.args[1]}
