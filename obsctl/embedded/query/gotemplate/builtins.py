"""Functions that every template has (pkg.go.dev/text/template, "Functions"), and how functions are described."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

from obsctl.embedded.query.gotemplate.printing import formatted, kind_name, printed, shown
from obsctl.languages.gotemplate.syntax import TemplateError


@dataclass(frozen=True)
class Spec:
    """A function of a context and its arguments: what it does, how many arguments it takes, and their types.

    ``most`` is None for any number.
    """

    call: Callable[..., object]
    least: int
    most: int | None
    types: tuple[type | tuple[type, ...], ...] = ()


def truth(value: object) -> bool:
    """Go's: everything but false, zero, nil and what is empty."""
    return value is not None and (bool(value) if isinstance(value, bool | int | float | str | Mapping | list) else True)


def _index(_: object, value: object, *keys: object) -> object:
    for key in keys:
        if isinstance(value, Mapping) and isinstance(key, str):
            value = value.get(key, "")
        elif isinstance(value, list | str) and isinstance(key, int) and not isinstance(key, bool):
            items = value.encode() if isinstance(value, str) else value
            if not 0 <= key < len(items):
                raise TemplateError(f"index out of range: {key}")
            value = items[key]
        else:
            raise TemplateError(f"can't index item of type {kind_name(value)}")
    return value


def _slice(_: object, value: object, *bounds: object) -> object:
    if not isinstance(value, str | list):
        raise TemplateError(f"can't slice item of type {kind_name(value)}")
    items = value.encode() if isinstance(value, str) else value
    places = [bound for bound in bounds if isinstance(bound, int) and not isinstance(bound, bool)]
    begin, end, *most = [*places, *(0, len(items))[len(places) :]]
    if len(places) < len(bounds) or not 0 <= begin <= end <= len(items) or (most and isinstance(value, str)):
        raise TemplateError(f"index out of range: {', '.join(map(shown, bounds))}")
    part = items[begin:end]
    return part.decode(errors="replace") if isinstance(part, bytes) else part


_JS = {ord(c): f"\\{c}" for c in "\\'\""} | {ord(c): f"\\u00{ord(c):02X}" for c in (*"<>&=", *map(chr, range(32)))}


def _js(_: object, *values: object) -> str:
    return printed(values).translate(_JS)


def _call(_: object, value: object, *__: object) -> object:
    raise TemplateError(f"non-function of type {kind_name(value)}")


def _len(_: object, value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping | list):
        return len(value)
    raise TemplateError(f"len of type {kind_name(value)}")


def _comparable(left: object, right: object) -> None:
    if isinstance(left, Mapping | list) or isinstance(right, Mapping | list):
        raise TemplateError("non-comparable type")
    if kind_name(left) != kind_name(right):
        raise TemplateError("incompatible types for comparison")


def _equal(_: object, left: object, *others: object) -> bool:
    for other in others:
        _comparable(left, other)
        if left == other:
            return True
    return False


def _less(_: object, left: object, right: object) -> bool:
    _comparable(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    if isinstance(left, int | float) and isinstance(right, int | float) and not isinstance(left, bool):
        return left < right
    raise TemplateError("invalid type for comparison")


def _not_equal(context: object, left: object, right: object) -> bool:
    return not _equal(context, left, right)


BUILTINS: Mapping[str, Spec] = {
    "and": Spec(lambda _, *values: values[-1], 1, None),  # these two look at no more arguments than they need
    "or": Spec(lambda _, *values: values[-1], 1, None),
    "not": Spec(lambda _, value: not truth(value), 1, 1),
    "len": Spec(_len, 1, 1),
    "index": Spec(_index, 1, None),
    "slice": Spec(_slice, 1, 4),
    "js": Spec(_js, 1, None),
    "call": Spec(_call, 1, None),  # no value here is a function
    "print": Spec(lambda _, *values: printed(values), 0, None),
    "println": Spec(lambda _, *values: " ".join(map(shown, values)) + "\n", 0, None),
    "printf": Spec(lambda _, layout, *values: formatted(layout, values), 1, None, (str,)),
    "html": Spec(
        lambda _, *values: html.escape(printed(values)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"), 1, None
    ),
    "urlquery": Spec(lambda _, *values: quote_plus(printed(values)), 1, None),
    "eq": Spec(_equal, 2, None),
    "ne": Spec(_not_equal, 2, 2),
    "lt": Spec(_less, 2, 2),
    "ge": Spec(lambda c, left, right: not _less(c, left, right), 2, 2),
    "gt": Spec(lambda c, left, right: _less(c, right, left), 2, 2),
    "le": Spec(lambda c, left, right: not _less(c, right, left), 2, 2),
}
