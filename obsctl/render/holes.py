"""Holes in the expressions of templates: ``@{http.requests}`` is that metric's Prometheus name. Pure.

``@{http.requests:base}`` is the same without ``_total``. Templates name metrics by their registry name alone, so that a
metric has its name in one place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from obsctl.errors import Place, SpecError
from obsctl.languages.errors import QueryError
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import Aggregate, Expr, nodes_in, selectors_in
from obsctl.languages.quoting import string_literal
from obsctl.spec.contract import Metric

_HOLE = re.compile(r"@\{([a-z][a-z0-9_.]*)(:base)?\}")
_SUFFIXES = ("_bucket", "_count", "_sum")
_SCRAPED = ("job", "instance", "le", "service_namespace", "service_name")


def filled(text: str, known: Mapping[str, str], place: Place) -> str:
    """A text with its holes filled in. Raises SpecError for a metric that the contract does not have."""

    def name(hole: re.Match[str]) -> str:
        if hole[1] not in known:
            hint = "Templates name metrics by their registry name; the families have them."
            raise SpecError(f"there is no metric {string_literal(hole[1])}", place=place, hint=hint)
        return known[hole[1]].removesuffix("_total") if hole[2] else known[hole[1]]

    return _HOLE.sub(name, text)


def holes(text: str) -> tuple[str, ...]:
    """What the holes of a text name, in order."""
    return tuple(name for name, _ in _HOLE.findall(text))


def check_labels(expr: str, metrics: Sequence[Metric], place: Place) -> None:
    """Labels in the selectors of an expression, and those it groups by, are labels of its metrics.

    ``expr`` has its holes filled in. Raises SpecError; what is not PromQL is not looked at.
    """
    try:
        tree = parse(expr)
    except QueryError:
        return
    by_series = {f"{m.name}{suffix}": m for m in metrics for suffix in ("", *_SUFFIXES)}
    selected = [
        (metric, [matcher.name for matcher in selector.matchers[1:]])
        for selector in selectors_in(tree)
        if selector.is_named and (metric := by_series.get(selector.matchers[0].value))
    ]
    _check_grouping(tree, [metric for metric, _ in selected], place)
    for metric, labels in selected:
        for label in labels:
            if label not in (*metric.labels, *_SCRAPED):
                message = f"metric {string_literal(metric.registry)} has no label {string_literal(label)}"
                raise SpecError(message, place=place, hint=f"Labels: {', '.join(metric.labels) or 'none'}.")


def _check_grouping(tree: Expr, metrics: Sequence[Metric], place: Place) -> None:
    known = {*_SCRAPED, *(label for metric in metrics for label in metric.labels)}
    groupings = (node.labels for node in nodes_in(tree) if isinstance(node, Aggregate)) if metrics else ()
    for label in (label for labels in groupings for label in labels if label not in known):
        hint = f"Labels: {', '.join(sorted(known))}."
        raise SpecError(f"no metric here has the label {string_literal(label)}", place=place, hint=hint)
