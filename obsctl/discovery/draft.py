"""A first contract and spec for a service, from what it exposes now, and sends. Pure: values in, texts out.

A family is taken where every required metric of it is there exactly as the family says. Everything else becomes a
metric of the service's own, with the type, labels and buckets that were seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from obsctl import assets
from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.discovery.draft_otlp import (
    contract_lines,
    count_lines,
    listed,
    probe_requests,
    step_lines,
    text,
    traffic_notes,
)
from obsctl.discovery.model import ObservedMetric, ObservedRequest, ObservedTraffic
from obsctl.discovery.recognise import RecognisedKind, driven, lenient, recognise
from obsctl.discovery.stored_forms import forms_in_labels
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.contract_load import family_names, load_family
from obsctl.spec.kind_files import kind_files

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}"
_LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
_UNITS = {"_seconds": "s", "_milliseconds": "ms", "_bytes": "By", "_ratio": "1"}
_INSTRUMENTS = {MetricType.COUNTER: "counter", MetricType.GAUGE: "gauge"}
_ABOUT_THE_SCRAPE = ("target_info", "otel_scope_info")
_TARGET_LABELS = ("job", "instance", "service_namespace")
_LONGEST_BRIEF = 200
_STEPS = (1, 2, 5)
_MOST_SERIES = 1_000_000
_MOST_NOTES = 12
_FAST = 0.3
_SERVING = {"http": "http.request.duration", "rpc": "rpc.request.duration"}
"""Families that answer requests, with the duration of an answer: SLOs are theirs."""


@dataclass(frozen=True)
class Origin:
    """Where the draft comes from: the service's name, its URL without a path, paths of metrics and readiness (""),
    how it is asked, files relative to the draft, and the files that have its log lines. Metrics and readiness are URLs
    where another port has them. The URL is "" where it is not known, or nothing answers.
    """

    service: str
    url: str
    metrics: str
    ready: str = ""
    access: ComponentAccess = PLAIN
    logs: str = ""

    @property
    def page(self) -> str:
        """The URL of the metrics page."""
        return f"{'' if '://' in self.metrics else self.url}{self.metrics}"


@dataclass(frozen=True)
class Draft:
    """The contract of a service and its entry of a spec, as texts; the families that were taken, the service's own
    metrics, and what a person should know. ``recognised`` says of what emits them which metrics were recognised.
    """

    origin: Origin
    traffic: ObservedTraffic | None
    contract: str
    families: tuple[str, ...]
    own: tuple[str, ...]
    notes: tuple[str, ...]
    recognised: tuple[str, ...] = ()

    @property
    def files(self) -> Mapping[str, str]:
        """Spec and contract, by file name, where it is the only service."""
        return {"obsctl.yaml": spec_text([(self, "contract.yaml")]), "contract.yaml": self.contract}


def draft(
    observed_metrics: Sequence[ObservedMetric],
    origin: Origin,
    traffic: ObservedTraffic | None = None,
    folder: Path | None = None,
) -> Draft:
    """Drafts the spec and the contract of a service from its metrics page and, if given, its observed traffic.

    ``folder`` may have families of the user's. Raises SpecError for a family that cannot be read.
    """
    pushed = [received.metric for received in traffic.metrics] if traffic else []
    scraped = [_as_stored(metric) for metric in observed_metrics if metric.name not in _ABOUT_THE_SCRAPE]
    by_name = {metric.name: metric for metric in (*pushed, *scraped)}
    families, notes = _families(by_name)
    taken = {metric.name for family in families for metric in _family(family)}
    rest = [metric for name, metric in sorted(by_name.items()) if name not in taken]
    kinds = recognise(rest, kind_files(folder), families)
    own, left = [], []
    for metric in rest:
        reason = _unfit(metric)
        if reason:
            left.append(f"{metric.name} is left out: {reason}")
        else:
            own.append(metric)
    if traffic:
        traffic = replace(traffic, stored_forms={**forms_in_labels(rest), **traffic.stored_forms})
    notices = (*notes, *left, *(traffic_notes(traffic) if traffic else ()))
    contract = _contract(origin, families, own, notices, traffic, kinds)
    names, titles = tuple(metric.name for metric in own), tuple(kind.file.title for kind in kinds)
    return Draft(origin, traffic, contract, families, names, notices, titles)


def _as_stored(metric: ObservedMetric) -> ObservedMetric:
    """The metric with the labels that a scraper stores: where it has one of its own, the scraped one gets a prefix."""
    names = {n: f"exported_{n}" if n in _TARGET_LABELS else n for n in metric.labels}
    return replace(metric, labels=tuple(names.values()), optional=frozenset(names[n] for n in metric.optional))


def _family(name: str) -> tuple[Metric, ...]:
    return load_family(assets.templates() / "families" / f"{name}.yaml")


def _families(by_name: Mapping[str, ObservedMetric]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The families that fit, and why others that have a metric here do not."""
    fitting, notes = [], []
    for name in family_names():
        wrong = [reason for metric in _family(name) for reason in _differences(metric, by_name)]
        found = any(metric.name in by_name for metric in _family(name))
        if not wrong:
            fitting.append(name)
        elif found:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            notes.append(f"family {name} does not fit: {wrong[0]}{more}")
    return tuple(fitting), tuple(notes)


