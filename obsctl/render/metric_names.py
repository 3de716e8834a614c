"""Names of metrics in the expressions of templates: ``@{http.requests}`` is that metric's Prometheus name. Pure.

``@{http.requests:base}`` is the same without ``_total``. Templates name metrics by their registry name alone, so that a
metric has its name in one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from obsctl.errors import Place, SpecError
from obsctl.languages.errors import QueryError
from obsctl.languages.placeholders import TEMPLATE, Placeholder
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import Aggregate, Expr, nodes_in, selectors_in
from obsctl.languages.quoting import string_literal
from obsctl.spec.contract import Metric

_BASE = "base"
_SUFFIXES = ("_bucket", "_count", "_sum")
_SCRAPED = ("job", "instance", "le", "service_namespace", "service_name")


def render_names(text: str, known: Mapping[str, str], place: Place) -> str:
    """A text with its placeholders rendered. Raises SpecError for a metric that the contract does not have."""

    def name(placeholder: Placeholder) -> str:
        if placeholder.name not in known:
            hint = "Templates name metrics by their registry name; the families have them."
            raise SpecError(f"there is no metric {string_literal(placeholder.name)}", place=place, hint=hint)
        series = known[placeholder.name]
        return series.removesuffix("_total").removesuffix("_count") if placeholder.format == _BASE else series

    return TEMPLATE.render(text, name)


def named(text: str) -> tuple[str, ...]:
    """What the placeholders of a text name, in order."""
    return tuple(placeholder.name for placeholder in TEMPLATE.placeholders(text))


def check_labels(expr: str, metrics: Sequence[Metric], place: Place) -> None:
    """Labels in the selectors of an expression, and those it groups by, are labels of its metrics.

    ``expr`` has its placeholders rendered. Raises SpecError; what is not PromQL is not looked at.
    """
    try:
        tree = parse(expr)
    except QueryError:
        return
    parts = {f"{metric.name}{suffix}": metric for metric in metrics for suffix in _SUFFIXES}
    by_series = parts | {metric.name: metric for metric in metrics}  # a counter may be the count of a histogram
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
