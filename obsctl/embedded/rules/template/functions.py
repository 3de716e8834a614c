"""The functions of templates: Go's own, and Prometheus' (prometheus.io/docs/prometheus/latest/configuration)."""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

from obsctl.embedded.query.errors import QueryError
from obsctl.embedded.rules.template import humanize
from obsctl.embedded.rules.template.printing import formatted, kind_name, printed, shown
from obsctl.embedded.rules.template.syntax import TemplateError
from obsctl.embedded.signals import compiled_regex


@dataclass(frozen=True)
class Sample:
    """One result of ``query``."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Context:
    """What a template is told: ``query`` answers PromQL at the evaluation's time, ``now`` is that time in seconds."""

    labels: Mapping[str, str]
    value: float
    query: Callable[[str], Sequence[Sample]]
    now: float = 0.0
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""


@dataclass(frozen=True)
class Spec:
    """A function: what it does, how many arguments it takes (``most`` is None for any number), and their types."""

    call: Callable[..., Any]
    least: int
    most: int | None
    types: tuple[type | tuple[type, ...], ...] = ()


def truth(value: Any) -> bool:
    """Go's: everything but false, zero, nil and what is empty."""
    return value is not None and (bool(value) if isinstance(value, bool | int | float | str | Mapping | list) else True)


def query_link(expr: str, tab: int = 1) -> str:
    """The path of Prometheus' page for an expression (``generatorURL`` ends with it)."""
    return f"/graph?g0.expr={quote_plus(expr)}&g0.tab={tab}"


def _query(context: Context, expr: str) -> list[Sample]:
    try:
        return list(context.query(expr))
    except QueryError as error:
        raise TemplateError(str(error)) from error


def _first(_: Context, found: Sequence[Sample]) -> Sample:
    if not found:
        raise TemplateError("first() called on vector with no elements")
    return found[0]


def _sorted(_: Context, label: str, found: Sequence[Sample]) -> list[Sample]:
    return sorted(found, key=lambda sample: sample.labels.get(label, ""))


def _replaced(_: Context, pattern: str, replacement: str, text: str) -> str:
    """Every match replaced; ``$1`` and ``${1}`` stand for groups."""
    found = _regex(pattern)
    parts, last = [], 0
    for match in found.finditer(text):
        parts += [text[last : match.start()], _expanded(replacement, match)]
        last = match.end()
    return "".join([*parts, text[last:]])


def _expanded(template: str, match: Any) -> str:
    def group(hole: Any) -> str:
        name = hole[1] or hole[2]
        try:
            return match.group(int(name) if name.isdigit() else name) or ""
        except (IndexError, KeyError):
            return ""

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))|\$\$", lambda hole: "$" if hole[0] == "$$" else group(hole), template)


def _regex(pattern: str) -> Any:
    try:
        return compiled_regex(pattern, dot_all=False)
    except ValueError as error:
        raise TemplateError(f"error parsing regexp: {error}") from error


def _strip_port(_: Context, address: str) -> str:
    host, colon, port = address.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")) or ("[" in port):
        return address
    return host.strip("[]")


def _strip_domain(context: Context, address: str) -> str:
    host = _strip_port(context, address)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        port = address[len(host) :] if address.startswith(host) else ""
        return host.split(".")[0] + port
    return address


def _index(_: Context, value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key, "")
        elif isinstance(value, list | str) and isinstance(key, int) and not isinstance(key, bool):
            if not 0 <= key < len(value):
                raise TemplateError(f"index out of range: {key}")
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise TemplateError(f"can't index item of type {kind_name(value)}")
    return value


def _len(_: Context, value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping | list):
        return len(value)
    raise TemplateError(f"len of type {kind_name(value)}")


def _comparable(left: Any, right: Any) -> None:
    if isinstance(left, Mapping | list) or isinstance(right, Mapping | list):
        raise TemplateError("non-comparable type")
    if kind_name(left) != kind_name(right):
        raise TemplateError("incompatible types for comparison")


def _equal(_: Context, left: Any, *others: Any) -> bool:
    for other in others:
        _comparable(left, other)
        if left == other:
            return True
    return False


def _less(_: Context, left: Any, right: Any) -> bool:
    _comparable(left, right)
    if isinstance(left, bool) or left is None:
        raise TemplateError("invalid type for comparison")
    return bool(left < right)


def _not_equal(context: Context, left: Any, right: Any) -> bool:
    return not _equal(context, left, right)


FUNCTIONS: Mapping[str, Spec] = {
    # Go
    "and": Spec(lambda _, *values: values[-1], 1, None),  # these two look at no more arguments than they need
    "or": Spec(lambda _, *values: values[-1], 1, None),
    "not": Spec(lambda _, value: not truth(value), 1, 1),
    "len": Spec(_len, 1, 1),
    "index": Spec(_index, 1, None),
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
    # queries
    "query": Spec(_query, 1, 1, (str,)),
    "first": Spec(_first, 1, 1, (list,)),
    "label": Spec(lambda _, name, sample: sample.labels.get(name, ""), 2, 2, (str, Sample)),
    "value": Spec(lambda _, sample: sample.value, 1, 1, (Sample,)),
    "strvalue": Spec(lambda _, sample: sample.labels.get("__value__", ""), 1, 1, (Sample,)),
    "sortByLabel": Spec(_sorted, 2, 2, (str, list)),
    # numbers
    "humanize": Spec(lambda _, value: humanize.humanize(value), 1, 1),
    "humanize1024": Spec(lambda _, value: humanize.humanize1024(value), 1, 1),
    "humanizeDuration": Spec(lambda _, value: humanize.humanize_duration(value), 1, 1),
    "humanizePercentage": Spec(lambda _, value: humanize.humanize_percentage(value), 1, 1),
    "humanizeTimestamp": Spec(lambda _, value: _timestamp(value), 1, 1),
    "toTime": Spec(lambda _, value: humanize.moment(value), 1, 1),
    "parseDuration": Spec(lambda _, text: humanize.duration_seconds(text), 1, 1, (str,)),
    "now": Spec(lambda context: context.now, 0, 0),
    # texts
    "title": Spec(lambda _, text: _titled(text), 1, 1, (str,)),
    "toUpper": Spec(lambda _, text: text.upper(), 1, 1, (str,)),
    "toLower": Spec(lambda _, text: text.lower(), 1, 1, (str,)),
    "match": Spec(lambda _, pattern, text: _regex(pattern).search(text) is not None, 2, 2, (str, str)),
    "reReplaceAll": Spec(_replaced, 3, 3, (str, str, str)),
    "stripPort": Spec(_strip_port, 1, 1, (str,)),
    "stripDomain": Spec(_strip_domain, 1, 1, (str,)),
    "safeHtml": Spec(lambda _, text: text, 1, 1, (str,)),
    # links
    "graphLink": Spec(lambda _, expr: query_link(expr, 0), 1, 1, (str,)),
    "tableLink": Spec(lambda _, expr: query_link(expr), 1, 1, (str,)),
    "externalURL": Spec(lambda context: context.external_url, 0, 0),
    "pathPrefix": Spec(lambda context: urlsplit(context.external_url).path, 0, 0),
}


def _timestamp(value: Any) -> str:
    found = humanize.moment(value)
    return shown(found) if found else shown(humanize.number(value))


def _titled(text: str) -> str:
    before = [" ", *text]
    return "".join(c.upper() if not (p.isalnum() or p in "_'") else c for p, c in zip(before, text, strict=False))
