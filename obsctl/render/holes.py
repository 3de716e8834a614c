"""Holes in the expressions of templates: ``@{http.requests}`` is that metric's Prometheus name. Pure.

``@{http.requests:base}`` is the same without ``_total``. Templates name metrics by their registry name alone, so that a
metric has its name in one place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from obsctl.errors import Place, SpecError
from obsctl.render.values import quoted
from obsctl.spec.contract import Metric

_HOLE = re.compile(r"@\{([a-z][a-z0-9_.]*)(:base)?\}")
_SELECTOR = re.compile(r"@\{([a-z][a-z0-9_.]*)\}(?:_bucket|_count|_sum)?\{([^}]*(?:\}[^}]*)?)\}")
_LABEL = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*\"")
_GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
_SCRAPED = ("job", "instance", "le", "service_namespace", "service_name")


def filled(text: str, known: Mapping[str, str], place: Place) -> str:
    """A text with its holes filled in. Raises SpecError for a metric that the contract does not have."""

    def name(hole: re.Match[str]) -> str:
        if hole[1] not in known:
            hint = "Templates name metrics by their registry name; the families have them."
            raise SpecError(f"there is no metric {quoted(hole[1])}", place=place, hint=hint)
        return known[hole[1]].removesuffix("_total") if hole[2] else known[hole[1]]

    return _HOLE.sub(name, text)


def holes(text: str) -> tuple[str, ...]:
    """What the holes of a text name, in order."""
    return tuple(name for name, _ in _HOLE.findall(text))


def check_labels(text: str, metrics: Sequence[Metric], place: Place) -> None:
    """Labels in a template's selectors, and those it groups by, are labels of its metrics. Raises SpecError."""
    labels = {m.registry: m.labels for m in metrics}
    _check_grouping(text, labels, place)
    for metric, matchers in _SELECTOR.findall(text):
        for label in _LABEL.findall(matchers):
            if label not in (*labels.get(metric, ()), *_SCRAPED) and metric in labels:
                message = f"metric {quoted(metric)} has no label {quoted(label)}"
                raise SpecError(message, place=place, hint=f"Labels: {', '.join(labels[metric]) or 'none'}.")


def _check_grouping(text: str, labels: Mapping[str, Sequence[str]], place: Place) -> None:
    named = [labels[name] for name in holes(text) if name in labels]
    known = {*_SCRAPED, *(label for of_one in named for label in of_one)}
    for group in _GROUPING.findall(text) if named else ():
        for label in (part.strip() for part in group.split(",")):
            if label and label not in known:
                hint = f"Labels: {', '.join(sorted(known))}."
                raise SpecError(f"no metric here has the label {quoted(label)}", place=place, hint=hint)
