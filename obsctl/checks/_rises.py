"""By how much each stored series rose in the run: now, against the component's page or what it had pushed before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from obsctl.checks._metrics import ScrapedComponent
from obsctl.checks.base import Context
from obsctl.clients.exposition import parse_exposition
from obsctl.errors import BackendError
from obsctl.languages.routes import same_route
from obsctl.probes import ProbeRequest, ProbeRun

_Values = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
"""Values of series, by name and labels."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True)
class SeriesRise:
    """One series: its component, its own labels, and its value now. ``before`` is None for one that is new."""

    component: str
    name: str
    labels: Mapping[str, str]
    now: float
    before: float | None = None

    @property
    def rose(self) -> float:
        """By how much it rose; a new one from zero."""
        return self.now - (self.before or 0.0)


@dataclass(frozen=True)
class RunRises:
    """The series of each component of which it is known what they were before the run."""

    series: tuple[SeriesRise, ...]

    @classmethod
    def of(cls, context: Context, scraped: Sequence[ScrapedComponent]) -> tuple[SeriesRise, ...]:
        """The same for all checks of this run."""
        return context.cache.once(cls, lambda: cls(tuple(_series_rises(context, scraped)))).series


def _series_rises(context: Context, scraped: Sequence[ScrapedComponent]) -> Iterator[SeriesRise]:
    for component in scraped:
        foreign = component.target_labels - {"le", "quantile"}
        before = _before(context.run, component.name, foreign)
        if before is None:
            continue
        for sample in component.series:
            own = {k: v for k, v in sample.labels.items() if k not in foreign}
            name = sample.labels.get("__name__", "")
            yield SeriesRise(component.name, name, own, sample.value, before.get((name, frozenset(own.items()))))


def _before(run: ProbeRun, component: str, foreign: Collection[str]) -> _Values | None:
    """What a component's page had before the run, and what it had pushed, as stored; None where neither is known.

    ``foreign`` labels are none of the metric's own: what is stored has them, a page has not.
    """
    page = _by_series(run.baseline.get(component, ""))
    pushed = _by_series(run.pushed.get(component, ""), foreign)
    return None if page is None and pushed is None else {**(pushed or {}), **(page or {})}


def _by_series(text: str, foreign: Collection[str] = ()) -> _Values | None:
    try:
        page = parse_exposition(text) if text else None
    except BackendError:
        return None  # what cannot be read was not scraped either, which metrics.targets is about
    if page is None:
        return None
    return {
        (name, frozenset((k, v) for k, v in labels.items() if k not in foreign)): value
        for name, samples in page.samples.items()
        for labels, value in samples
    }


def requests_of(labels: Mapping[str, str], requests: Sequence[ProbeRequest]) -> list[ProbeRequest]:
    """The answered requests that a series counts, by the values of its labels: their route, and their method if any.

    None where no label tells a route: such a series may count anything.
    """
    routes = [value for value in labels.values() if "/" in value]
    methods = [value.upper() for value in labels.values() if value.upper() in METHODS]
    return [
        request
        for request in requests
        if request.status
        and any(same_route(request.route, route) or route == path_of(request) for route in routes)
        and (not methods or request.method in methods)
    ]


def path_of(request: ProbeRequest) -> str:
    """The path that was asked for."""
    return urlsplit(request.url).path
