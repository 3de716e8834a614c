"""Values as Go prints them: ``fmt``'s verbs (pkg.go.dev/fmt), as far as templates of alerts use them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from obsctl.languages.numbers import format_plain, format_value
from obsctl.languages.quoting import go_quoted

_VERB = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\d{0,3})(?P<precision>\.\d{0,3})?(?P<verb>.?)", re.DOTALL)
_KINDS = {bool: "bool", int: "int", float: "float64", str: "string", type(None): "nil", datetime: "*time.Time"}


def kind_name(value: object) -> str:
    """What Go calls the type of a value."""
    if isinstance(value, Mapping):
        return "map[string]string"
    return _KINDS.get(type(value), "template.sample" if not isinstance(value, Sequence) else "template.queryResult")


def shown(value: object, *, nil: str = "<nil>") -> str:
    """``%v``."""
    match value:
        case None:
            return nil
        case bool():
            return "true" if value else "false"
        case float():
            return shortest(value)
        case datetime():
            return _moment(value)
        case Mapping():
            return f"map[{' '.join(f'{shown(k)}:{shown(v)}' for k, v in sorted(value.items()))}]"
        case list() | tuple():
            return f"[{' '.join(shown(item) for item in value)}]"
        case _:
            return str(value)


def shortest(value: float) -> str:
    """``%v`` of a float: as few digits as tell it from others, with an exponent below 1e-4 and from 1e6."""
    size = abs(value)
    if value != value or size == float("inf"):
        return format_value(value)
    if not size or 1e-4 <= size < 1e6:
        return "-0" if str(value) == "-0.0" else format_plain(value)
    return scientific(value)


def scientific(value: float) -> str:
    """``%e`` with as few digits as tell it from others: ``1e+00``, ``1.5e-07`` (an alert's value in the API)."""
    if value != value or value in (float("inf"), float("-inf")):
        return format_value(value)
    return next(text for digits in range(18) if float(text := f"{value:.{digits}e}") == value)


def four_digits(value: float) -> str:
    """``%.4g``."""
    return format_value(value) if value != value or abs(value) == float("inf") else f"{value:.4g}"


def _moment(value: datetime) -> str:
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    return f"{value:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def printed(values: Sequence[object]) -> str:
    """``Sprint``: a space between two values of which neither is a string."""
    parts: list[str] = []
    for i, value in enumerate(values):
        if i and not isinstance(value, str) and not isinstance(values[i - 1], str):
            parts.append(" ")
        parts.append(shown(value))
    return "".join(parts)


def formatted(layout: str, values: Sequence[object]) -> str:
    """``Sprintf``, its complaints included: ``%!d(float64=1.5)``, ``%!s(MISSING)``, ``%!(EXTRA int=1)``."""
    left = list(values)

    def one(found: re.Match[str]) -> str:
        verb = found["verb"]
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        return _verb(found, left.pop(0)) if left else f"%!{verb}(MISSING)"

    text = _VERB.sub(one, layout)
    return text + (f"%!(EXTRA {', '.join(f'{kind_name(v)}={shown(v)}' for v in left)})" if left else "")


def _verb(found: re.Match[str], value: object) -> str:
    flags, verb, width = found["flags"], found["verb"], int(found["width"] or 0)
    precision = None if found["precision"] is None else int(found["precision"][1:] or 0)
    text = _converted(verb, value, flags, precision)
    if text is None:
        return f"%!{verb}(<nil>)" if value is None else f"%!{verb}({kind_name(value)}={shown(value)})"
    number = isinstance(value, int | float) and text[-1:].isalnum() and text.lstrip("+- ")[:1].isdigit()
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and (number or not isinstance(value, int | float)):
        sign = text[:1] if number and text[:1] in "+- " else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _converted(verb: str, value: object, flags: str, precision: int | None) -> str | None:
    """The value without padding; None when the verb is not for it."""
    if verb == "v":
        return _signed(_general(value, precision), value, flags.replace("+", ""))  # here it asks for names of fields
    if verb == "T":
        return kind_name(value)
    if verb in "sq":
        return _string(verb, value, precision)
    if isinstance(value, bool):
        return shown(value) if verb == "t" else None
    if isinstance(value, float) and verb in "eEfFgG":
        return _signed(_float(verb, value, precision), value, flags)
    if isinstance(value, int) and verb in "dxXobc":
        return _signed(chr(value) if verb == "c" else format(value, verb), value, flags)
    if isinstance(value, str) and verb in "xX":
        return value.encode().hex() if verb == "x" else value.encode().hex().upper()
    return None


def _general(value: object, precision: int | None) -> str:
    return _float("g", value, precision) if isinstance(value, float) else shown(value)


def _string(verb: str, value: object, precision: int | None) -> str | None:
    if isinstance(value, Mapping | list | tuple):
        return shown(value)
    if isinstance(value, bool | int | float) or value is None:
        return None
    text = shown(value)[:precision]
    return go_quoted(text) if verb == "q" else text


def _float(verb: str, value: float, precision: int | None) -> str:
    if value != value or abs(value) == float("inf"):
        return format_value(value)
    if verb in "gG" and precision is None:
        return shortest(value) if verb == "g" else shortest(value).upper()
    return format(value, f".{6 if precision is None else precision}{verb}")


def _signed(text: str, value: object, flags: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and text[:1] not in "+-":
        return "+" * ("+" in flags) + " " * (" " in flags and "+" not in flags) + text
    return text
