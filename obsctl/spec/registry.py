"""Metrics as OpenTelemetry registry entries (``file_format: definition/2``): keys, values and checks.

The registry leaves ``annotations`` free-form; ours are under ``annotations.obsctl``. Everything else keeps the meaning
it has in the registry, so that a family file can be given to the registry's own tools unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from obsctl.errors import Place
from obsctl.json_types import Json
from obsctl.schema.findings import Findings
from obsctl.schema.records import RecordType, key, place, record
from obsctl.schema.scalars import FLAG, JSON, NUMBER, TEXT, text_like, whole
from obsctl.schema.source import SourceCursor, Spot
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import ListOf, MapOf, choice
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.requirement import LEVEL, REQUIRED
from obsctl.spec.scalars import METRIC_NAME_PATTERN

DRIVEN_PROPERTIES = ("route", "method", "status")
"""What a driven request is counted by."""

_INSTRUMENTS: Mapping[str, MetricType] = {
    "counter": MetricType.COUNTER,
    "updowncounter": MetricType.GAUGE,
    "gauge": MetricType.GAUGE,
    "histogram": MetricType.HISTOGRAM,
}
_FITTING: Mapping[str, tuple[MetricType, ...]] = {
    "counter": (MetricType.COUNTER,),
    "updowncounter": (MetricType.GAUGE,),
    "gauge": (MetricType.GAUGE,),
    "histogram": (MetricType.HISTOGRAM, MetricType.SUMMARY),
}
_UNIT_SUFFIX = {"s": "_seconds", "ms": "_milliseconds", "By": "_bytes"}
_STABILITY = choice("stable", "release_candidate", "beta", "alpha", "development", "experimental")
_DOTTED = text_like(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*", "a name such as http.requests")
_ATTRIBUTE = text_like(r"[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z0-9_]+)*", "a name such as http.route")
_PROMETHEUS_NAME = text_like(METRIC_NAME_PATTERN, "a Prometheus metric name such as http_requests_total")
_LABEL = r"[a-zA-Z_][a-zA-Z0-9_.]*"

_DRIVEN_DOC = "Label -> property of a driven request: the count must rise by exactly the number of those requests."


@record("prometheus")
class _PrometheusEntry:
    """``annotations.obsctl.prometheus`` of a metric."""

    name: str | None = key(
        _PROMETHEUS_NAME, "Name as scraped: with `_total`, without `_bucket`.", default=None, shown="from the name"
    )
    type: MetricType | None = key(choice(*MetricType), "Type as scraped.", default=None, shown="from the instrument")


@record("annotations.obsctl")
class _ObsctlEntry:
    """``annotations.obsctl`` of a metric: what the registry has no word for."""

    prometheus: _PrometheusEntry = key(
        RecordType(_PrometheusEntry), "How Prometheus names it.", default=_PrometheusEntry()
    )
    driven: Mapping[str, str] = key(
        MapOf(choice(*DRIVEN_PROPERTIES), names=_LABEL, naming="a label"), _DRIVEN_DOC, default={}
    )
    required: bool = key(FLAG, "Whether the service must expose it.", default=True)
    exemplars: bool = key(FLAG, "Whether it must carry trace_id exemplars.", default=False)
    series_budget: int | None = key(
        whole(1, 1_000_000), "Most series it may have in one process.", default=None, shown="no limit"
    )
    buckets: tuple[float, ...] = key(
        ListOf(NUMBER, "a list of numbers"), "Upper bounds of a histogram, without +Inf.", default=()
    )


@record("annotations", others=JSON)
class _AnnotationsEntry:
    """``annotations`` of a metric."""

    obsctl: _ObsctlEntry = key(RecordType(_ObsctlEntry), "Our own keys.", default=_ObsctlEntry())


@record("an attribute reference")
class _ReferenceEntry:
    """An attribute that a metric has."""

    ref: str = key(_ATTRIBUTE, "Key of the attribute, which is the label's name.")
    requirement_level: str = key(
        LEVEL,
        "`required`, `conditionally_required`, `recommended` or `opt_in`, alone or with a text: "
        "only what is required must be on every series.",
        default=REQUIRED,
    )
    brief: str | None = key(TEXT, "What it means here.", default=None)
    note: str | None = key(TEXT, "More about it.", default=None)
    examples: Json = key(JSON, "Example values.", default=None)


@record("a metric")
class MetricEntry:
    """A metric as the registry writes it."""

    name: str = key(_DOTTED, "Registry name, dotted.")
    instrument: str = key(choice(*_INSTRUMENTS), "What kind of instrument records it.")
    unit: str = key(TEXT, "UCUM unit.")
    brief: str = key(TEXT, "One sentence for people.", default="")
    note: str | None = key(TEXT, "More about it.", default=None)
    stability: str | None = key(_STABILITY, "Registry stability level.", default=None)
    attributes: tuple[_ReferenceEntry, ...] = key(ListOf(RecordType(_ReferenceEntry)), "Its labels.", default=())
    annotations: _AnnotationsEntry = key(
        RecordType(_AnnotationsEntry),
        "Free-form by the registry; ours are under `obsctl`.",
        default=_AnnotationsEntry(),
    )
    place: Place | None = place(default=None)

    @property
    def ours(self) -> _ObsctlEntry:
        """What ``annotations.obsctl`` says."""
        return self.annotations.obsctl

    @property
    def scraped_type(self) -> MetricType:
        """The Prometheus type."""
        return self.ours.prometheus.type or _INSTRUMENTS[self.instrument]

    @property
    def labels(self) -> tuple[str, ...]:
        """Attribute keys as label names: Prometheus has no dots."""
        return tuple(reference.ref.replace(".", "_") for reference in self.attributes)

    @property
    def optional(self) -> frozenset[str]:
        """The labels that a series may lack."""
        levels = zip(self.labels, self.attributes, strict=True)
        return frozenset(label for label, reference in levels if reference.requirement_level != REQUIRED)

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """A metric's keys have to fit each other."""
        refs = [reference.ref for reference in self.attributes]
        for i, ref in enumerate(refs):
            if ref in refs[:i]:
                spot = cursor.spot("attributes", i, "ref")
                findings.add(spot, f"attribute {quoted(ref)} is listed twice", "Keep one.")
        for steps, message, hint in self._misfits():
            findings.add(cursor.spot("annotations", "obsctl", *steps), message, hint)

    def _misfits(self) -> Iterable[tuple[tuple[str, ...], str, str]]:
        """Steps to the key that is wrong, the sentence, the hint."""
        scraped, instrument, buckets = self.scraped_type, self.instrument, self.ours.buckets
        if scraped not in _FITTING[instrument]:
            wanted = " or ".join(_FITTING[instrument])
            yield ("prometheus", "type"), f"{scraped} does not fit the instrument {instrument}", f"Expected {wanted}."
        counted = scraped in (MetricType.COUNTER, MetricType.HISTOGRAM)
        for name, given in (("driven", self.ours.driven), ("exemplars", self.ours.exemplars)):
            if given and not counted:
                yield (name,), f"only a counter or a histogram can have this, not a {scraped}", "Remove the key."
        if buckets and scraped is not MetricType.HISTOGRAM:
            yield ("buckets",), f"only a histogram has buckets, not a {scraped}", "Remove the key."
        if any(low >= high for low, high in pairwise(buckets)):
            yield ("buckets",), "buckets must rise", "Sort them and keep each once."
        for label in self.ours.driven:
            if label not in self.labels:
                known = f"Labels: {', '.join(self.labels) or 'none'}."
                message = f"the metric has no label {quoted(label)}{nearest(label, self.labels)}"
                yield ("driven", label), message, known


