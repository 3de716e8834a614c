"""The functions of templates of alerts: Go's own, and Prometheus' (prometheus.io/docs/prometheus, "Templates")."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlsplit

from obsctl.embedded.query.gotemplate.builtins import BUILTINS, Spec
from obsctl.embedded.query.gotemplate.printing import shown
from obsctl.embedded.query.gotemplate.texts import regex, replaced, titled
from obsctl.embedded.rules import humanize
from obsctl.languages.errors import QueryError
from obsctl.languages.gotemplate.syntax import TemplateError


@dataclass(frozen=True)
class TemplateSample:
    """One result of ``query``."""

    labels: Mapping[str, str]
    value: float

    def fields(self) -> Mapping[str, object]:
        """What a template may ask of it."""
        return {"Labels": self.labels, "Value": self.value}


@dataclass(frozen=True)
class TemplateContext:
    """What a template is told: ``query`` answers PromQL at the evaluation's time, ``now`` is that time in seconds."""

    labels: Mapping[str, str]
    value: float
    query: Callable[[str], Sequence[TemplateSample]]
    now: float = 0.0
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""


def query_link(expr: str, tab: int = 1) -> str:
    """The path of Prometheus' page for an expression (``generatorURL`` ends with it)."""
    return f"/graph?g0.expr={quote_plus(expr)}&g0.tab={tab}"


def _query(context: TemplateContext, expr: str) -> list[TemplateSample]:
    try:
        return list(context.query(expr))
    except QueryError as error:
        raise TemplateError(str(error)) from error


def _first(_: TemplateContext, found: Sequence[TemplateSample]) -> TemplateSample:
    if not found:
        raise TemplateError("first() called on vector with no elements")
    return found[0]


def _sorted(_: TemplateContext, label: str, found: Sequence[TemplateSample]) -> list[TemplateSample]:
    return sorted(found, key=lambda sample: sample.labels.get(label, ""))


def _strip_port(_: TemplateContext, address: str) -> str:
    host, colon, port = address.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")) or ("[" in port):
        return address
    return host.strip("[]")


def _strip_domain(context: TemplateContext, address: str) -> str:
    host = _strip_port(context, address)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        port = address[len(host) :] if address.startswith(host) else ""
        return host.split(".")[0] + port
    return address


FUNCTIONS: Mapping[str, Spec] = {
    **BUILTINS,
    # queries
    "query": Spec(_query, 1, 1, (str,)),
    "first": Spec(_first, 1, 1, (list,)),
    "label": Spec(lambda _, name, sample: sample.labels.get(name, ""), 2, 2, (str, TemplateSample)),
    "value": Spec(lambda _, sample: sample.value, 1, 1, (TemplateSample,)),
    "strvalue": Spec(lambda _, sample: sample.labels.get("__value__", ""), 1, 1, (TemplateSample,)),
    "sortByLabel": Spec(_sorted, 2, 2, (str, list)),
    # numbers
    "humanize": Spec(lambda _, value: humanize.humanize(value), 1, 1),
    "humanize1024": Spec(lambda _, value: humanize.humanize1024(value), 1, 1),
    "humanizeDuration": Spec(lambda _, value: humanize.humanize_duration(value), 1, 1),
    "humanizePercentage": Spec(lambda _, value: humanize.humanize_percentage(value), 1, 1),
    "humanizeTimestamp": Spec(lambda _, value: _timestamp(value), 1, 1),
    "toTime": Spec(lambda _, value: humanize.moment(value), 1, 1),
    "toDuration": Spec(lambda _, value: humanize.go_duration(value), 1, 1),
    "parseDuration": Spec(lambda _, text: humanize.duration_seconds(text), 1, 1, (str,)),
    "now": Spec(lambda context: context.now, 0, 0),
    # texts
    "title": Spec(lambda _, text: titled(text), 1, 1, (str,)),
    "toUpper": Spec(lambda _, text: text.upper(), 1, 1, (str,)),
    "toLower": Spec(lambda _, text: text.lower(), 1, 1, (str,)),
    "match": Spec(lambda _, pattern, text: regex(pattern).search(text) is not None, 2, 2, (str, str)),
    "reReplaceAll": Spec(lambda _, pattern, new, text: replaced(pattern, new, text), 3, 3, (str, str, str)),
    "stripPort": Spec(_strip_port, 1, 1, (str,)),
    "stripDomain": Spec(_strip_domain, 1, 1, (str,)),
    "args": Spec(lambda _, *values: {f"arg{i}": value for i, value in enumerate(values)}, 0, None),
    "urlQueryEscape": Spec(lambda _, text: quote_plus(text, safe="~"), 1, 1, (str,)),
    "safeHtml": Spec(lambda _, text: text, 1, 1, (str,)),
    # links
    "graphLink": Spec(lambda _, expr: query_link(expr, 0), 1, 1, (str,)),
    "tableLink": Spec(lambda _, expr: query_link(expr), 1, 1, (str,)),
    "externalURL": Spec(lambda context: context.external_url, 0, 0),
    "pathPrefix": Spec(lambda context: urlsplit(context.external_url).path, 0, 0),
}


def _timestamp(value: object) -> str:
    found = humanize.moment(value)
    return shown(found) if found else shown(humanize.number(value))
