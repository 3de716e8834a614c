"""Which evaluations are not asked, and for what reason: native histograms, and what Prometheus calls experimental."""

from __future__ import annotations

import re
from collections.abc import Sequence

from obsctl.languages.errors import QueryError
from obsctl.languages.labels import matches_all
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import selectors_in
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
    try:
        selectors = selectors_in(parse(expr))
    except QueryError:
        return False
    return any(matches_all(selector.matchers, dict(labels)) for selector in selectors)
