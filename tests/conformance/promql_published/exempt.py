"""Which evaluations are not asked, and for what reason: native histograms, and what Prometheus calls experimental."""

from __future__ import annotations

import re
from collections.abc import Sequence

import promql_parser as ast

from tests.conformance.promql_published.notation import Labels
from tests.conformance.promql_published.script import Eval

NATIVE = "native histogram"
START_TIMES = "experimental: start timestamps"

_QUOTED = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)""")
_FUNCTIONS = (
    "histogram_quantiles double_exponential_smoothing info mad_over_time ts_of_first_over_time ts_of_max_over_time "
    "ts_of_min_over_time ts_of_last_over_time sort_by_label sort_by_label_desc start_timestamp"
)
_OF_QUERY = re.compile(r"\b(?:step|range|min_of|max_of)\s*\(", re.IGNORECASE)
"""Experimental as functions, but not in durations."""

_DURATIONS = re.compile(
    r"\[[^\]]*\]|\boffset\s*[-+]?\s*(?:\w+\s*)?(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?", re.IGNORECASE
)
_SIGNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("experimental: function", re.compile(rf"\b(?:{'|'.join(_FUNCTIONS.split())})\s*\(", re.IGNORECASE)),
    ("experimental: function", re.compile(r"(?<!@)(?<!@ )\b(?:start|end)\s*\(\s*\)", re.IGNORECASE)),
    ("experimental: anchored, smoothed", re.compile(r"\b(?:anchored|smoothed)\b")),
    ("experimental: fill", re.compile(r"\bfill(?:_left|_right)?\s*\(")),
)
"""Of the text outside of quotes."""

_TRIMMING = re.compile(r"[<>]/")
"""Operators of native histograms."""


def reason(asked: Eval, native: Sequence[Labels], start_times: bool) -> str:
    """Why an evaluation is not asked; empty when it is. ``native``: series of native histograms that were loaded."""
    text = "".join(part if place % 2 == 0 else '""' for place, part in enumerate(_QUOTED.split(asked.expr)))
    for why, sign in _SIGNS:
        if sign.search(text):
            return why
    if _OF_QUERY.search(_DURATIONS.sub("", text)):
        return "experimental: function"
    if asked.native or _TRIMMING.search(text) or any(_selected(asked.expr, labels) for labels in native):
        return NATIVE
    return START_TIMES if start_times else ""


def _selected(expr: str, labels: Labels) -> bool:
    """Whether any selector of an expression selects a series."""
    values = dict(labels)
    return any(all(_matches(one, values) for one in selector) for selector in _selectors(expr))


def _selectors(expr: str) -> list[list[tuple[str, str, str]]]:
    """Name, operator and value of every matcher, selector by selector."""
    try:
        tree = ast.parse(expr)
    except ValueError:
        return []
    found: list[list[tuple[str, str, str]]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.VectorSelector):
            pairs = [(one.name, str(one.op), one.value) for one in node.matchers.matchers]
            found.append([*pairs, *([("__name__", "MatchOp.Equal", node.name)] if node.name else [])])
        waiting += [
            child
            for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs")
            if (child := getattr(node, name, None)) is not None and not isinstance(child, str)
        ]
        waiting += list(getattr(node, "args", []) or [])
    return found


def _matches(matcher: tuple[str, str, str], labels: dict[str, str]) -> bool:
    name, operator, value = matcher
    here = labels.get(name, "")
    kind = operator.rpartition(".")[2]
    hit = bool(re.fullmatch(value, here)) if kind in ("Re", "NotRe") else here == value
    return hit if kind in ("Equal", "Re") else not hit
