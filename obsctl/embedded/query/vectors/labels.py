"""What expressions do to label sets."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from obsctl.embedded.query.vectors.values import Ints, Vector
from obsctl.languages.errors import ExecutionError, QueryError
from obsctl.languages.labels import Labels, Matcher
from obsctl.languages.quoting import go_quoted
from obsctl.languages.regex import checked, expand

NAME = "__name__"
METADATA = frozenset((NAME, "__type__", "__unit__"))
"""Labels that say what a series is; they go when its values come to mean something else."""

_PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
K = TypeVar("K", bound=Hashable)


def dropped(labels: Labels, names: Collection[str]) -> Labels:
    """Without some labels."""
    return tuple([pair for pair in labels if pair[0] not in names])


def kept(labels: Labels, names: Collection[str]) -> Labels:
    """With some labels only."""
    return tuple([pair for pair in labels if pair[0] in names])


def value_of(labels: Labels, name: str) -> str:
    """The value of a label, empty when it is missing."""
    return next((value for key, value in labels if key == name), "")


def replaced(labels: Labels, name: str, value: str) -> Labels:
    """With a label set, or removed when the value is empty."""
    rest = dropped(labels, (name,))
    return tuple(sorted((*rest, (name, value)))) if value else rest


def without_metadata(vector: Vector) -> Vector:
    """The same values without metric names."""
    return Vector([dropped(one, METADATA) for one in vector.labels], vector.values, vector.present)


def printed(labels: Labels) -> str:
    """``{a="b", c="d"}``, as error messages show a label set."""
    pairs = (f"{name if _PLAIN_NAME.fullmatch(name) else go_quoted(name)}={go_quoted(value)}" for name, value in labels)
    return "{" + ", ".join(pairs) + "}"


def valid_name(name: str) -> bool:
    """Whether a label may have this name: any text but the empty one, and what is not UTF-8."""
    return bool(name) and "\N{REPLACEMENT CHARACTER}" not in name


def numbered(keys: Sequence[K]) -> tuple[Ints, list[K]]:
    """The number of each key, equal ones sharing one, and the distinct keys in order of appearance."""
    numbers: dict[K, int] = {}
    found = np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.int64, count=len(keys))
    return found, list(numbers)


def distinct(vector: Vector) -> Vector:
    """The vector, unless two of its series have the same labels. ``ExecutionError`` when they have."""
    if len(set(vector.labels)) < len(vector.labels):
        raise ExecutionError("vector cannot contain metrics with the same labelset")
    return vector


def merged(vector: Vector) -> Vector:
    """Series with the same labels joined into one. ``ExecutionError`` when two have a value at the same step."""
    if len(set(vector.labels)) == len(vector.labels):
        return vector
    vector = vector.seen()
    numbers, labels = numbered(vector.labels)
    shape = (len(labels), vector.values.shape[1])
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, numbers, vector.present)
    if (counts > 1).any():
        raise ExecutionError("vector cannot contain metrics with the same labelset")
    values = np.zeros(shape)
    rows, columns = np.nonzero(vector.present)
    values[numbers[rows], columns] = vector.values[rows, columns]
    return Vector(labels, values, counts > 0)


def label_replaced(vector: Vector, target: str, template: str, source: str, pattern: str) -> Vector:
    """Series with a label set from another one that fits the whole pattern; those that do not fit stay as they are."""
    try:
        regex = checked(pattern)
    except QueryError as cause:
        raise ExecutionError(f"invalid regular expression in label_replace(): {pattern}") from cause
    if not valid_name(target):
        raise ExecutionError(f"invalid destination label name in label_replace(): {target}")
    result = []
    for labels in vector.labels:
        match = regex.fullmatch(value_of(labels, source))
        result.append(labels if match is None else replaced(labels, target, expand(template, match)))
    return merged(Vector(result, vector.values, vector.present))


def labels_of_absent(matchers: Iterable[Matcher]) -> Labels:
    """The labels of the series that ``absent`` returns: those that a selector matches with ``=``, each once."""
    labels: Labels = ()
    names: set[str] = set()
    for matcher in matchers:
        if matcher.name == NAME:
            continue
        single = matcher.op == "=" and matcher.name not in names
        labels = replaced(labels, matcher.name, matcher.value if single else "")
        if single:
            names.add(matcher.name)
    return labels
