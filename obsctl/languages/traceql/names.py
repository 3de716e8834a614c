"""Names in TraceQL: intrinsics with their types, attribute scopes, and the type of an expression."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from obsctl.languages.lexing import Token, error
from obsctl.languages.traceql.tree import Expr, Field, Scope, SpanKind, SpanStatus, Static, Type, Unary


@dataclass(frozen=True)
class Intrinsic:
    """``name`` is the one it goes by here; ``alone`` tells whether the span itself knows it, without its trace."""

    name: str
    type: Type
    alone: bool = True


_INTRINSICS = (
    (Intrinsic("name", "string"), "span:name"),
    (Intrinsic("status", "status"), "span:status"),
    (Intrinsic("statusMessage", "string"), "span:statusMessage"),
    (Intrinsic("kind", "kind"), "span:kind"),
    (Intrinsic("duration", "number"), "span:duration"),
    (Intrinsic("span:id", "string"),),
    (Intrinsic("span:parentID", "string"),),
    (Intrinsic("trace:id", "string"),),
    (Intrinsic("parent", "string"),),
    (Intrinsic("event:name", "string"),),
    (Intrinsic("event:timeSinceStart", "number"),),
    (Intrinsic("link:traceID", "string"),),
    (Intrinsic("link:spanID", "string"),),
    (Intrinsic("instrumentation:name", "string"),),
    (Intrinsic("instrumentation:version", "string"),),
    (Intrinsic("childCount", "number", alone=False), "span:childCount"),
    (Intrinsic("nestedSetParent", "number", alone=False),),
    (Intrinsic("traceDuration", "number", alone=False), "trace:duration"),
    (Intrinsic("rootName", "string", alone=False), "trace:rootName"),
    (Intrinsic("rootServiceName", "string", alone=False), "trace:rootService"),
)
INTRINSICS: Mapping[str, Intrinsic] = {
    name: intrinsic for intrinsic, *others in _INTRINSICS for name in (intrinsic.name, *others)
}
"""Every spelling of every intrinsic."""

SHOWN_INTRINSICS = tuple(sorted(INTRINSICS.keys() - {"parent"}))
"""Those that are offered to people who type a query."""

PLANNED = ("histogram_over_time", "compare", "topk", "bottomk")
"""What the language has and this engine has not."""

SCOPES = ("span.", "resource.", "event.", "link.", "instrumentation.")
"""How an attribute of a known scope begins."""

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')


def field_of(token: Token) -> Field:
    """The attribute that an ``ATTRIBUTE`` token names."""
    parent = token.text.startswith("parent.")
    text = token.text.removeprefix("parent." if parent else ".")
    scope = text.partition(".")[0] if text.startswith(SCOPES) and not token.text.startswith(".") else ""
    name = text[len(scope) + 1 :] if scope else text
    try:
        plain = _QUOTED.sub(lambda found: str(json.loads(found[0])), name)
    except ValueError as cause:
        raise error(token.line, token.column, "syntax error: invalid escape in attribute name") from cause
    if not plain:
        raise error(token.line, token.column, "syntax error: empty attribute name")
    return Field(cast("Scope", scope), plain, parent=parent)


def type_of(expr: Expr) -> Type:
    """What an expression is known to be before there is data; "" when it may be anything."""
    if isinstance(expr, Static):
        return _static_type(expr.value)
    if isinstance(expr, Field):
        return INTRINSICS[expr.name].type if expr.scope == "intrinsic" else ""
    if isinstance(expr, Unary):
        return "bool" if expr.op == "!" else "number"
    return "number" if expr.op in ("+", "-", "*", "/", "%", "^") else "bool"


def _static_type(value: object) -> Type:
    if value is None:
        return "nil"
    types: tuple[tuple[type, Type], ...] = (
        (bool, "bool"),
        (str, "string"),
        (SpanStatus, "status"),
        (SpanKind, "kind"),
        (object, "number"),
    )
    return next(name for kind, name in types if isinstance(value, kind))
