"""The traces, log lines and requests that were observed, as YAML lines of a draft. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from obsctl.discovery.model import ObservedRequest, ObservedSpan, ObservedTraffic
from obsctl.discovery.stored_forms import PROPOSED
from obsctl.spec.personal import PERSONAL

MOST_STEPS = 10
_NOT_SENT = "obsctl sends no such request unasked: list it under drive: in obsctl.yaml, then take this in"


def text(value: str) -> str:
    """A text as YAML and JSON both write it."""
    return json.dumps(value, ensure_ascii=False)


def count_lines(traffic: ObservedTraffic) -> tuple[str, ...]:
    """How much each component sent."""
    return tuple(f"{name}: {traffic.received[name]}" for name in traffic.components)


def traffic_notes(traffic: ObservedTraffic) -> Iterator[str]:
    """What the user should know about the observed traffic."""
    for name in traffic.unnamed:
        shown = "".join(c for c in name if c.isprintable())[:63]
        yield (
            f"{shown!r} is left out: a service.name here has lower-case letters, digits and dashes, at most 63; "
            "set OTEL_SERVICE_NAME"
        )
    if traffic.logs_left:
        yield f"logs are left out: {traffic.logs_left}"
    if not traffic.reachable:
        unknown = f"where {traffic.components[0]} answers is not known"
        yield f"{unknown}, so verify sends it nothing, and looks at what others send"
    if traffic.components and not traffic.requests:
        yield f"no server span of {traffic.components[0]} names a method and a route, so no trace is promised"
    for form, place in traffic.stored_forms.items():
        what = PERSONAL[form].what
        if PERSONAL[form].secret:
            yield f"{_shown(place)} holds {what}: take it out, verify is red where it is stored"
        else:
            yield f"the pattern {form} is left out of forbidden: {_shown(place)} holds {what}"
    if traffic.requests and traffic.reachable and not probe_requests(traffic):
        yield "no request seen is a GET that needs nothing filled in: list what verify may send under drive"


def _shown(place: str) -> str:
    return "".join(c for c in place if c.isprintable())[:120]


def probe_requests(traffic: ObservedTraffic) -> tuple[ObservedRequest, ...]:
    """The requests that ``verify`` may send, at most ``MOST_STEPS``."""
    if not traffic.reachable:
        return ()
    return tuple(request for request in traffic.requests if request.safe_to_send)[:MOST_STEPS]


def contract_lines(traffic: ObservedTraffic) -> Iterator[str]:
    """``traces``, ``logs``, ``forbidden`` and ``request_id_header`` of a contract."""
    active = probe_requests(traffic)
    others = [request for request in traffic.requests if request not in active]
    yield "traces:" if active else "traces: []"
    for request in active:
        yield from _trace(request)
    for request in others:
        yield f"# {_NOT_SENT}."
        yield from ("# " + line.removeprefix("  ").removeprefix("# ") for line in _trace(request))
    for edge, times in sorted(traffic.links.items(), key=str):
        yield f"# {edge} by a link, {_times(times)}: no part of the same trace, so it is no edge."
    yield ""
    yield from _logs(traffic)
    yield from _personal(traffic)
    if active:
        known = traffic.request_id_header
        yield f"request_id_header: {text(known)}" + ("" if known else "   # none came back; name it once there is one")


def _trace(request: ObservedRequest) -> Iterator[str]:
    yield f"  # {_times(request.times)}, as a rule answered {request.status or 'without a status'}"
    yield f"  - request: {text(str(request))}"
    yield f"    components: {listed(request.components)}"
    if request.edges:
        yield f"    edges: {listed(map(str, request.edges))}"
    if request.spans:
        yield "    spans:"
        yield from (line for span, name in _identified(request.spans) for line in _span(span, name))


def _span(span: ObservedSpan, name: str) -> Iterator[str]:
    parts = [f"id: {text(name)}", f"component: {text(span.component)}"]
    parts += [f"kind: {span.kind}"] if span.kind else []
    yield f"      - {{{', '.join([*parts, f'name: {text(span.name)}'])}{'}' if not span.attributes else ','}"
    if span.attributes:
        yield f"         attributes: {listed(span.attributes)}}}   # {_times(span.times)}"


def _identified(spans: Sequence[ObservedSpan]) -> Iterator[tuple[ObservedSpan, str]]:
    """Spans with an id each, no two the same."""
    used: set[str] = set()
    for span in spans:
        name = slug(f"{span.component}.{span.name}", 50)
        unique = next(n for n in (name, *(f"{name}-{i}" for i in range(2, len(spans) + 2))) if n not in used)
        used.add(unique)
        yield span, unique


def slug(name: str, longest: int) -> str:
    """A name of lower-case letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:longest].strip("-.") or "span"


def _logs(traffic: ObservedTraffic) -> Iterator[str]:
    if traffic.logs is None or not traffic.logs.fields:
        none = f"Left out: {traffic.logs_left}." if traffic.logs_left else "No log line came that belongs to a trace."
        yield f"# {none} Lines in files: name them under logs: in obsctl.yaml."
        yield "# logs: {fields: [timestamp, level, message, trace_id]}"
        return
    count = traffic.logs.lines
    where = " in traces of those requests" if traffic.requests else ""
    yield f"logs:   # of {count} line{'s' * (count != 1)}{where}"
    yield f"  fields: {listed(traffic.logs.fields)}"
    yield f"  components: {listed(traffic.logs.components)}"


def _personal(traffic: ObservedTraffic) -> Iterator[str]:
    """``forbidden``: every form that is not stored yet, and secrets in any case."""
    yield "forbidden:"
    if traffic.personal:
        yield "  # These may tell who somebody is. What is forbidden is dropped before it is stored, and looked for."
        yield f"  # attributes: {listed(traffic.personal)}"
        yield from (f"  #   {key}: {_times(times)}" for key, times in traffic.personal.items())
    yield "  # What has one of these forms is masked in attributes, and verify looks for it in all that is stored."
    yield "  patterns:"
    for form in PROPOSED:
        if PERSONAL[form].secret or form not in traffic.stored_forms:
            yield f"    {form}: {text(PERSONAL[form].regex)}"
        else:
            yield f"    # {form}: left out, {_shown(traffic.stored_forms[form])} holds {PERSONAL[form].what}"


def step_lines(traffic: ObservedTraffic) -> Iterator[str]:
    """``drive`` of a service."""
    active = probe_requests(traffic)
    yield "    drive:" if active else "    drive: []"
    names: set[str] = set()
    for request in traffic.requests:
        name = slug(str(request), 40).replace(".", "-")
        unique = next(n for n in (name, *(f"{name}-{i}" for i in range(2, 100))) if n not in names)
        names.add(unique)
        mark = "      " if request in active else "    #   "
        step = f"id: {text(unique)}, method: {request.method}, route: {text(request.route)}"
        body = ", body: {}" if request.method in ("POST", "PUT", "PATCH") and request not in active else ""
        expect = f", expect: {request.status}" if request.status >= 200 else ""
        yield f"{mark}- {{{step}{body}{expect}}}   # {_times(request.times)}"


def listed(texts: Iterable[str]) -> str:
    """Texts as a list on one line."""
    return f"[{', '.join(map(text, texts))}]"


def _times(count: int) -> str:
    return "seen once" if count == 1 else f"seen {count} times"