def _differences(metric: Metric, by_name: Mapping[str, ObservedMetric]) -> Iterator[str]:
    """What keeps a metric of a family from being the one that was observed."""
    observed = by_name.get(metric.name)
    if observed is None:
        if metric.required:
            yield f"there is no {metric.name}"
        return
    if observed.type is not metric.type:
        yield f"{metric.name} is a {observed.type}, not a {metric.type}"
    elif observed.series and metric.label_fault(observed.labels):
        yield f"{metric.name} has {_listed(observed.labels)}, not {_listed(metric.labels)}"
    elif observed.optional - metric.optional:
        yield f"{metric.name} has not on every series {_listed(tuple(observed.optional - metric.optional))}"
    elif observed.series and metric.buckets and observed.buckets != metric.buckets:
        yield f"{metric.name} has other buckets: {', '.join(f'{bound:g}' for bound in observed.buckets)}"


def _listed(labels: Sequence[str]) -> str:
    return f"the labels {', '.join(sorted(labels))}" if labels else "no labels"


def _unfit(metric: ObservedMetric) -> str:
    """Why a contract cannot state a metric, or "" if it can."""
    if metric.unfit:
        return metric.unfit
    if not re.fullmatch(_NAME, metric.name):
        return "a name that is too long"
    if not metric.series:
        return "it has no series yet, so its labels are unknown; add it once it has some"
    odd = next((label for label in metric.labels if not re.fullmatch(_LABEL, label)), "")
    return f"label {odd} has other signs than letters, digits and underscores" if odd else ""


def _contract(
    origin: Origin,
    families: Sequence[str],
    own: Sequence[ObservedMetric],
    notes: Iterable[str],
    traffic: ObservedTraffic | None,
    kinds: Sequence[RecognisedKind],
) -> str:
    slos = [*(["http-errors", "http-latency"] if "http" in families else []), *_slos(kinds)]
    requests = probe_requests(traffic) if traffic else ()
    lines = [
        f"# What {origin.service} promises to emit. Drafted from {' and '.join(_sources(origin, traffic))}.",
        "# Go through it and make it yours: what is listed here is required from now on.",
        "# `obsctl check` finds mistakes, `obsctl verify` proves that the promises are kept.",
        *(f"# Note: {note}." for note in notes),
        "version: 1",
        f"service: {text(origin.service)}",
        f"components: {listed(_components(origin, traffic))}        # the values of service.name in traces and logs",
        *(f"# {line}" for line in (count_lines(traffic) if traffic else ())),
        "",
        f"families: [{', '.join(families)}]",
        *([f"slos: [{', '.join(slos)}]   # fewer than 1 % 5xx; 95 % within 300 ms"] if slos else []),
        *kind_lines(kinds),
        "",
        "metrics:" if own else "metrics: []",
        *(line for metric in _named(own, kinds, requests) for line in metric),
        "",
        *(contract_lines(traffic) if traffic else _unobserved_lines(origin)),
    ]
    return "\n".join(lines) + "\n"


