"""What expressions do to label sets."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Sequence
from typing import TypeVar

import numpy as np

from obsctl.embedded.query.vectors.values import Ints, Vector
from obsctl.languages.errors import ExecutionError
from obsctl.languages.labels import Labels

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
    pairs = (f"{name if _PLAIN_NAME.fullmatch(name) else quoted(name)}={quoted(value)}" for name, value in labels)
    return "{" + ", ".join(pairs) + "}"


def quoted(text: str) -> str:
    """A string as Go prints it in double quotes."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c, c if c.isprintable() else _code(c)) for c in text) + '"'


def _code(character: str) -> str:
    code = ord(character)
    names = {7: "\\a", 8: "\\b", 11: "\\v", 12: "\\f"}
    if code in names or code < 0x80:
        return names.get(code, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


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
