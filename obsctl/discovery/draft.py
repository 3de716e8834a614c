"""A first contract and spec for a service, from what it exposes now, and sends. Pure: values in, texts out.

A family is taken where every required metric of it is there exactly as the family says. Everything else becomes a
metric of the service's own, with the type, labels and buckets that were seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from obsctl import assets
from obsctl.discovery.draft_otlp import heard_contract, heard_counts, heard_drive, heard_notes, listed, text
from obsctl.discovery.traffic import Heard, Observed
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.contract_load import family_names, load_family

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}"
_LABEL = r"[a-z][a-z0-9_]*"
_UNITS = {"_seconds": "s", "_milliseconds": "ms", "_bytes": "By", "_ratio": "1"}
_INSTRUMENTS = {MetricType.COUNTER: "counter", MetricType.GAUGE: "gauge"}
_ABOUT_THE_SCRAPE = ("target_info", "otel_scope_info")
_TARGET_LABELS = ("job", "instance", "service_namespace")
_LONGEST_BRIEF = 200
_STEPS = (1, 2, 5)
_MOST_SERIES = 1_000_000


@dataclass(frozen=True)
class Origin:
    """Where the draft comes from: the service's name, its URL without a path, paths of metrics and readiness ("")."""

    service: str
    url: str
    metrics: str
    ready: str = ""


@dataclass(frozen=True)
class Draft:
    """Texts by file name; the families that were taken, the service's own metrics, and what a person should know."""

    files: Mapping[str, str]
    families: tuple[str, ...]
    own: tuple[str, ...]
    notes: tuple[str, ...]


def draft(observed: Sequence[Observed], origin: Origin, heard: Heard | None = None) -> Draft:
    """The draft for a service, of its metrics page and, where that is given, of what it was heard to send.

    Raises SpecError for a family of ours that cannot be read.
    """
    by_name = {metric.name: _stored(metric) for metric in observed if metric.name not in _ABOUT_THE_SCRAPE}
    families, notes = _families(by_name)
    taken = {metric.name for family in families for metric in _family(family)}
    rest = [metric for name, metric in sorted(by_name.items()) if name not in taken]
    own, left = [], []
    for metric in rest:
        reason = _unfit(metric)
        if reason:
            left.append(f"{metric.name} is left out: {reason}")
        else:
            own.append(metric)
    told = (*notes, *left, *(heard_notes(heard) if heard else ()))
    files = {"obsctl.yaml": _spec(origin, heard), "contract.yaml": _contract(origin, families, own, told, heard)}
    return Draft(files, families, tuple(metric.name for metric in own), told)


def _stored(metric: Observed) -> Observed:
    """The metric with the labels that a scraper stores: where it has one of its own, the scraped one gets a prefix."""
    return replace(metric, labels=tuple(f"exported_{n}" if n in _TARGET_LABELS else n for n in metric.labels))


def _family(name: str) -> tuple[Metric, ...]:
    return load_family(assets.templates() / "families" / f"{name}.yaml")


def _families(by_name: Mapping[str, Observed]) -> tuple[tuple[str, ...], tuple[str, ...]]:
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


def _differences(metric: Metric, by_name: Mapping[str, Observed]) -> Iterator[str]:
    """What keeps a metric of a family from being the one that was seen."""
    seen = by_name.get(metric.name)
    if seen is None:
        if metric.required:
            yield f"there is no {metric.name}"
        return
    if seen.type is not metric.type:
        yield f"{metric.name} is a {seen.type}, not a {metric.type}"
    elif seen.series and sorted(seen.labels) != sorted(metric.labels):
        yield f"{metric.name} has {_listed(seen.labels)}, not {_listed(metric.labels)}"
    elif seen.series and metric.buckets and seen.buckets != metric.buckets:
        yield f"{metric.name} has other buckets: {', '.join(f'{bound:g}' for bound in seen.buckets)}"


def _listed(labels: Sequence[str]) -> str:
    return f"the labels {', '.join(sorted(labels))}" if labels else "no labels"


def _unfit(metric: Observed) -> str:
    """Why a contract cannot state a metric, or "" if it can."""
    if not re.fullmatch(_NAME, metric.name):
        return "a name that is too long"
    if not metric.series:
        return "it has no series yet, so its labels are unknown; add it once it has some"
    odd = next((label for label in metric.labels if not re.fullmatch(_LABEL, label)), "")
    return f"label {odd} is not all lower-case letters, digits and underscores" if odd else ""


