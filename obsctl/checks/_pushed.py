"""Metrics that components push by OTLP: whose they are, when they last came, how often they come.

A pushed series has the component's ``service.name`` as ``job``, with its namespace before it where it has one. Nobody
lists it as a target; that it still comes is told by the time of its newest sample.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from obsctl.clients.promql import PromqlClient, Target
from obsctl.clients.telemetry import MetricSample
from obsctl.spec.stack import Component, Service

RESOURCE_SERIES = "target_info"
"""The series that tells a resource's attributes. It comes with each push."""

LOOK_BACK = "5m"
"""How long ago a push counts at all: as long as an instant query finds a series."""

_RESOURCE_LABELS = frozenset({"service_name", "service_instance_id", "service_version", "service_namespace"})
_SCOPE = "otel_scope_"
_OWN = re.compile(r"up|target_info|otel_scope_info|scrape_.*|traces_.*|slo:.*|ALERTS.*|[^:]*:.*")
_MOST_NAMES = 20


@dataclass(frozen=True)
class PushedMetrics:
    """What a component pushed. ``last`` is when it last did (epoch seconds, 0.0 for never).

    ``interval`` is how many seconds lie between two pushes, 0.0 where only one is known. ``resource`` are labels that
    tell of the resource or the scope, not of the metric.
    """

    series: tuple[MetricSample, ...] = ()
    last: float = 0.0
    interval: float = 0.0
    resource: frozenset[str] = frozenset()


def pushing(service: Service) -> Iterator[Component]:
    """The components of a service that have no metrics page: if they have metrics, they push them.

    Those of other services of the stack push what the contract of the other one states.
    """
    known = {component.name for component in (*service.components, *service.elsewhere)}
    yield from (component for component in service.components if not component.metrics)
    yield from (Component(name, "", "", "") for name in service.contract.components if name not in known)


def must_push(service: Service) -> frozenset[str]:
    """The components that have to: those that the contract wants a metric of, and the first where none has a page."""
    wanted = {name for m in service.contract.metrics if m.required for name in m.components}
    names = frozenset(component.name for component in pushing(service) if component.name in wanted)
    alone = service.contract.metrics and not any(component.metrics for component in service.components)
    return names | {service.entry.name} if alone and not names else names


def job_matcher(name: str) -> str:
    """The series of a component, with and without a namespace."""
    return f"job=~{json.dumps(f'(.+/)?{re.escape(name)}', ensure_ascii=False)}"


def is_of(name: str, sample: MetricSample) -> bool:
    """Whether a series says that it is this component's."""
    return sample.labels.get("job", "").rpartition("/")[2] == name


def read_pushed(client: PromqlClient, name: str, targets: Collection[Target] = ()) -> PushedMetrics:
    """What a component pushed, as stored now, without what was scraped from ``targets``. Raises BackendError."""
    scraped = {(t.job, t.labels.get("instance", "")) for t in targets}
    found = [
        sample
        for sample in client.instant(f"{{{job_matcher(name)}}}")
        if (sample.labels.get("job"), sample.labels.get("instance", "")) not in scraped
    ]
    about = [sample for sample in found if sample.labels.get("__name__") == RESOURCE_SERIES]
    series = tuple(sample for sample in found if not _OWN.fullmatch(sample.labels.get("__name__", "")))
    if not series:
        return PushedMetrics()
    times = _times(client, name, RESOURCE_SERIES) if about else []
    names = list(dict.fromkeys(sample.labels["__name__"] for sample in series))[:_MOST_NAMES]
    times = times or sorted({at for one in names for at in _times(client, name, one)})
    gaps = [later - earlier for earlier, later in pairwise(times)]
    scopes = {label for sample in series for label in sample.labels if label.startswith(_SCOPE)}
    resource = _RESOURCE_LABELS.union(scopes, *(sample.labels for sample in about))
    return PushedMetrics(
        series, times[-1] if times else 0.0, statistics.median(gaps) if gaps else 0.0, resource - {"job"}
    )


def _times(client: PromqlClient, name: str, series: str) -> list[float]:
    """When samples of a series came, the earliest first."""
    return sorted({sample.time for sample in client.instant(f"{series}{{{job_matcher(name)}}}[{LOOK_BACK}]")})


def last_push(client: PromqlClient, name: str) -> PushedMetrics:
    """When a component last pushed, and how often it does, without its series. Raises BackendError."""
    times = _times(client, name, RESOURCE_SERIES)
    if not times:
        return read_pushed(client, name)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return PushedMetrics((), times[-1], statistics.median(gaps) if gaps else 0.0)


def push_interval(service: Service, client: PromqlClient) -> float:
    """The longest time between two pushes of a component, in seconds; 0.0 where none pushes. Raises BackendError."""
    return max((last_push(client, component.name).interval for component in pushing(service)), default=0.0)


def exposition_of(series: Iterable[MetricSample]) -> str:
    """Stored series as the text of a metrics page, so that they can be the baseline of a run."""
    return "".join(f"{_written(sample.labels)} {sample.value!r}\n" for sample in series)


def _written(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f"{name}={_quoted(value)}" for name, value in labels.items() if name != "__name__")
    return f"{labels['__name__']}{{{pairs}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def ago(moment: float, now: float | None = None) -> str:
    """How long ago something was, in words."""
    seconds = max(0.0, (time.time() if now is None else now) - moment)
    return f"{seconds:.0f} s ago" if seconds < 600 else f"{seconds / 60:.0f} min ago"
