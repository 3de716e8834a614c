"""Which forms of personal data and secrets a service stores already: a draft forbids the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from obsctl.clients.telemetry import LogLine, Span
from obsctl.discovery.model import ObservedMetric
from obsctl.spec.personal import PERSONAL, holds

PROPOSED = ("email", "phone", "card", "bearer", "jwt", "api_key", "private_key")
"""The forms that a draft forbids. Others are too loose to mask whatever fits; verify looks for secrets in any case."""

LONGEST = 20_000
"""Characters of one text that are searched."""


def stored_forms(spans: Iterable[Span], lines: Iterable[LogLine]) -> Mapping[str, str]:
    """Form -> where it was first seen, in all texts of spans and log lines."""
    return _first_places((*_of_spans(spans), *_of_lines(lines)), PROPOSED)


def forms_in_labels(metrics: Iterable[ObservedMetric]) -> Mapping[str, str]:
    """The same of the labels of metrics. Addresses there are the business of metrics.cardinality."""
    texts = (
        (f"metric {metric.name}, label {name}", value)
        for metric in metrics
        for pairs in metric.pairs
        for name, value in pairs
    )
    return _first_places(texts, [form for form in PROPOSED if form != "email"])


def _first_places(texts: Iterable[tuple[str, str]], forms: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = tuple(forms)
    for text, place in dict.fromkeys((text[:LONGEST], place) for place, text in texts if text):
        for form in wanted:
            if form not in found and holds(form, PERSONAL[form].regex, text):
                found[form] = place
    return found


def _of_spans(spans: Iterable[Span]) -> Iterator[tuple[str, str]]:
    for span in spans:
        owner = f"span {span.name if span.name.isprintable() else '?'} of {span.service}"
        yield from ((owner, text) for text in (span.name, span.status_message, span.trace_state))
        yield from _values(owner, "attribute", span.attributes)
        yield from _values(owner, "resource attribute", span.resource)
        for event in span.events:
            yield owner, event.name
            yield from _values(owner, "event attribute", event.attributes)


def _values(owner: str, kind: str, attributes: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in attributes.items():
        yield f"{owner}, {kind} key", key
        yield f"{owner}, {kind} {key if key.isprintable() else '?'}", value if isinstance(value, str) else str(value)


def _of_lines(lines: Iterable[LogLine]) -> Iterator[tuple[str, str]]:
    for line in lines:
        owner = f"log line of {line.get('service_name') or 'unknown'}"
        yield owner, line.line
        yield from ((f"{owner}, {name}", value) for name, value in {**line.labels, **line.metadata}.items())
