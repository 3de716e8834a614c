"""The functions of LogQL's templates (grafana.com/docs/loki/latest/query/template_functions)."""

from __future__ import annotations

import base64
import binascii
import json
import math
import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote_plus, unquote_plus

from obsctl.embedded.query.gotemplate.builtins import BUILTINS, Spec, truth
from obsctl.embedded.query.gotemplate.dates import Moment, parsed, zone_named
from obsctl.embedded.query.gotemplate.texts import regex, replaced, titled
from obsctl.embedded.query.logql.entry import Entry
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.logql.literals import size_bytes
from obsctl.languages.units import MS_NS, SECOND_NS, go_duration_ns

N = TypeVar("N", int, float)

LONGEST = 1 << 18
"""Characters of a line, and of what a function may make."""


def _whole(value: object) -> int:
    """A value as an integer, by sprig's rules: what is no number is 0."""
    found = _real(value)
    return int(found) if math.isfinite(found) else 0


def _real(value: object) -> float:
    if isinstance(value, bool):
        return float(value)
    try:
        return float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _bounded(value: int) -> int:
    """A 64-bit integer, wrapped around as Go does."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def _folded(function: Callable[[N, N], N], convert: Callable[[object], N]) -> Callable[..., int | float]:
    def fold(_: Entry, first: object, *others: object) -> int | float:
        found = convert(first)
        for other in others:
            found = function(found, convert(other))
        return _bounded(found) if isinstance(found, int) else found

    return fold


def _divided(left: int, right: int) -> int:
    if not right:
        raise TemplateError("integer divide by zero")
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def _remainder(left: int, right: int) -> int:
    return left - right * _divided(left, right)


def _quotient(left: float, right: float) -> float:
    return left / right if right else (math.nan if not left else math.copysign(math.inf, left))


def _rounded(_: Entry, value: object, places: int, on: float = 0.5) -> float:
    scale = 10.0**places if abs(places) < 300 else math.inf
    scaled = scale * _real(value)
    if not math.isfinite(scaled):
        return _real(value)
    part = abs(math.modf(scaled)[0])
    up = part >= on
    return math.copysign(math.ceil(abs(scaled)) if up else math.floor(abs(scaled)), scaled) / scale


def _long(length: int) -> None:
    if length > LONGEST:
        raise TemplateError(f"the text is longer than {LONGEST} characters")


def _repeated(_: Entry, count: int, text: str) -> str:
    _long(count * len(text))
    return text * count


def _aligned(_: Entry, count: int, text: str, *, left: bool) -> str:
    _long(count)
    if count < 0:
        return text
    if len(text) > count:
        return text[:count] if left else text[len(text) - count :]
    return text.ljust(count) if left else text.rjust(count)


def _cut(_: Entry, count: int, text: str) -> str:
    if count < 0:
        return text[len(text) + count :] if len(text) + count > 0 else text
    return text[:count]


def _substring(_: Entry, start: int, end: int, text: str) -> str:
    if start < 0:
        return text[:end]
    return text[start:] if end < 0 or end > len(text) else text[start:end]


def _indented(_: Entry, count: int, text: str) -> str:
    _long((count + 1) * (text.count("\n") + 1))
    pad = " " * count
    return pad + text.replace("\n", f"\n{pad}")


def _replaced_n(_: Entry, text: str, old: str, new: str, count: int) -> str:
    _long(len(text) + (text.count(old) if old else len(text) + 1) * len(new))
    return text.replace(old, new, count if count >= 0 else -1)


def _decoded(_: Entry, text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except binascii.Error as error:
        return str(error)


def _from_json(_: Entry, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ""


def _default(_: Entry, otherwise: object, value: object = None) -> object:
    return value if truth(value) else otherwise


def _seconds(_: Entry, text: str) -> float:
    try:
        return go_duration_ns(text) / SECOND_NS
    except ValueError as error:
        raise TemplateError(str(error)) from error


def _bytes(_: Entry, text: str) -> float:
    try:
        return size_bytes(text)
    except ValueError as error:
        raise TemplateError(str(error)) from error


def _date(_: Entry, layout: str, when: object) -> str:
    return (when if isinstance(when, Moment) else Moment(_whole(when) * SECOND_NS)).format(layout)


_EPOCHS = {5: 86_400 * SECOND_NS, 10: SECOND_NS, 13: MS_NS, 16: 1000, 19: 1}


def _unix(_: Entry, text: str) -> Moment:
    """The number of digits tells days, seconds, milli-, micro- and nanoseconds apart."""
    unit = _EPOCHS.get(len(text))
    if not text.isdecimal() or not unit:
        raise TemplateError(f"unable to parse time {text!r}: it is no epoch of {', '.join(map(str, _EPOCHS))} digits")
    return Moment(int(text) * unit)


def _text(function: Callable[[str], object]) -> Spec:
    return Spec(lambda _, text: function(text), 1, 1, (str,))


def _texts(function: Callable[..., object], count: int) -> Spec:
    return Spec(lambda _, *texts: function(*texts), count, count, (str,) * count)


_STRINGS: Mapping[str, Spec] = {
    # of Go's strings package
    "ToLower": _text(str.lower),
    "ToUpper": _text(str.upper),
    "Replace": Spec(_replaced_n, 4, 4, (str, str, str, int)),
    "Trim": _texts(str.strip, 2),
    "TrimLeft": _texts(str.lstrip, 2),
    "TrimRight": _texts(str.rstrip, 2),
    "TrimPrefix": _texts(str.removeprefix, 2),
    "TrimSuffix": _texts(str.removesuffix, 2),
    "TrimSpace": _text(str.strip),
    # of sprig, where the text comes last
    "lower": _text(str.lower),
    "upper": _text(str.upper),
    "title": _text(titled),
    "trim": _text(str.strip),
    "trimAll": _texts(lambda characters, text: text.strip(characters), 2),
    "trimPrefix": _texts(lambda prefix, text: text.removeprefix(prefix), 2),
    "trimSuffix": _texts(lambda suffix, text: text.removesuffix(suffix), 2),
    "replace": Spec(lambda entry, old, new, text: _replaced_n(entry, text, old, new, -1), 3, 3, (str, str, str)),
    "contains": _texts(lambda part, text: part in text, 2),
    "hasPrefix": _texts(lambda prefix, text: text.startswith(prefix), 2),
    "hasSuffix": _texts(lambda suffix, text: text.endswith(suffix), 2),
    "repeat": Spec(_repeated, 2, 2, (int, str)),
    "trunc": Spec(_cut, 2, 2, (int, str)),
    "substr": Spec(_substring, 3, 3, (int, int, str)),
    "indent": Spec(_indented, 2, 2, (int, str)),
    "nindent": Spec(lambda entry, count, text: "\n" + _indented(entry, count, text), 2, 2, (int, str)),
    "b64enc": _text(lambda text: base64.b64encode(text.encode()).decode()),
    "b64dec": Spec(_decoded, 1, 1, (str,)),
    "default": Spec(_default, 1, 2),
    "fromJson": Spec(_from_json, 1, 1, (str,)),
    # of Loki
    "alignLeft": Spec(lambda *args: _aligned(*args, left=True), 2, 2, (int, str)),
    "alignRight": Spec(lambda *args: _aligned(*args, left=False), 2, 2, (int, str)),
    "urlencode": _text(quote_plus),
    "urldecode": _text(unquote_plus),
    "bytes": Spec(_bytes, 1, 1, (str,)),
    "duration": Spec(_seconds, 1, 1, (str,)),
    "duration_seconds": Spec(_seconds, 1, 1, (str,)),
    "count": _texts(lambda pattern, text: sum(1 for _ in regex(pattern).finditer(text)), 2),
    "regexReplaceAll": _texts(lambda pattern, text, new: replaced(pattern, new, text), 3),
    "regexReplaceAllLiteral": _texts(lambda pattern, text, new: replaced(pattern, new, text, literal=True), 3),
}
_NUMBERS: Mapping[str, Spec] = {
    "int": Spec(lambda _, value: _whole(value), 1, 1),
    "float64": Spec(lambda _, value: _real(value), 1, 1),
    "add": Spec(_folded(lambda a, b: a + b, _whole), 1, None),
    "sub": Spec(_folded(lambda a, b: a - b, _whole), 2, 2),
    "mul": Spec(_folded(lambda a, b: _bounded(a * b), _whole), 1, None),
    "div": Spec(_folded(_divided, _whole), 2, 2),
    "mod": Spec(_folded(_remainder, _whole), 2, 2),
    "max": Spec(_folded(max, _whole), 1, None),
    "min": Spec(_folded(min, _whole), 1, None),
    "addf": Spec(_folded(lambda a, b: a + b, _real), 1, None),
    "subf": Spec(_folded(lambda a, b: a - b, _real), 1, None),
    "mulf": Spec(_folded(lambda a, b: a * b, _real), 1, None),
    "divf": Spec(_folded(_quotient, _real), 1, None),
    "maxf": Spec(_folded(max, _real), 1, None),
    "minf": Spec(_folded(min, _real), 1, None),
    "ceil": Spec(
        lambda _, value: float(math.ceil(_real(value))) if math.isfinite(_real(value)) else _real(value), 1, 1
    ),
    "floor": Spec(
        lambda _, value: float(math.floor(_real(value))) if math.isfinite(_real(value)) else _real(value), 1, 1
    ),
    "round": Spec(_rounded, 2, 3, (object, int, float)),
}
_TIMES: Mapping[str, Spec] = {
    "now": Spec(lambda _: Moment(time.time_ns()), 0, 0),
    "date": Spec(_date, 2, 2, (str,)),
    "toDate": _texts(parsed, 2),
    "toDateInZone": _texts(lambda layout, zone, text: parsed(layout, text, zone_named(zone)), 3),
    "unixEpoch": Spec(lambda _, moment: str(moment.ns // SECOND_NS), 1, 1, (Moment,)),
    "unixEpochMillis": Spec(lambda _, moment: str(moment.ns // MS_NS), 1, 1, (Moment,)),
    "unixEpochNanos": Spec(lambda _, moment: str(moment.ns), 1, 1, (Moment,)),
    "unixToTime": Spec(_unix, 1, 1, (str,)),
}
FUNCTIONS: Mapping[str, Spec] = {
    **BUILTINS,
    **_STRINGS,
    **_NUMBERS,
    **_TIMES,
    "__line__": Spec(lambda entry: entry.line, 0, 0),
    "__timestamp__": Spec(lambda entry: Moment(entry.time_ns), 0, 0),
}
