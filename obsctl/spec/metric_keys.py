"""Metrics as OpenTelemetry registry entries (``file_format: definition/2``): key tables, values and checks.

The registry leaves ``annotations`` free-form; ours are under ``annotations.obsctl``. Everything else keeps the meaning
it has in the registry, so that a family file can be given to the registry's own tools unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from obsctl.errors import Place
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.findings import Findings, Spot
from obsctl.spec.kinds import Key, ListOf, MapOf, Parsed, Record
from obsctl.spec.leaves import FLAG, JSON, NUMBER, TEXT, choice, text_like, whole
from obsctl.spec.words import nearest, quoted

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
_PROMETHEUS_NAME = text_like(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}", "a Prometheus metric name such as http_requests_total")
_LABEL = r"[a-zA-Z_][a-zA-Z0-9_.]*"

_DRIVEN_DOC = "Label -> property of a driven request: the count must rise by exactly the number of those requests."

_PROMETHEUS = Record(
    "prometheus",
    (
        Key("name", _PROMETHEUS_NAME, "Name as scraped: with `_total`, without `_bucket`.", shown="from the name"),
        Key("type", choice(*MetricType), "Type as scraped.", shown="from the instrument"),
    ),
)
_OBSCTL = Record(
    "annotations.obsctl",
    (
        Key("prometheus", _PROMETHEUS, "How Prometheus names it."),
        Key("driven", MapOf(choice(*DRIVEN_PROPERTIES), names=_LABEL, naming="a label"), _DRIVEN_DOC, default={}),
        Key("required", FLAG, "Whether the service must expose it.", default=True, shown="true"),
        Key("exemplars", FLAG, "Whether it must carry trace_id exemplars.", default=False, shown="false"),
        Key("series_budget", whole(1, 1_000_000), "Most series it may have in one process.", shown="no limit"),
        Key("buckets", ListOf(NUMBER, "a list of numbers"), "Upper bounds of a histogram, without +Inf.", default=()),
    ),
)
_ANNOTATIONS = Record(
    "annotations",
    (Key("obsctl", _OBSCTL, "Our own keys."),),
    others=JSON,
)
_REFERENCE = Record(
    "an attribute reference",
    (
        Key("ref", _DOTTED, "Key of the attribute, which is the label's name.", required=True),
        Key("requirement_level", JSON, "Registry requirement level.", shown="recommended"),
        Key("brief", TEXT, "What it means here."),
        Key("note", TEXT, "More about it."),
        Key("examples", JSON, "Example values."),
    ),
)


def _annotated(entry: Parsed) -> Parsed | None:
    """What ``annotations.obsctl`` of a metric says, if anything."""
    annotations: Parsed | None = entry["annotations"]
    return annotations["obsctl"] if annotations else None


def _type(entry: Parsed) -> MetricType:
    ours = _annotated(entry)
    stated = ours["prometheus"]["type"] if ours and ours["prometheus"] else None
    return MetricType(stated) if stated else _INSTRUMENTS[entry["instrument"]]


def _labels(entry: Parsed) -> tuple[str, ...]:
    """Attribute keys as label names: Prometheus has no dots."""
    return tuple(reference["ref"].replace(".", "_") for reference in entry["attributes"])


def _check_metric(entry: Parsed, findings: Findings) -> None:
    """A metric's keys have to fit each other."""
    refs = [reference["ref"] for reference in entry["attributes"]]
    for i, ref in enumerate(refs):
        if ref in refs[:i]:
            findings.add(entry.spot("attributes", i, "ref"), f"attribute {quoted(ref)} is listed twice", "Keep one.")
    ours = _annotated(entry)
    for wrong in _misfits(entry, ours, _type(entry)) if ours else ():
        findings.add(entry.spot("annotations", "obsctl", *wrong[0]), wrong[1], wrong[2])


_Misfit = tuple[tuple[str, ...], str, str]


def _misfits(entry: Parsed, ours: Parsed, kind: MetricType) -> Iterable[_Misfit]:
    """Steps to the key that is wrong, the sentence, the hint."""
    instrument = entry["instrument"]
    if kind not in _FITTING[instrument]:
        wanted = " or ".join(_FITTING[instrument])
        yield ("prometheus", "type"), f"{kind} does not fit the instrument {instrument}", f"Expected {wanted}."
    counted = kind in (MetricType.COUNTER, MetricType.HISTOGRAM)
    for key in ("driven", "exemplars"):
        if ours[key] and not counted:
            yield (key,), f"only a counter or a histogram can have this, not a {kind}", "Remove the key."
    buckets = ours["buckets"]
    if buckets and kind is not MetricType.HISTOGRAM:
        yield ("buckets",), f"only a histogram has buckets, not a {kind}", "Remove the key."
    if any(low >= high for low, high in pairwise(buckets)):
        yield ("buckets",), "buckets must rise", "Sort them and keep each once."
    labels = _labels(entry)
    for label in ours["driven"]:
        if label not in labels:
            known = f"Labels: {', '.join(labels) or 'none'}."
            yield ("driven", label), f"the metric has no label {quoted(label)}{nearest(label, labels)}", known


METRIC = Record(
    "a metric",
    (
        Key("name", _DOTTED, "Registry name, dotted.", required=True),
        Key("instrument", choice(*_INSTRUMENTS), "What kind of instrument records it.", required=True),
        Key("unit", TEXT, "UCUM unit.", required=True),
        Key("brief", TEXT, "One sentence for people.", default=""),
        Key("note", TEXT, "More about it."),
        Key("stability", _STABILITY, "Registry stability level."),
        Key("attributes", ListOf(_REFERENCE), "Its labels.", default=()),
        Key("annotations", _ANNOTATIONS, "Free-form by the registry; ours are under `obsctl`."),
    ),
    check=_check_metric,
)
ATTRIBUTE = Record(
    "an attribute",
    (
        Key("key", _DOTTED, "Name of the attribute.", required=True),
        Key("type", JSON, "Registry type.", required=True),
        Key("brief", TEXT, "One sentence for people.", default=""),
        Key("note", TEXT, "More about it."),
        Key("stability", _STABILITY, "Registry stability level."),
        Key("examples", JSON, "Example values."),
        Key("annotations", JSON, "Free-form."),
    ),
)


def metric_value(entry: Parsed, file: str, family: str = "", components: tuple[str, ...] = ()) -> Metric:
    """The contract's view of a registry entry."""
    ours = _annotated(entry)
    kind = _type(entry)
    stated = ours["prometheus"]["name"] if ours and ours["prometheus"] else None
    said = ours.values if ours else {}
    return Metric(
        name=stated or _derived_name(entry["name"], entry["unit"], kind),
        type=kind,
        brief=entry["brief"],
        unit=entry["unit"],
        labels=_labels(entry),
        buckets=said.get("buckets", ()),
        required=said.get("required", True),
        exemplars=said.get("exemplars", False),
        series_budget=said.get("series_budget"),
        driven=said.get("driven", {}),
        components=components,
        family=family,
        registry=entry["name"],
        place=Place(file, entry.node.line),
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
