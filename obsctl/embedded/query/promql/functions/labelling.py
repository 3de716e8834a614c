"""``label_replace`` and ``label_join``."""

from __future__ import annotations

import re
from typing import Any

from obsctl.embedded.query.promql.context import Given
from obsctl.embedded.query.promql.functions.kinds import Plain
from obsctl.embedded.query.vectors.labels import merged, replaced, valid_name, value_of
from obsctl.embedded.query.vectors.values import Vector
from obsctl.languages.errors import ExecutionError, QueryError
from obsctl.languages.regex import checked

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)


def _label_replace(given: Given) -> Vector:
    target, template, source, pattern = (given.text(index) for index in range(1, 5))
    return label_replaced(given.vector(0), target, template, source, pattern)


def label_replaced(vector: Vector, target: str, template: str, source: str, pattern: str) -> Vector:
    """Series with a label set from another one that fits the whole pattern; those that do not fit stay as they are."""
    try:
        regex = checked(pattern)
    except QueryError as cause:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from cause
    if not valid_name(target):
        raise ExecutionError(f"invalid destination label name in label_replace(): {target}")
    labels = []
    for one in vector.labels:
        found = regex.fullmatch(value_of(one, source))
        labels.append(one if found is None else replaced(one, target, expanded(template, found)))
    return merged(Vector(labels, vector.values, vector.present))


def expanded(template: str, found: Any) -> str:
    """A template of Go's ``Expand``: ``$1``, ``${1}``, ``$name``, ``$$``. Unknown groups are empty."""
    names = found.re.groupindex

    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        number = int(name) if name.isdigit() and len(name) < 9 else names.get(name, -1)
        return (found.group(number) or "") if 0 <= number <= found.re.groups else ""

    return _REFERENCE.sub(group, template)


def _label_join(given: Given) -> Vector:
    target, separator, *sources = (given.text(index) for index in range(1, len(given.args)))
    if wrong := [source for source in sources if not valid_name(source)]:
        raise ExecutionError(f"invalid source label name in label_join(): {wrong[0]}")
    if not valid_name(target):
        raise ExecutionError(f"invalid destination label name in label_join(): {target}")
    vector = given.vector(0)
    labels = [
        replaced(one, target, separator.join(value_of(one, source) for source in sources)) for one in vector.labels
    ]
    return merged(Vector(labels, vector.values, vector.present))


FUNCTIONS: dict[str, Plain] = {"label_replace": _label_replace, "label_join": _label_join}
