"""Lines of exposition text, as strictly as Prometheus' own parsers read them (``model/textparse``, 3.14).

The text format 0.0.4 takes spaces, tabs, blank lines and comments nearly everywhere. OpenMetrics 1.0 takes one space
where one belongs, no other comments, and must end with ``# EOF``. Everything here raises ``ExpositionError`` for a line
that makes Prometheus refuse the whole page.
"""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_BRACES = rf'\{{(?:[^"{{}}]|{_QUOTED})*+\}}'
_SERIES = {
    False: re.compile(rf"[ \t]*+({_NAME})?(?:[ \t]*+({_BRACES}))?"),
    True: re.compile(rf"({_NAME})?({_BRACES})?"),
}
_LABEL = r"([a-zA-Z_][a-zA-Z0-9_]*+)"
_PAIR = {
    False: re.compile(rf"[ \t]*+(?:{_LABEL}|({_QUOTED}))[ \t]*+(?:=[ \t]*+({_QUOTED}))?[ \t]*+(,?)[ \t]*+"),
    True: re.compile(rf"(?:{_LABEL}|({_QUOTED}))(?:=({_QUOTED}))?(,|\Z)"),
}
_META = {
    False: re.compile(rf"[ \t]*+#[ \t]++(HELP|TYPE)[ \t]++({_NAME}|{_QUOTED})(.*)", re.DOTALL),
    True: re.compile(rf"# (HELP|TYPE|UNIT) ({_NAME}|{_QUOTED})( .*)", re.DOTALL),
}
_ANY_META = re.compile(r"[ \t]*+#[ \t]++(HELP|TYPE)[ \t]")
_FLOAT = re.compile(
    r"[-+]?(\d++\.?\d*+|\.\d++)([eE][-+]?\d++)?|[-+]?[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN]", re.ASCII
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SHORT = 300
_LONGEST_TIME = 1 << 63
_COMMON_TYPES = frozenset(("counter", "gauge", "histogram", "summary"))
_TYPES = {
    False: _COMMON_TYPES | {"untyped"},
    True: _COMMON_TYPES | {"unknown", "info", "stateset", "gaugehistogram"},
}
END = "# EOF"

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
    "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""How Prometheus, and so everything here, asks for a metrics page: OpenMetrics first."""


class ExpositionError(ValueError):
    """The text is not in its format; the whole scrape is void."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A HELP, TYPE or UNIT line; ``text`` is unescaped."""

    kind: str
    family: str
    text: str


@dataclass(frozen=True, slots=True)
class ExemplarText:
    """Labels in the order of the text, value, and the time in ms if there is one."""

    labels: dict[str, str]
    value: float
    time_ms: int | None


Values = tuple[float, int | None, ExemplarText | None]
"""What stands behind a series: value, time in ms, exemplar."""


def page_is_openmetrics(content_type: str) -> bool:
    """The format of a page by its Content-Type. Raises ExpositionError for one that Prometheus does not take."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in ("application/openmetrics-text", "text/plain"):
        shown = f"unsupported Content-Type {content_type[:80]!r}" if content_type else "no Content-Type"
        raise ExpositionError(f"non-compliant scrape target: {shown}, where text/plain or OpenMetrics belongs")
    return media_type != "text/plain"


def looks_like_openmetrics(text: str) -> bool:
    """Whether a text without a content type is OpenMetrics: it has what only that format has."""
    return text.removesuffix("\n").endswith(f"\n{END}") or text.startswith((END, "# UNIT ")) or "\n# UNIT " in text


def exposition_lines(text: str, *, openmetrics: bool) -> list[str]:
    """The lines; OpenMetrics must end with its mark, for a cut answer is not one."""
    lines = text.split("\n")
    if not openmetrics:
        return lines
    if lines[-1] == "":
        lines.pop()
    if not lines or lines[-1] != END:
        raise ExpositionError(f"data does not end with {END}")
    if END in lines[:-1]:
        raise ExpositionError(f"there is data after {END}")
    return lines[:-1]


def read_comment(line: str, *, openmetrics: bool) -> Metadata | None:
    """What a line says that begins with ``#``; None for other comments, which OpenMetrics does not have."""
    found = _META[openmetrics].fullmatch(line)
    if found is None:
        if openmetrics or _ANY_META.match(line):
            raise ExpositionError("expected # HELP or # TYPE, the name of a metric, and a text")
        return None
    kind, name, rest = found.groups()
    family, told = unescape(name[1:-1]) if name[:1] == '"' else name, rest[1:]
    if kind == "TYPE" and told not in _TYPES[openmetrics]:
        raise ExpositionError(f"invalid metric type {told[:40]!r}")
    if kind == "UNIT" and told and not family.endswith(f"_{told}"):
        raise ExpositionError(f"unit {told[:40]!r} is no suffix of the metric {family[:80]!r}")
    return Metadata(kind, family, unescape(told, quotes=openmetrics) if kind == "HELP" else told)


def series_end(line: str, *, openmetrics: bool) -> int:
    """Where the series of a sample's line ends."""
    match = _SERIES[openmetrics].match(line)
    return match.end() if match else 0


def series_labels(series: str, *, openmetrics: bool) -> dict[str, str]:
    """The labels of a series as written, ``__name__`` first."""
    match = _SERIES[openmetrics].fullmatch(series)
    if not match or not (match[1] or match[2]):
        raise ExpositionError("expected the name of a metric")
    labels = {"__name__": match[1]} if match[1] else {}
    _add_pairs(labels, match[2][1:-1] if match[2] else "", openmetrics=openmetrics, named=True)
    if not labels.get("__name__"):
        raise ExpositionError("the metric has no name")
    return labels


def _add_pairs(labels: dict[str, str], text: str, *, openmetrics: bool, named: bool) -> None:
    """Add the pairs between braces. A quoted string alone is the metric's name (UTF-8 names)."""
    at = 0 if openmetrics else len(text) - len(text.lstrip(" \t"))
    bare = False
    while at < len(text):
        match = _PAIR[openmetrics].match(text, at)
        if not match:
            raise ExpositionError('the labels are not name="value", …')
        plain, quoted, value, comma = match.groups()
        at = match.end()
        name = plain or unescape(quoted[1:-1])
        if value is None:
            bare = bool(quoted) and named and (bool(comma) or at == len(text))
            if not bare:
                raise ExpositionError(f"label {name[:40]!r} has no value")
            name, value = "__name__", quoted
        elif name == "__name__" and named and name not in labels:
            raise ExpositionError("the metric has no name")
        if name in labels:
            raise ExpositionError(f"label {name[:40]!r} is given twice")
        if not name:
            raise ExpositionError("label without a name")
        labels[name] = unescape(value[1:-1])


def read_values(text: str, *, openmetrics: bool) -> Values:
    """Value, time and exemplar after a series."""
    if openmetrics:
        return _strict_values(text)
    words = text.replace("\t", " ").split(" ")
    words = [word for word in words if word]
    if not 1 <= len(words) <= 2:
        raise ExpositionError("expected a value and perhaps a time")
    if len(words) == 2 and not (words[1].isascii() and words[1].isdigit()):
        raise ExpositionError(f"expected a time in whole milliseconds, got {words[1][:40]!r}")
    return read_float(words[0]), _in_range(int(words[1])) if len(words) == 2 else None, None


def _strict_values(text: str) -> Values:
    text, mark, exemplar = text.partition(" # {")
    words = text.split(" ")
    if not 2 <= len(words) <= 3 or words[0] or not all(words[1:]):
        raise ExpositionError("expected a space, a value, and perhaps a space and a time")
    time_ms = _seconds(words[2]) if len(words) == 3 else None
    return read_float(words[1]), time_ms, _exemplar("{" + exemplar) if mark else None


def _exemplar(text: str) -> ExemplarText:
    match = re.match(_BRACES, text)
    if not match:
        raise ExpositionError("an exemplar must have labels")
    labels: dict[str, str] = {}
    _add_pairs(labels, match[0][1:-1], openmetrics=True, named=False)
    words = text[match.end() :].split(" ")
    if not 2 <= len(words) <= 3 or words[0] or not all(words[1:]):
        raise ExpositionError("an exemplar must have a value and perhaps a time")
    return ExemplarText(labels, read_float(words[1]), _seconds(words[2]) if len(words) == 3 else None)


def _seconds(text: str) -> int:
    value = read_float(text) * 1000
    if not math.isfinite(value):
        raise ExpositionError(f"invalid time {text[:40]!r}")
    return _in_range(int(value))


def _in_range(time_ms: int) -> int:
    if abs(time_ms) >= _LONGEST_TIME:
        raise ExpositionError("time out of range")
    return time_ms


def read_float(text: str) -> float:
    """A number in Go's syntax before 1.13; Python's own is laxer and is kept out."""
    if len(text) < _SHORT and not text.strip("0123456789."):
        with contextlib.suppress(ValueError):
            return float(text)  # most numbers of most pages
    if not _FLOAT.fullmatch(text):
        raise ExpositionError(f"not a number: {text[:40]!r}")
    value = float(text)
    if math.isinf(value) and text[-1].isdigit():
        raise ExpositionError(f"value out of range: {text[:40]!r}")
    return value


def unescape(text: str, *, quotes: bool = True) -> str:
    r"""``\n`` and ``\\``, and ``\"`` with ``quotes``; other backslashes stand for themselves."""
    if "\\" not in text:
        return text
    known = {"n": "\n", "\\": "\\", **({'"': '"'} if quotes else {})}
    return _ESCAPE.sub(lambda match: known.get(match[1], match[0]), text)
