"""Conditions on a span as hints for the store: what it may rule out by its indexes before anything is looked at."""

from __future__ import annotations

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obsctl.embedded.query.traceql.expressions import test
from obsctl.embedded.query.traceql.plan import sided
from obsctl.embedded.query.traceql.view import KIND_NAMES, STATUS_NAMES, lone
from obsctl.embedded.records import StoredSpan
from obsctl.embedded.store.base import AllOf, AnyOf, Carries, Hint, Is, OfResource, OfScope
from obsctl.languages.traceql.tree import Expr, Field, FieldOp, SpanKind, SpanStatus, Static


def hint(condition: Expr | None) -> Hint | None:
    """A hint that holds for every span that a condition holds for; None when there is none."""
    if isinstance(condition, Field):
        condition = FieldOp("=", condition, Static(True))
    if not isinstance(condition, FieldOp):
        return None
    if condition.op in ("&&", "||"):
        found = [hint(condition.left), hint(condition.right)]
        known = tuple(one for one in found if one)
        if condition.op == "&&":
            return AllOf(known) if known else None
        return AnyOf(known) if len(known) == len(found) else None
    compared = sided(condition)
    return _compared(condition, *compared) if compared else None


def _compared(condition: FieldOp, field: Field, op: str, value: object) -> Hint | None:
    """A comparison with a literal. What is not there satisfies none, except ``= nil``."""
    if value is None and op == "=":
        return None
    if field.scope == "intrinsic":
        return _intrinsic(field.name, value) if op == "=" else None
    wanted = (value,) if op == "=" and isinstance(value, str | bool | int | float) else None
    carries = Carries(field.name, wanted)
    if field.scope in ("span", "event", "link"):
        return carries
    of_resource, of_scope = _of_resource(condition), _of_scope(condition)
    if field.scope:
        return of_resource if field.scope == "resource" else of_scope
    return AnyOf((carries, of_resource, of_scope))


def _intrinsic(name: str, value: object) -> Hint | None:
    """Enums only where one number stands for the value: what nobody knows counts as the first one."""
    if name == "name" and isinstance(value, str):
        return Is("name", frozenset((value,)))
    if isinstance(value, SpanStatus) and value is not STATUS_NAMES[0]:
        return Is("status", frozenset((STATUS_NAMES.index(value),)))
    if isinstance(value, SpanKind) and value is not KIND_NAMES[0]:
        return Is("kind", frozenset((KIND_NAMES.index(value),)))
    return None


def _of_resource(condition: FieldOp) -> OfResource:
    holds, scope, span = test(condition), InstrumentationScope(), Span()
    return OfResource(lambda resource: holds(lone(StoredSpan("", resource, scope, span)), 0))


def _of_scope(condition: FieldOp) -> OfScope:
    holds, resource, span = test(condition), Resource(), Span()
    return OfScope(lambda scope: holds(lone(StoredSpan("", resource, scope, span)), 0))