def _contract(
    origin: Origin, families: Sequence[str], own: Sequence[Observed], notes: Iterable[str], heard: Heard | None
) -> str:
    lines = [
        f"# What {origin.service} promises to emit. Drafted from {_sources(origin, heard)}.",
        "# Go through it and make it yours: what is listed here is required from now on.",
        "# `obsctl check` finds mistakes, `obsctl verify` proves that the promises are kept.",
        *(f"# Note: {note}." for note in notes),
        "version: 1",
        f"service: {text(origin.service)}",
        f"components: {listed(_components(origin, heard))}        # the values of service.name in traces and logs",
        *(f"# {line}" for line in (heard_counts(heard) if heard else ())),
        "",
        f"families: [{', '.join(families)}]",
        *(["slos: [http-errors, http-latency]   # 5xx < 1 %, p95 < 300 ms"] if "http" in families else []),
        "",
        *(["metrics:", *(line for metric in _named(own) for line in metric)] if own else ["metrics: []"]),
        *(_sent(heard) if heard else ()),
        "",
        *(heard_contract(heard) if heard else _unheard(origin)),
    ]
    return "\n".join(lines) + "\n"


def _sources(origin: Origin, heard: Heard | None) -> str:
    page = f"{origin.url}{origin.metrics}" if origin.metrics else ""
    return " and ".join(filter(None, [page, "what came by OTLP" if heard else ""]))


def _components(origin: Origin, heard: Heard | None) -> tuple[str, ...]:
    return (heard.components if heard else ()) or (origin.service,)


def _unheard(origin: Origin) -> list[str]:
    return [
        "# What else it promises; sample: `obsctl init` in an empty folder. `--listen` drafts this, too.",
        "# traces:",
        f"#   - {{request: GET /, components: [{text(origin.service)}]}}",
        "# logs: {fields: [timestamp, level, message, trace_id]}",
        "# forbidden: {attributes: [user.email]}",
    ]


def _sent(heard: Heard) -> Iterator[str]:
    """Metrics that came by OTLP, for a person to take in: what is judged is what a page shows."""
    for component in dict.fromkeys(one.component for one in heard.metrics):
        own = [one.metric for one in heard.metrics if one.component == component and not _unfit(one.metric)]
        if own:
            yield f"# {component} sent these by OTLP. `obsctl verify` judges metrics of pages: take in what one shows."
            yield from (f"# {line}" for metric in _named(own) for line in metric)


def _named(own: Sequence[Observed]) -> Iterator[list[str]]:
    """Entries with a registry name each, no two the same."""
    seen: set[str] = set()
    for metric in own:
        name = re.sub(r"[^a-z0-9_]", "_", metric.name.lower()).removesuffix("_total").strip("_0123456789") or "metric"
        unique = next(n for n in (name, *(f"{name}_{i}" for i in range(2, len(own) + 2))) if n not in seen)
        seen.add(unique)
        yield _entry(metric, unique)


def _entry(metric: Observed, name: str) -> list[str]:
    flat = metric.name.removesuffix("_total")
    unit = next((unit for suffix, unit in _UNITS.items() if flat.endswith(suffix)), "1")
    buckets = f", buckets: [{', '.join(map(_number, metric.buckets))}]" if metric.buckets else ""
    prometheus = f"prometheus: {{name: {text(metric.name)}, type: {metric.type}}}"
    ours = f"{{{prometheus}, series_budget: {_budget(metric.series)}{buckets}}}"
    refs = ", ".join(f"{{ref: {text(label)}}}" for label in metric.labels)
    brief = "".join(c for c in " ".join(metric.brief.split()) if c.isprintable())[:_LONGEST_BRIEF]
    return [
        f"  - name: {text(name)}",
        f"    instrument: {_INSTRUMENTS.get(metric.type, 'histogram')}",
        f"    unit: {text(unit)}",
        *([f"    brief: {text(brief)}"] if brief else []),
        *([f"    attributes: [{refs}]"] if refs else []),
        f"    annotations: {{obsctl: {ours}}}",
    ]


def _number(value: float) -> str:
    """A number as YAML writes it: with a point before an exponent."""
    text = repr(value).removesuffix(".0")
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _budget(series: int) -> int:
    """Twice what was seen, as a round number: room to grow, none for a label that runs wild."""
    steps = (step * 10**power for power in range(1, 6) for step in _STEPS)
    return next((budget for budget in steps if budget >= 2 * series), _MOST_SERIES)


def _spec(origin: Origin, heard: Heard | None) -> str:
    entry, *others = _components(origin, heard)
    component = f"name: {text(entry)}, url: {text(origin.url)}, metrics: {text(origin.metrics)}"
    lines = [
        f"# What obsctl observes. Drafted from {_sources(origin, heard)}.",
        "version: 1",
        "services:",
        f"  - name: {text(origin.service)}",
        "    contract: contract.yaml",
        "    components:",
        f"      - {{{component}, ready: {text(origin.ready)}}}",
        *(f'    #  - {{name: {name}, url: "http://host:port", metrics: /metrics}}   # where is it?' for name in others),
        f'    # Where its log lines are in files: logs: "/var/log/{origin.service}/*.log"; else they come by OTLP.',
        "",
        "    # Requests that `obsctl verify` sends, each with ids of its own. Start with some that change nothing.",
        *(heard_drive(heard) if heard else _undriven()),
    ]
    return "\n".join(lines) + "\n"


def _undriven() -> list[str]:
    return ["    drive: []", "    #  - {id: home, method: GET, route: /, expect: 200}"]
