"""The functions of LogQL's templates (grafana.com/docs/loki/latest/query/template_functions)."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from urllib.parse import quote_plus, unquote_plus

from obsctl.embedded.query.gotemplate.builtins import BUILTINS, Spec, truth
from obsctl.embedded.query.gotemplate.dates import Moment, parsed, zone_named
from obsctl.embedded.query.gotemplate.texts import regex, replaced, titled
from obsctl.embedded.query.logql.entry import Entry
from obsctl.embedded.query.logql.numeric_functions import NUMBERS
from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.logql.literals import size_bytes
from obsctl.languages.units import MS_NS, SECOND_NS, go_duration_ns

LONGEST = 1 << 18
"""Characters of a line, and of what a function may make."""


_NOT_ESCAPED = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/\r\n]")


def _long(length: int) -> None:
    if length > LONGEST:
        raise TemplateError(f"the text is longer than {LONGEST} characters")


def _repeated(_: Entry, count: int, text: str) -> str:
    if count < 0:
        raise TemplateError("strings: negative Repeat count")
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
    """Bytes, as sprig counts them: half a character is none."""
    size = len(text.encode())
    if count < 0:
        return _part(text, size + count, size) if size + count > 0 else text
    return _part(text, 0, min(count, size))


def _part(text: str, start: int, end: int) -> str:
    return text.encode()[start:end].decode("utf-8", "replace")


def _substring(_: Entry, start: int, end: int, text: str) -> str:
    size = len(text.encode())
    first = max(start, 0)
    last = size if start >= 0 and (end < 0 or end > size) else end
    if not first <= last <= size:
        raise TemplateError(f"slice bounds out of range [{first}:{last}] with length {size}")
    return _part(text, first, last)


def _indented(_: Entry, count: int, text: str) -> str:
    _long((count + 1) * (text.count("\n") + 1))
    pad = " " * count
    return pad + text.replace("\n", f"\n{pad}")


def _replaced_n(_: Entry, text: str, old: str, new: str, count: int) -> str:
    _long(len(text) + (text.count(old) if old else len(text) + 1) * len(new))
    return text.replace(old, new, count if count >= 0 else -1)


def _decoded(_: Entry, text: str) -> str:
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return f"illegal base64 data at input byte {_fault(text)}"


def _fault(text: str) -> int:
    """Where Go's decoder sees that a text is not base64."""
    found = _NOT_BASE64.search(text)
    if found is None:
        return len(text) // 4 * 4
    place = found.start()
    padding = 4 - place % 4 if place % 4 > 1 else 0
    right = padding and text[place : place + padding] == "=" * padding
    return place + padding if right else place


def _url_decoded(text: str) -> str:
    wrong = _NOT_ESCAPED.search(text)
    if wrong:
        raise TemplateError(f'invalid URL escape "{wrong[0]}"')
    return unquote_plus(text)


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
    """What is neither a time nor a number of seconds is now, as in sprig."""
    if isinstance(when, Moment):
        return when.format(layout)
    seconds = isinstance(when, int) and not isinstance(when, bool)
    return Moment(int(str(when)) * SECOND_NS if seconds else time.time_ns()).format(layout)


def _to_date(layout: str, text: str, zone: tzinfo = UTC) -> Moment:
    """What cannot be read is the year one, as in sprig."""
    try:
        return parsed(layout, text, zone)
    except TemplateError:
        return Moment(_YEAR_ONE)


def _zone(name: str) -> tzinfo:
    try:
        return zone_named(name)
    except TemplateError:
        return UTC


_YEAR_ONE = -62_135_596_800 * SECOND_NS
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
    "urldecode": _text(_url_decoded),
    "bytes": Spec(_bytes, 1, 1, (str,)),
    "duration": Spec(_seconds, 1, 1, (str,)),
    "duration_seconds": Spec(_seconds, 1, 1, (str,)),
    "count": _texts(lambda pattern, text: sum(1 for _ in regex(pattern).finditer(text)), 2),
    "regexReplaceAll": _texts(lambda pattern, text, new: replaced(pattern, new, text), 3),
    "regexReplaceAllLiteral": _texts(lambda pattern, text, new: replaced(pattern, new, text, literal=True), 3),
}
_TIMES: Mapping[str, Spec] = {
    "now": Spec(lambda _: Moment(time.time_ns()), 0, 0),
    "date": Spec(_date, 2, 2, (str,)),
    "toDate": _texts(_to_date, 2),
    "toDateInZone": _texts(lambda layout, zone, text: _to_date(layout, text, _zone(zone)), 3),
    "unixEpoch": Spec(lambda _, moment: str(moment.ns // SECOND_NS), 1, 1, (Moment,)),
    "unixEpochMillis": Spec(lambda _, moment: str(moment.ns // MS_NS), 1, 1, (Moment,)),
    "unixEpochNanos": Spec(lambda _, moment: str(moment.ns), 1, 1, (Moment,)),
    "unixToTime": Spec(_unix, 1, 1, (str,)),
}
FUNCTIONS: Mapping[str, Spec] = {
    **BUILTINS,
    **_STRINGS,
    **NUMBERS,
    **_TIMES,
    "__line__": Spec(lambda entry: entry.line, 0, 0),
    "__timestamp__": Spec(lambda entry: Moment(entry.time_ns), 0, 0),
}
