"""No label holds what differs from request to request: ids, raw paths, e-mail addresses, UUIDs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from obsctl.checks._metrics import NO_BACKEND, MetricsPoller, ScrapedComponent, not_scraped, nothing_arrived
from obsctl.checks._rises import RunRises, SeriesRise, path_of
from obsctl.checks._strays import template
from obsctl.checks._verdicts import count, failed, few, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.probes import ProbeRequest, ProbeRun

SEVERAL = 3
"""Values of one form that tell an identifier from a constant: a version, an instance, a commit."""

_FORMS = {
    "UUIDs": re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE),
    "hex ids": re.compile(r"(?<![0-9a-z])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{16,}(?![0-9a-z])", re.IGNORECASE),
    "ULIDs": re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b"),
}
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]*\w")
_HINT = (
    "record what is bounded: the route's template (/orders/{order_id}) in place of the path, a class or a type in "
    "place of an id; what is about one request belongs into spans and log lines, or into an exemplar"
)


class MetricsCardinality:
    """See ``docs/checks/metrics-cardinality.md``."""

    id = "metrics.cardinality"
    signal = Signal.METRICS
    title = "no label holds what differs from request to request"

    def run(self, context: Context) -> Verdict:
        """Look for what was driven, and for forms of ids, among the values of each label."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        labels = [used for component in scraped for used in _labels(component)]
        new = _new_values(context, scraped)
        notes = noted([not_scraped(scraped)])
        if found := [(used, why) for used in labels if (why := _finding(used, new.get(used.key, {}), context.run))]:
            looked = [Evidence(used.query, f"{count(len(used.values), 'value')}: {why}") for used, why in found]
            return failed(
                summed([f"{used} {why}" for used, why in found]) + notes, looked, hint=_HINT, because=["metrics.resets"]
            )
        widest = max(labels, key=lambda used: len(used.values), default=None)
        if widest is None:
            return passed(f"no series has a label of its own{notes}", [Evidence("labels of all series", "none")])
        values = count(len(widest.values), "value")
        looked = [Evidence(widest.query, f"{values}: {few(sorted(map(_masked, widest.values)), 3)}")]
        return passed(
            f"{count(len(labels), 'label')} with bounded values; the widest, {widest}, has {values}{notes}", looked
        )


@dataclass
class _Label:
    """A label of one metric on one component, with all values that it has now."""

    component: str
    metric: str
    label: str
    values: set[str] = field(default_factory=set)

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return self.component, self.metric, self.label

    @property
    def query(self) -> str:
        """What was looked at."""
        return f"count by ({self.label}) ({self.metric}{{job={self.component!r}}})"

    def __str__(self) -> str:
        return f"label {self.label} of {self.metric} on {self.component}"


def _family(name: str) -> str:
    return re.sub(r"_(?:bucket|count|sum|created)$", "", name)


def _labels(component: ScrapedComponent) -> Iterator[_Label]:
    """Every label that is a metric's own."""
    foreign, found = component.target_labels, dict[tuple[str, str], _Label]()
    for sample in component.series:
        metric = _family(sample.labels.get("__name__", ""))
        for name, value in sample.labels.items():
            if name not in foreign and value:
                one = found.setdefault((metric, name), _Label(component.name, metric, name))
                one.values.add(value)
    return iter(found.values())


def _new_values(
    context: Context, scraped: Sequence[ScrapedComponent]
) -> Mapping[tuple[str, str, str], Mapping[str, list[SeriesRise]]]:
    """Values that a label has only since the run, with their series, buckets left out."""
    old: dict[tuple[str, str, str], set[str]] = {}
    new: dict[tuple[str, str, str], dict[str, list[SeriesRise]]] = {}
    for rise in RunRises.of(context, scraped):
        if rise.name.endswith(("_bucket", "_sum", "_created")):
            continue
        for name, value in rise.labels.items():
            key = (rise.component, _family(rise.name), name)
            if rise.before is not None:
                old.setdefault(key, set()).add(value)
            else:
                new.setdefault(key, {}).setdefault(value, []).append(rise)
    return {key: {v: r for v, r in values.items() if v not in old.get(key, ())} for key, values in new.items()}


def _finding(used: _Label, new: Mapping[str, list[SeriesRise]], run: ProbeRun) -> str:
    """What a label holds that it should not; "" for nothing."""
    return _driven(used, new, run.requests, run) or _formed(used) or _growing(new)


def _driven(used: _Label, new: Mapping[str, object], requests: Sequence[ProbeRequest], run: ProbeRun) -> str:
    for request in (r for r in requests if r.status and "{" in r.route and "{" not in path_of(r)):
        if hit := next((v for v in used.values if v.partition("?")[0].endswith(path_of(request))), ""):
            return f"holds the raw path {hit!r} of {request.request}: one more value with each id"
    ids = [*(i for r in requests for i in (r.trace_id, r.request_id)), run.canary, run.id]
    if hit := next((v for v in used.values for i in ids if i and i in v), ""):
        return f"holds what obsctl sent as an id or as data: {_masked(hit)!r}"
    captured = {value: r.request for r in requests if r.status for value in _parameters(r)}
    held = [v for v in new if v in captured]
    if len(held) >= SEVERAL or any(not v.isdigit() for v in held):
        return f"holds ids of {captured[held[0]]}: {few(map(repr, sorted(held)), 3)}"
    return ""


def _parameters(request: ProbeRequest) -> list[str]:
    """The values that stood in the path for the route's parameters."""
    asked, route = path_of(request).split("/"), request.route.split("/")
    if len(asked) != len(route):
        return []
    return [value for value, part in zip(asked, route, strict=True) if part.startswith("{") and value != part]


def _formed(used: _Label) -> str:
    if hit := next((v for v in used.values if _EMAIL.search(v)), ""):
        return f"holds an e-mail address: {_masked(hit)!r}"
    for form, pattern in _FORMS.items():
        held = {match[0] for value in used.values if (match := pattern.search(value))}
        if len(held) >= SEVERAL:
            return f"holds {count(len(held), form.removesuffix('s'), form)}: {few(map(repr, sorted(held)), 2)}"
    return ""


def _growing(new: Mapping[str, list[SeriesRise]]) -> str:
    """Values that differ in numbers or ids only, each of a single request of this run."""
    forms: dict[str, list[str]] = {}
    for value, series in new.items():
        form = template(value)
        if form != value and all(rise.now <= 1 for rise in series):
            forms.setdefault(form, []).append(value)
    grown = next((values for values in forms.values() if len(values) >= SEVERAL), None)
    if grown is None:
        return ""
    shown = few(map(repr, map(_masked, sorted(grown))), 3)
    return f"grows with the requests: {len(grown)} values are new in this run, {shown}"


def _masked(value: str) -> str:
    """A value that may be shown: of an address, the first letter."""
    shown = _EMAIL.sub(lambda match: f"{match[0][0]}***@***", value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
