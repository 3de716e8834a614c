"""Conditions on a span as predicates for the store: what it may rule out by its indexes before it reads spans."""

from __future__ import annotations

from obsctl.embedded.query.traceql.expressions import test
from obsctl.embedded.query.traceql.plan import sided
from obsctl.embedded.query.traceql.view import KIND_NAMES, STATUS_NAMES, lone
from obsctl.embedded.spans import StoredSpan
from obsctl.embedded.store.base import (
    ColumnIn,
    Conjunction,
    Disjunction,
    HasAttribute,
    ResourceMatches,
    ScopeMatches,
    SpanPredicate,
)
from obsctl.languages.traceql.tree import Expr, Field, FieldOp, SpanKind, SpanStatus, Static


def prefilter(condition: Expr | None) -> SpanPredicate | None:
    """A predicate that holds for every span that a condition holds for; None when there is none."""
    if isinstance(condition, Field):
        condition = FieldOp("=", condition, Static(True))
    if not isinstance(condition, FieldOp):
        return None
    if condition.op in ("&&", "||"):
        parts = [prefilter(condition.left), prefilter(condition.right)]
        known = tuple(part for part in parts if part)
        if condition.op == "&&":
            return Conjunction(known) if known else None
        return Disjunction(known) if len(known) == len(parts) else None
    compared = sided(condition)
    return _compared(condition, *compared) if compared else None


def _compared(condition: FieldOp, field: Field, op: str, value: object) -> SpanPredicate | None:
    """A comparison with a literal. What is not there satisfies none, except ``= nil``."""
    if value is None and op == "=":
        return None
    if field.scope == "intrinsic":
        return _intrinsic(field.name, value) if op == "=" else None
    wanted = (value,) if op == "=" and isinstance(value, str | bool | int | float) else None
    carries = HasAttribute(field.name, wanted)
    if field.scope in ("span", "event", "link"):
        return carries
    of_resource, of_scope = _of_resource(condition), _of_scope(condition)
    if field.scope:
        return of_resource if field.scope == "resource" else of_scope
    return Disjunction((carries, of_resource, of_scope))


def _intrinsic(name: str, value: object) -> SpanPredicate | None:
    """Enums only where one number stands for the value: what nobody knows counts as the first one."""
    if name == "name" and isinstance(value, str):
        return ColumnIn("name", frozenset((value,)))
    if isinstance(value, SpanStatus) and value is not STATUS_NAMES[0]:
        return ColumnIn("status", frozenset((STATUS_NAMES.index(value),)))
    if isinstance(value, SpanKind) and value is not KIND_NAMES[0]:
        return ColumnIn("kind", frozenset((KIND_NAMES.index(value),)))
    return None


def _of_resource(condition: FieldOp) -> ResourceMatches:
    holds = test(condition)
    return ResourceMatches(lambda resource: holds(lone(StoredSpan(resource=resource)), 0))


def _of_scope(condition: FieldOp) -> ScopeMatches:
    holds = test(condition)
    return ScopeMatches(lambda scope: holds(lone(StoredSpan(scope=scope)), 0))