def _sources(origin: Origin, traffic: ObservedTraffic | None) -> list[str]:
    return [*([origin.page] if origin.metrics else []), *(["what came by OTLP"] if traffic else [])]


def _components(origin: Origin, traffic: ObservedTraffic | None) -> tuple[str, ...]:
    return (traffic.components if traffic else ()) or (origin.service,)


def _unobserved_lines(origin: Origin) -> list[str]:
    return [
        "# What else it promises; sample: `obsctl init` in an empty folder. `--listen` drafts this, too.",
        "# traces:",
        f"#   - {{request: GET /, components: [{text(origin.service)}]}}",
        "# logs: {fields: [timestamp, level, message, trace_id]}",
        "# forbidden: {attributes: [user.email]}",
    ]


def kind_lines(kinds: Sequence[RecognisedKind]) -> Iterator[str]:
    """``as`` of a contract."""
    if kinds:
        yield "as:   # these get the dashboards, recording rules, alerts and SLOs of the family"
    for kind in kinds:
        labels = {role: label for role, label in kind.labels.items() if role != label}
        yield f"  - kind: {kind.file.kind}   # recognised: {kind.file.title}"
        yield f"    metrics: {{{', '.join(f'{part}: {series}' for part, series in kind.series.items())}}}"
        if labels:
            yield f"    labels: {{{', '.join(f'{role}: {label}' for role, label in labels.items())}}}"


def _slos(kinds: Sequence[RecognisedKind]) -> Iterator[str]:
    """The SLOs that recognised metrics can have."""
    for kind in kinds:
        name = kind.file.kind
        if name in _SERVING and {"status", "code"} & {*kind.labels}:
            yield f"{name}-errors"
        duration = kind.part(_SERVING.get(name, ""))
        if duration and any(0 < bound <= _FAST * _unit_factor(duration) for bound in duration.buckets):
            yield f"{name}-latency"


def _unit_factor(metric: ObservedMetric) -> float:
    return 1000.0 if metric.name.endswith("_milliseconds") else 1.0


def _named(
    own: Sequence[ObservedMetric], kinds: Sequence[RecognisedKind] = (), requests: Sequence[ObservedRequest] = ()
) -> Iterator[list[str]]:
    """Entries with a registry name each, no two the same."""
    used: set[str] = set()
    for metric in own:
        name = re.sub(r"[^a-z0-9_]", "_", metric.name.lower()).removesuffix("_total").strip("_0123456789") or "metric"
        unique = next(n for n in (name, *(f"{name}_{i}" for i in range(2, len(own) + 2))) if n not in used)
        used.add(unique)
        kind = next((kind for kind in kinds if metric.name in kind.played), None)
        counted = driven(metric, kind, requests) if kind else {}
        yield _entry(lenient(metric, kind) if kind else metric, unique, counted)


def _entry(metric: ObservedMetric, name: str, counted: Mapping[str, str]) -> list[str]:
    flat = metric.name.removesuffix("_total")
    unit = next((unit for suffix, unit in _UNITS.items() if flat.endswith(suffix)), "1")
    buckets = f", buckets: [{', '.join(map(_number, metric.buckets))}]" if metric.buckets else ""
    prometheus = f"prometheus: {{name: {text(metric.name)}, type: {metric.type}}}"
    tied = f", driven: {{{', '.join(f'{label}: {what}' for label, what in counted.items())}}}" if counted else ""
    led = ", exemplars: true" if metric.exemplars else ""
    ours = f"{{{prometheus}, series_budget: {_budget(metric.series)}{buckets}{tied}{led}}}"
    refs = ", ".join(_reference(label, metric) for label in metric.labels)
    brief = "".join(c for c in " ".join(metric.brief.split()) if c.isprintable())[:_LONGEST_BRIEF]
    return [
        f"  - name: {text(name)}",
        f"    instrument: {_INSTRUMENTS.get(metric.type, 'histogram')}",
        f"    unit: {text(unit)}",
        *([f"    brief: {text(brief)}"] if brief else []),
        *([f"    attributes: [{refs}]"] if refs else []),
        f"    annotations: {{obsctl: {ours}}}",
    ]


def _reference(label: str, metric: ObservedMetric) -> str:
    """A label; one that some series lack is no requirement."""
    level = ", requirement_level: {conditionally_required: not on every series}" if label in metric.optional else ""
    return f"{{ref: {text(label)}{level}}}"


