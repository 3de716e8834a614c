"""``label_replace`` and ``label_join``."""

from __future__ import annotations

from obsctl.embedded.query.promql.context import Given, Plain
from obsctl.embedded.query.vectors.labels import label_replaced, merged, replaced, valid_name, value_of
from obsctl.embedded.query.vectors.values import Vector
from obsctl.languages.errors import ExecutionError


def _label_replace(given: Given) -> Vector:
    target, template, source, pattern = (given.text(index) for index in range(1, 5))
    return label_replaced(given.vector(0), target, template, source, pattern)


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
