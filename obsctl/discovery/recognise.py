"""Which observed metrics play the part of a family, by the names and labels that libraries give them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from obsctl import assets
from obsctl.discovery.model import ObservedMetric, ObservedRequest
from obsctl.languages.routes import fits_property
from obsctl.spec.contract import Metric, MetricType
from obsctl.spec.contract_load import load_family
from obsctl.spec.kind_files import KindFile

_WIDE = (MetricType.HISTOGRAM, MetricType.SUMMARY)
_PROPERTIES = ("route", "method", "status")


@dataclass(frozen=True)
class RecognisedKind:
    """Metrics in the part of a family: ``series`` by its metrics, ``labels`` by its labels, ``played`` by name."""

    file: KindFile
    series: Mapping[str, str]
    labels: Mapping[str, str]
    played: Mapping[str, ObservedMetric]

    def part(self, name: str) -> ObservedMetric | None:
        """The observed metric that plays a part."""
        series = self.series.get(name, "")
        return self.played.get(series) or self.played.get(series.removesuffix("_count"))


def recognise(
    metrics: Sequence[ObservedMetric], files: Iterable[KindFile], taken: Iterable[str] = ()
) -> tuple[RecognisedKind, ...]:
    """The parts that metrics play, one of each family at most; ``taken`` are families that are there themselves."""
    found: dict[str, RecognisedKind] = {}
    fit = [metric for metric in metrics if metric.series and not metric.unfit]
    for file in files:
        if file.kind not in taken and file.kind not in found and (kind := _kind(file, fit)):
            found[file.kind] = kind
    return tuple(found.values())


def _kind(file: KindFile, metrics: Sequence[ObservedMetric]) -> RecognisedKind | None:
    """What plays the parts of a file's family; None where nothing plays the first of them."""
    beside = [re.compile(pattern.replace("*", ".*")) for pattern in file.beside]
    if beside and not any(pattern.fullmatch(metric.name) for pattern in beside for metric in metrics):
        return None
    apart = [re.compile(pattern.replace("*", ".*")) for pattern in file.without]
    metrics = [metric for metric in metrics if not any(pattern.fullmatch(metric.name) for pattern in apart)]
    family = {m.registry: m for m in load_family(assets.templates() / "families" / f"{file.kind}.yaml")}
    first, *others = file.metrics
    mains = (
        (series, metric)
        for series, metric in _candidates(file.metrics[first], family[first], metrics)
        if all(_label(file, role, metric) for role in file.needs)
    )
    main = next(mains, None)
    if main is None:
        return None
    roles = {role: label for role in file.labels if (label := _label(file, role, main[1]))}
    series, played = {first: main[0]}, {main[1].name: main[1]}
    for part in others:
        candidates = _candidates(file.metrics[part], family[part], metrics)
        best = max(candidates, key=lambda c: len({*roles.values()} & {*c[1].labels}), default=None)
        if best:
            series[part], played[best[1].name] = best[0], best[1]
    return RecognisedKind(file, series, roles, played)


def _label(file: KindFile, role: str, metric: ObservedMetric) -> str:
    """The label of a metric that tells what a label of the family tells, "" for none."""
    known = file.labels.get(role, ())
    unseen = known[0] if role in file.later and known else ""
    return next((label for label in known if label in metric.labels), unseen)


def _candidates(
    patterns: Sequence[str], part: Metric, metrics: Sequence[ObservedMetric]
) -> Iterator[tuple[str, ObservedMetric]]:
    """Series of a type that can play a part, in the order of the patterns."""
    for pattern in patterns:
        wanted = re.compile(pattern.replace("*", ".*"))
        for metric in metrics:
            yield from ((name, metric) for name in _series(metric, part) if wanted.fullmatch(name))


def _series(metric: ObservedMetric, part: Metric) -> Iterator[str]:
    if part.type is MetricType.COUNTER:
        if metric.type is MetricType.COUNTER:
            yield metric.name
        elif metric.type in _WIDE:
            yield f"{metric.name}_count"
    elif (part.type in _WIDE and metric.type in _WIDE) or part.type is metric.type:
        yield metric.name


def lenient(metric: ObservedMetric, kind: RecognisedKind) -> ObservedMetric:
    """A metric with those labels that a library leaves out at times, whether they were seen or not."""
    more = [label for label in kind.file.optional if label not in metric.labels]
    known = more if metric.labels else []
    optional = metric.optional | {*kind.file.optional} & {*metric.labels, *known}
    return replace(metric, labels=(*metric.labels, *known), optional=optional)


def driven(metric: ObservedMetric, kind: RecognisedKind, requests: Sequence[ObservedRequest]) -> Mapping[str, str]:
    """Label -> property of a request, where the series count each of the requests under what it was.

    Empty where that was not seen of all of them, or the metric does not tell routes.
    """
    roles = {label: role for role, label in kind.labels.items() if role in _PROPERTIES and label in metric.labels}
    if "route" not in roles.values() or not requests:
        return {}
    return roles if all(_is_counted(request, metric, roles) for request in requests) else {}


def _is_counted(request: ObservedRequest, metric: ObservedMetric, roles: Mapping[str, str]) -> bool:
    wanted = {"route": request.route, "method": request.method, "status": str(request.status)}
    return any(
        all(fits_property(role, wanted[role], dict(pairs).get(label, "")) for label, role in roles.items())
        for pairs in metric.pairs
    )
