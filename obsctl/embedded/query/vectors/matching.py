"""Binary operators between two vectors: which series go together, and what is wrong when too many do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from obsctl.embedded.query.vectors.binary import ARITHMETIC, BinaryOperator, applied
from obsctl.embedded.query.vectors.labels import (
    METADATA,
    NAME,
    dropped,
    kept,
    merged,
    numbered,
    printed,
    replaced,
    value_of,
)
from obsctl.embedded.query.vectors.limits import Budget
from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Vector
from obsctl.languages.errors import ExecutionError
from obsctl.languages.labels import Labels
from obsctl.languages.promql.tree import Matching

Signature = Callable[[Labels], Labels]


@dataclass(frozen=True)
class _Sides:
    """Both vectors, with the number of the join signature of each series; M signatures."""

    many: Vector
    one: Vector
    many_group: Ints
    one_group: Ints
    groups: int

    @property
    def one_present(self) -> Bools:
        """Whether a signature has a series of the one side (M, T)."""
        return _any(self.one.present, self.one_group, self.groups)


def signature(matching: Matching) -> Signature:
    """The part of a label set by which series are joined."""
    names = frozenset(matching.labels)
    if matching.on:
        return lambda labels: kept(labels, names)
    return lambda labels: dropped(labels, names | {NAME})


def _sides(matching: Matching, many: Vector, one: Vector) -> _Sides:
    key = signature(matching)
    groups, distinct = numbered([key(labels) for labels in (*many.labels, *one.labels)])
    size = len(many.labels)
    return _Sides(many, one, groups[:size], groups[size:], len(distinct))


def _any(present: Bools, group: Ints, groups: int) -> Bools:
    found = np.zeros((groups, present.shape[1]), dtype=np.bool_)
    np.logical_or.at(found, group, present)
    return found


def set_operation(expr: BinaryOperator, left: Vector, right: Vector) -> Vector:
    """``and``, ``or``, ``unless``."""
    sides = _sides(expr.matching, left, right)
    if expr.op == "or":
        alone = right.present & ~_any(left.present, sides.many_group, sides.groups)[sides.one_group]
        return merged(
            Vector(
                [*left.labels, *right.labels],
                np.concatenate([left.values, right.values]),
                np.concatenate([left.present, alone]),
            ).seen()
        )
    matched = sides.one_present[sides.many_group]
    return merged(Vector(left.labels, left.values, left.present & (matched if expr.op == "and" else ~matched)).seen())


def ambiguous_side(expr: BinaryOperator, left: Vector, right: Vector) -> str | None:
    """The side (``left``, ``right``) that must have one series of each signature at every step, and has several."""
    swapped = expr.matching.grouped == "right"
    sides = _sides(expr.matching, *((right, left) if swapped else (left, right)))
    if _first_duplicate(sides.one_group, sides.one.present) is None:
        return None
    return "left" if swapped else "right"


def joined(expr: BinaryOperator, left: Vector, right: Vector, budget: Budget) -> Vector:
    """Arithmetic and comparison. ``ExecutionError`` for many-to-many, and for many-to-one that is not asked for."""
    matching = expr.matching
    swapped = matching.grouped == "right"
    sides = _sides(matching, *((right, left) if swapped else (left, right)))
    duplicate = _duplicate(sides)
    if duplicate is not None and duplicate[0] == 0:  # before any pairs are made: there may be very many
        raise ExecutionError(_many_to_many(matching, sides.one, *duplicate[1:]))
    pairs = _paired(expr, sides, swapped=swapped, budget=budget)
    return merged(pairs.seen())


def _paired(expr: BinaryOperator, sides: _Sides, *, swapped: bool, budget: Budget) -> Vector:
    """One row per pair of series that meet at any step."""
    many, one, matching = sides.many, sides.one, expr.matching
    if matching.include:
        rows, partners = _meeting(sides, budget)
        budget.take(len(rows) * many.values.shape[1])
        values, met = one.values[partners], many.present[rows] & one.present[partners]
    else:
        rows = np.arange(len(many.labels))
        values, met = _collapsed(sides)
        partners = np.full(len(rows), -1)
    labels = [
        _result(expr, many.labels[r], one.labels[p] if p >= 0 else ()) for r, p in zip(rows, partners, strict=True)
    ]
    _checked(expr, sides, labels, sides.many_group[rows], met)
    left, right = (values, many.values[rows]) if swapped else (many.values[rows], values)
    result, holds = applied(expr, left, right, left)
    return Vector(labels, result, met if holds is None else met & holds)


def _meeting(sides: _Sides, budget: Budget) -> tuple[Ints, Ints]:
    """Pairs of rows (many side, one side) of the same signature that are present at the same step."""
    partners: list[list[int]] = [[] for _ in range(sides.groups)]
    for row, group in enumerate(sides.one_group.tolist()):
        partners[group].append(row)
    rows: list[int] = []
    found: list[int] = []
    for row, group in enumerate(sides.many_group.tolist()):
        for partner in partners[group]:
            if (sides.many.present[row] & sides.one.present[partner]).any():
                rows.append(row)
                found.append(partner)
        budget.check()
    return np.array(rows, dtype=np.int64), np.array(found, dtype=np.int64)


def _collapsed(sides: _Sides) -> tuple[Floats, Bools]:
    """For each row of the many side the value of its partner, whichever series that is, and where it meets it."""
    values = np.zeros((sides.groups, sides.one.values.shape[1]))
    rows, columns = np.nonzero(sides.one.present)
    values[sides.one_group[rows], columns] = sides.one.values[rows, columns]
    return values[sides.many_group], sides.many.present & sides.one_present[sides.many_group]


def _result(expr: BinaryOperator, many: Labels, one: Labels) -> Labels:
    """The labels of a result."""
    matching = expr.matching
    labels = dropped(many, METADATA) if expr.returns_bool or expr.op in ARITHMETIC else many
    if matching.grouped is None:
        labels = kept(labels, matching.labels) if matching.on else dropped(labels, matching.labels)
    for name in matching.include:
        labels = replaced(labels, name, value_of(one, name))
    return labels


def _checked(expr: BinaryOperator, sides: _Sides, labels: list[Labels], group: Ints, met: Bools) -> None:
    """``ExecutionError`` for the first step at which more series match than may."""
    duplicate = _duplicate(sides)
    if expr.matching.grouped is None:
        ambiguous, text = group, "many-to-one matching must be explicit (group_left/group_right)"
    else:
        ambiguous, _ = numbered(list(zip(group.tolist(), labels, strict=True)))
        text = "grouping labels must ensure unique matches"
    multiple = _first_duplicate(ambiguous, met)
    if duplicate is not None and (multiple is None or duplicate[0] <= multiple[0]):
        raise ExecutionError(_many_to_many(expr.matching, sides.one, *duplicate[1:]))
    if multiple is not None:
        raise ExecutionError(f"multiple matches for labels: {text}")


def _duplicate(sides: _Sides) -> tuple[int, int, int] | None:
    return _first_duplicate(sides.one_group, sides.one.present & np.logical_or.reduce(sides.many.present, axis=0))


def _first_duplicate(group: Ints, present: Bools) -> tuple[int, int, int] | None:
    """The first step at which two rows of a group are present, the second such row, and the one before it."""
    counts = np.zeros((int(group.max(initial=-1)) + 1, present.shape[1]), dtype=np.int64)
    np.add.at(counts, group, present)
    steps = (counts > 1).any(axis=0)
    if not steps.any():
        return None
    step = int(steps.argmax())
    seen: dict[int, int] = {}
    for row in np.nonzero(present[:, step])[0].tolist():
        other = seen.setdefault(int(group[row]), row)
        if other != row:
            return step, row, other
    raise AssertionError("a duplicate that is none")


def _many_to_many(matching: Matching, one: Vector, row: int, other: int) -> str:
    side = "left" if matching.grouped == "right" else "right"
    shared = printed(signature(matching)(one.labels[row]))
    return (
        f"found duplicate series for the match group {shared} on the {side} hand-side of the operation: "
        f"[{printed(one.labels[row])}, {printed(one.labels[other])}]"
        ";many-to-many matching not allowed: matching labels must be unique on one side"
    )