def _number(value: float) -> str:
    """A number as YAML writes it: with a point before an exponent."""
    text = repr(value).removesuffix(".0")
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _budget(series: int) -> int:
    """Twice what was seen, as a round number: room to grow, none for a label that runs wild."""
    steps = (step * 10**power for power in range(1, 6) for step in _STEPS)
    return next((budget for budget in steps if budget >= 2 * series), _MOST_SERIES)


def _access(origin: Origin) -> str:
    """How the component is reached, as keys of a mapping in one line; JSON is YAML."""
    return "".join(f", {name}: {json.dumps(options)}" for name, options in origin.access.document().items())


def spec_text(drafts: Sequence[tuple[Draft, str]]) -> str:
    """The spec of services, each with the file that its contract is in."""
    sources = dict.fromkeys(source for made, _ in drafts for source in _sources(made.origin, made.traffic))
    named = {made.origin.service for made, _ in drafts}
    lines = [
        f"# What obsctl observes. Drafted from {' and '.join(sources)}.",
        "version: 1",
        "services:",
        *(line for made, contract in drafts for line in _service_lines(made.origin, made.traffic, contract, named)),
    ]
    return "\n".join(lines) + "\n"


def _service_lines(
    origin: Origin, traffic: ObservedTraffic | None, contract: str, named: Collection[str]
) -> Iterator[str]:
    """The entry of a service in a spec; ``named`` are the services that have one."""
    entry, *others = _components(origin, traffic)
    unknown = [name for name in others if name not in named]
    yield f"  - name: {text(origin.service)}"
    yield f"    contract: {contract}"
    yield "    components:"
    yield f"      - {{{_component(entry, origin)}}}"
    yield from (
        f'    #  - {{name: {name}, url: "http://host:port", metrics: /metrics}}   # where is it?' for name in unknown
    )
    yield f'    # Where its log lines are in files: logs: "/var/log/{origin.service}/*.log"; else they come by OTLP.'
    yield ""
    yield "    # Requests that `obsctl verify` sends, each with ids of its own. Start with some that change nothing."
    yield from (step_lines(traffic) if traffic else _no_step_lines())


def _component(name: str, origin: Origin) -> str:
    """The keys of the component that a draft was made of."""
    logs = f", logs: {text(origin.logs)}" if origin.logs else ""
    if not origin.url:
        return f'name: {text(name)}, url: ""{logs}'
    pages = f"metrics: {text(origin.metrics)}, ready: {text(origin.ready)}"
    return f"name: {text(name)}, url: {text(origin.url)}, {pages}{_access(origin)}{logs}"


def _no_step_lines() -> list[str]:
    return ["    drive: []", "    #  - {id: home, method: GET, route: /, expect: 200}"]


def summary_lines(made: Draft) -> tuple[str, ...]:
    """What the draft takes from the page and from the observed traffic, a line each."""
    origin, traffic = made.origin, made.traffic
    own = f"{len(made.own)} of its own" if made.own else "none of its own"
    families = f"families {', '.join(made.families)}" if made.families else "no family that is known"
    families += f"; recognised: {', '.join(made.recognised)}" if made.recognised else ""
    shown = made.notes if len(made.notes) <= _MOST_NOTES else (*made.notes[:_MOST_NOTES], "more in contract.yaml")
    none = f"{origin.url or origin.service} has no page of them"
    page = f"metrics: {families}; {own}" if origin.metrics or made.own or made.families else f"metrics: {none}"
    return page, *(_traffic_lines(traffic) if traffic else ()), *shown


def _traffic_lines(traffic: ObservedTraffic) -> Iterator[str]:
    yield from (f"{name}: {counts}" for name, counts in traffic.received.items())
    if traffic.requests:
        count, sent = len(traffic.requests), len(probe_requests(traffic))
        yield f"requests: {count} seen, of which verify may send {sent}; the others are there as comments"
    if traffic.logs:
        yield f"log fields: {', '.join(traffic.logs.fields)}"
    if traffic.personal:
        yield f"look at these, they may be personal: {', '.join(traffic.personal)}"