@record("an attribute")
class AttributeEntry:
    """An attribute as the registry defines it."""

    ref: str = key(_ATTRIBUTE, "Name of the attribute.", name="key")
    type: Json = key(JSON, "Registry type.")
    brief: str = key(TEXT, "One sentence for people.", default="")
    note: str | None = key(TEXT, "More about it.", default=None)
    stability: str | None = key(_STABILITY, "Registry stability level.", default=None)
    examples: Json = key(JSON, "Example values.", default=None)
    annotations: Json = key(JSON, "Free-form.", default=None)


@record("the family")
class FamilyFile:
    """A file of ``templates/families``."""

    file_format: str = key(choice("definition/2"), "Registry file format.")
    metrics: tuple[MetricEntry, ...] = key(
        ListOf(RecordType(MetricEntry), "a list of metrics", empty=False), "The family's metrics."
    )
    attributes: tuple[AttributeEntry, ...] = key(
        ListOf(RecordType(AttributeEntry), "a list of attributes"),
        "Attributes that the metrics refer to.",
        default=(),
    )
    imports: Json = key(JSON, "Registry imports; not read.", default=None)
    attribute_groups: Json = key(JSON, "Registry attribute groups; not read.", default=None)
    entities: Json = key(JSON, "Registry entities; not read.", default=None)
    events: Json = key(JSON, "Registry events; not read.", default=None)
    spans: Json = key(JSON, "Registry spans; not read.", default=None)


def check_refs(family: FamilyFile, cursor: SourceCursor, findings: Findings) -> None:
    """A family's labels are its own attributes, or dotted keys of the public semantic conventions."""
    known = [attribute.ref for attribute in family.attributes]
    for metric, at in cursor.each("metrics", family.metrics):
        for i, reference in enumerate(metric.attributes):
            ref = reference.ref
            if ref not in known and "." not in ref:
                message = f"unknown attribute {quoted(ref)}{nearest(ref, known)}"
                findings.add(at.spot("attributes", i, "ref"), message, "Define it under `attributes:` of the family.")


def metric_value(entry: MetricEntry, family: str = "", components: tuple[str, ...] = ()) -> Metric:
    """The contract's view of a registry entry."""
    ours = entry.ours
    return Metric(
        name=ours.prometheus.name or _derived_name(entry.name, entry.unit, entry.scraped_type),
        type=entry.scraped_type,
        brief=entry.brief,
        unit=entry.unit,
        labels=entry.labels,
        optional=entry.optional,
        buckets=ours.buckets,
        required=ours.required,
        exemplars=ours.exemplars,
        series_budget=ours.series_budget,
        driven=ours.driven,
        components=components,
        family=family,
        registry=entry.name,
        place=entry.place,
    )


def _derived_name(name: str, unit: str, kind: MetricType) -> str:
    """The Prometheus name of a registry name: dots become underscores, then the unit, then ``_total`` of a counter."""
    flat = name.replace(".", "_").removesuffix("_total")
    suffix = _UNIT_SUFFIX.get(unit, "")
    flat = flat if flat.endswith(suffix) else flat + suffix
    return f"{flat}_total" if kind is MetricType.COUNTER else flat


def check_names(metrics: Iterable[tuple[Metric, Spot]], findings: Findings) -> None:
    """No two metrics may have the same Prometheus name."""
    seen: dict[str, Metric] = {}
    for metric, spot in metrics:
        first = seen.setdefault(metric.name, metric)
        if first is not metric:
            where = f"metric {metric.name} is already defined in {first.place}"
            findings.add(spot, where, "Remove one of the two, or give it another Prometheus name.")
