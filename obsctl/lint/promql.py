"""What is wrong with an expression, given the series that there are. Pure.

An expression is walked from the inside out, and of each part is known what labels its series can have and whether they
are counters. Where nothing is known nothing is found: a finding is never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from obsctl.languages.errors import QueryError
from obsctl.languages.promql.durations import Timing
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Negation,
    Number,
    Selector,
    String,
    Subquery,
    nodes_in,
)
from obsctl.lint.series import NUMBER, UNKNOWN, Known, Movement, Series, Shape, merged
from obsctl.schema.text import nearest, quoted

_SOME = Timing(step=60_000, range=3_600_000)
"""``step()`` and ``range()`` are something in a panel."""

_RATES = frozenset(("rate", "irate", "increase", "resets"))
_DELTAS = frozenset(("delta", "idelta", "deriv", "predict_linear"))
_KEEPING = frozenset(
    (
        *("abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "sort", "sort_desc", "label_replace"),
        *("label_join", "last_over_time", "max_over_time", "min_over_time", "first_over_time"),
    )
)
"""Functions whose result rises where their argument does."""

_ADDING = frozenset(("sum", "min", "max", "avg", "topk", "bottomk", "limitk", "limit_ratio"))
_PICKING = frozenset(("topk", "bottomk", "limitk", "limit_ratio"))
_SETS = frozenset(("and", "or", "unless"))
_COMPARISONS = frozenset(("==", "!=", ">", "<", ">=", "<="))
_RISING = frozenset(("+", "*", "/", *_COMPARISONS))
"""Operators with a number after which a counter still is one."""

_REGEX = re.compile(r"[.*+?()\[\]{}|^$\\]")


@dataclass(frozen=True)
class Issue:
    """Something wrong with an expression; ``at`` is its byte, -1 when unknown."""

    id: str
    target: str
    message: str
    at: int = -1
    hint: str = ""


@dataclass(frozen=True)
class Reading:
    """An expression as it was read: its tree (None if it is none), the shape of its result, and what is wrong."""

    tree: Expr | None
    shape: Shape
    issues: tuple[Issue, ...]


def read(text: str, known: Known) -> Reading:
    """Read an expression. Never raises."""
    try:
        tree = parse(text, _SOME)
    except QueryError as error:
        message = str(error).removeprefix("parse error: ")
        return Reading(None, UNKNOWN, (Issue("promql.syntax", "", f"not valid PromQL: {message}"),))
    walk = _Walk(known)
    shape = walk.shape(tree)
    return Reading(tree, shape, tuple(dict.fromkeys(walk.issues)))


def is_bare_counter(reading: Reading) -> bool:
    """Whether the result is a counter as it stands."""
    return reading.shape.rise is Movement.COUNTER


class _Walk:
    """One walk over one expression."""

    def __init__(self, known: Known) -> None:
        self.issues: list[Issue] = []
        self._known = known

    def shape(self, node: Expr) -> Shape:
        """The shape of a part; what is wrong with it is noted."""
        match node:
            case Number() | String():
                return NUMBER
            case Negation():
                return replace(self.shape(node.expr), rise=Movement.GAUGE)
            case Subquery():
                return self.shape(node.expr)
            case Selector():
                return self.selector(node)
            case Call():
                return self.call(node)
            case Aggregate():
                return self.aggregate(node)
            case Binary():
                return self.binary(node)

    def _note(self, id_: str, target: str, message: str, node: Expr, hint: str = "") -> None:
        self.issues.append(Issue(id_, target, message, node.at, hint))

    # -- selectors

    def selector(self, node: Selector) -> Shape:
        name = next((m.value for m in node.matchers if m.name == "__name__" and m.op == "="), None)
        if name is None:
            self._pattern(node)
            return UNKNOWN
        series = self._known.series.get(name)
        if series is None:
            if not self._known.is_external(name):
                close = nearest(name, self._known.series)
                self._note("promql.unknown-metric", name, f"no contract and no rule has {quoted(name)}{close}", node)
            return UNKNOWN
        self._matchers(name, series, node)
        self._range(name, series, node)
        return series.shape

    def _pattern(self, node: Selector) -> None:
        for matcher in node.matchers:
            if matcher.name == "__name__" and matcher.op == "=~":
                found = (name for name in self._known.series if matcher.matches(name))
                if not self._known.has_match(matcher.value, found):
                    self._note(
                        "promql.unknown-metric", matcher.value, f"no metric matches {quoted(matcher.value)}", node
                    )

    def _matchers(self, name: str, series: Series, node: Selector) -> None:
        for matcher in node.matchers:
            if matcher.name == "__name__":
                continue
            if not (matcher.op == "=" and matcher.value == ""):
                self._exists(matcher.name, series.shape, name, node)
            if matcher.op in ("=~", "!~") and matcher.value and not _REGEX.search(matcher.value):
                plain = f"{matcher.name}{'=' if matcher.op == '=~' else '!='}{quoted(matcher.value)}"
                self._note(
                    "promql.needless-regex",
                    name,
                    f"{matcher.op} {quoted(matcher.value)} is plain text",
                    node,
                    f"write {plain}",
                )
            if matcher.name == "le" and matcher.op == "=" and series.buckets:
                self._bucket(name, matcher.value, series, node)

    def _bucket(self, name: str, bound: str, series: Series, node: Selector) -> None:
        try:
            there = float(bound) in (*series.buckets, float("inf"))
        except ValueError:
            return  # a variable of a dashboard, which has all of them
        if not there:
            bounds = ", ".join(f"{b:g}" for b in series.buckets)
            self._note(
                "promql.unknown-bucket", name, f"{name} has no bucket le={quoted(bound)}", node, f"bounds: {bounds}"
            )

    def _range(self, name: str, series: Series, node: Selector) -> None:
        least = 2 * self._known.scrape_interval
        if series.scraped and node.range_ms is not None and node.range_ms / 1000 < least:
            message = f"a range of {node.range_ms / 1000:g}s holds fewer than two scrapes of {name}"
            self._note("promql.short-range", name, message, node, f"at least {least:g}s, better {2 * least:g}s")

    # -- labels

    def _exists(self, label: str, shape: Shape, about: str, node: Expr) -> None:
        """Note it when the series cannot have the label."""
        if shape.labels is None or label in shape.labels:
            return
        if shape.lost is None or label in shape.lost:
            message = f"label {quoted(label)} is gone: an inner aggregation keeps only {_listed(shape.labels)}"
            self._note("promql.dropped-label", about, message, node)
        else:
            message = f"{about or 'the series'} has no label {quoted(label)}{nearest(label, shape.labels)}"
            self._note("promql.unknown-label", about, message, node, f"labels: {_listed(shape.labels)}")

    def _all_exist(self, labels: Iterable[str], shape: Shape, node: Expr) -> None:
        for label in labels:
            self._exists(label, shape, _metric(node), node)

    # -- functions

    def call(self, node: Call) -> Shape:
        shapes = [self.shape(arg) for arg in node.args]
        vectors = [shape for arg, shape in zip(node.args, shapes, strict=True) if arg.kind in ("vector", "matrix")]
        special = _CALLS.get(node.name)
        if special:
            return special(self, node, vectors)
        if node.kind == "scalar" or not vectors:
            return NUMBER
        self._check_rate(node, vectors[0])
        rise = vectors[0].rise if node.name in _KEEPING else Movement.GAUGE
        return replace(vectors[0], rise=rise)

    def _check_rate(self, node: Call, shape: Shape) -> None:
        name = _metric(node)
        if node.name in _RATES:
            if shape.rise is Movement.GAUGE:
                self._note(
                    "promql.rate-on-gauge", name, f"{node.name}() of {name or 'this'}, which is no counter", node
                )
            elif isinstance(node.args[0], Subquery) and any(isinstance(n, Aggregate) for n in nodes_in(node.args[0])):
                self._note("promql.rate-of-aggregate", name, f"{node.name}() over an aggregate of counters", node)
        elif node.name in _DELTAS and shape.rise is Movement.COUNTER:
            self._note("promql.delta-on-counter", name, f"{node.name}() of {name or 'this'}, which is a counter", node)

    def quantile(self, node: Call, vectors: list[Shape]) -> Shape:
        which, shape = node.args[0], vectors[0]
        if isinstance(which, Number) and not 0 <= which.value <= 1:
            self._note("promql.quantile-range", _metric(node), f"there is no quantile {which.value:g}", node)
        if shape.labels is not None and "le" not in shape.labels:
            why = "an aggregation dropped le" if shape.lost is None or "le" in shape.lost else "these are no buckets"
            self._note("promql.quantile-without-le", _metric(node), f"histogram_quantile() finds no le: {why}", node)
        elif shape.rise is Movement.COUNTER:
            message = "a quantile of buckets without rate() is one since the process began"
            self._note("promql.bare-counter", _metric(node), message, node)
        return replace(shape, rise=Movement.GAUGE).without({"le"})

    def absent(self, node: Call, _vectors: list[Shape]) -> Shape:
        inner = node.args[0]
        matchers = inner.matchers if isinstance(inner, Selector) else ()
        named = [m.name for m in matchers if m.op == "=" and m.name != "__name__"]
        return Shape(Movement.GAUGE, frozenset(named), exact=True)

    def relabelled(self, node: Call, vectors: list[Shape]) -> Shape:
        """``label_replace`` and ``label_join``: target, then what it is made from."""
        texts = [arg.value for arg in node.args if isinstance(arg, String)]
        shape = vectors[0]
        if not texts:
            return replace(shape, labels=None)
        sources = texts[2:3] if node.name == "label_replace" else texts[2:]
        self._all_exist([s for s in sources if s], shape, node)
        return replace(shape, labels=None if shape.labels is None else shape.labels | {texts[0]}, exact=False)

    # -- aggregations

    def aggregate(self, node: Aggregate) -> Shape:
        if node.param is not None:
            self.shape(node.param)
        inner = self.shape(node.expr)
        self._all_exist(node.labels, inner, node)
        rise = inner.rise if node.op in _ADDING else Movement.GAUGE
        if node.op in _PICKING:
            return replace(inner, rise=rise)
        kept = inner.without(node.labels) if node.without else inner.only(node.labels)
        if node.op == "count_values" and isinstance(node.param, String) and kept.labels is not None:
            kept = replace(kept, labels=kept.labels | {node.param.value})
        return replace(kept, rise=rise)

    # -- operators

    def binary(self, node: Binary) -> Shape:
        """Operators in a row are many, and not nested."""
        chain: list[Binary] = []
        first: Expr = node
        while isinstance(first, Binary):
            chain.append(first)
            first = first.left
        shape = self.shape(first)
        for one in reversed(chain):
            shape = self._operator(one, shape, self.shape(one.right))
        return shape

    def _operator(self, node: Binary, left: Shape, right: Shape) -> Shape:
        vectors = node.left.kind != "scalar" and node.right.kind != "scalar"
        if node.op not in _SETS:
            self._check_counters(node, left, right, vectors)
        if not vectors:
            shape = right if node.left.kind == "scalar" else left
            return shape if node.op in _RISING else replace(shape, rise=Movement.GAUGE)
        self._check_matching(node, left, right)
        return merged((left, right)) if node.op == "or" else _joined(node, left, right)

    def _check_counters(self, node: Binary, left: Shape, right: Shape, vectors: bool) -> None:
        counters = [side for side, shape in ((node.left, left), (node.right, right)) if shape.rise is Movement.COUNTER]
        if counters and (node.op in _COMPARISONS or (node.op == "/" and vectors)):
            name = _metric(counters[0])
            does = "compared" if node.op in _COMPARISONS else "divided"
            self._note("promql.bare-counter", name, f"{name or 'a counter'} is {does} as it stands", counters[0])

    def _check_matching(self, node: Binary, left: Shape, right: Shape) -> None:
        matching = node.matching
        if matching.on:
            for side, shape in ((node.left, left), (node.right, right)):
                self._all_exist(matching.labels, shape, side)
        elif node.op != "or" and left.exact and right.exact and left.labels is not None and right.labels is not None:
            ours, theirs = left.labels - set(matching.labels), right.labels - set(matching.labels)
            if ours != theirs:
                message = f"{node.op} finds no match: one side has {_listed(ours)}, the other {_listed(theirs)}"
                self._note("promql.mismatched-labels", _metric(node), message, node)
        if matching.grouped:
            one, shape = (node.right, right) if matching.grouped == "left" else (node.left, left)
            self._all_exist(matching.include, shape, one)


_CALLS: Mapping[str, Callable[[_Walk, Call, list[Shape]], Shape]] = {
    "histogram_quantile": _Walk.quantile,
    "absent": _Walk.absent,
    "absent_over_time": _Walk.absent,
    "label_replace": _Walk.relabelled,
    "label_join": _Walk.relabelled,
}


def _joined(node: Binary, left: Shape, right: Shape) -> Shape:
    """The series of a join of two vectors."""
    matching = node.matching
    if node.op in _SETS:
        return left
    rise = Movement.COUNTER if node.op == "+" and left.rise is right.rise is Movement.COUNTER else Movement.GAUGE
    if matching.grouped:
        many = left if matching.grouped == "left" else right
        labels = None if many.labels is None else many.labels | set(matching.include)
        return replace(many, labels=labels, rise=rise)
    kept = left.only(matching.labels) if matching.on else left.without(matching.labels)
    return replace(kept, rise=rise)


def _metric(node: Expr) -> str:
    """The first metric that an expression names."""
    return next((name_of(part) for part in nodes_in(node) if isinstance(part, Selector)), "")


def name_of(selector: Selector) -> str:
    """The metric that it names; "" where it names none."""
    return next((m.value for m in selector.matchers if m.name == "__name__"), "")


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(sorted(labels)) or "none"
