"""Service level objectives, as values. They are written as OpenSLO v1 ``SLO`` documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from obsctl.errors import Place
from obsctl.languages.quoting import string_literal


@dataclass(frozen=True)
class SloMatcher:
    """One condition on a label; ``op`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    op: str
    value: str


@dataclass(frozen=True)
class SloSelector:
    """The series of one counter, by the name that is scraped (``…_total``, ``…_bucket``, ``…_count``)."""

    metric: str
    matchers: tuple[SloMatcher, ...] = ()


@dataclass(frozen=True)
class Slo:
    """A promise about a ratio of events. ``objective`` is the share of good ones (0.99), ``days`` the period.

    ``part`` counts the good events if ``good``, else the bad ones; ``total`` counts all.
    """

    name: str
    service: str
    objective: Decimal
    days: int
    part: SloSelector
    total: SloSelector
    good: bool = False
    title: str = ""
    description: str = ""
    place: Place | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """What the rules call it: service and name."""
        return f"{self.service}-{self.name}"

    @property
    def error_budget(self) -> Decimal:
        """The share of events that may be bad."""
        return 1 - self.objective


def selector_text(selector: SloSelector, slo: Slo) -> str:
    """A selector as PromQL, limited to the SLO's service."""
    matchers = list(selector.matchers)
    if all(m.label != "service_namespace" for m in matchers):
        matchers.insert(0, SloMatcher("service_namespace", "=", slo.service))
    return f"{selector.metric}{{{', '.join(_matcher(m) for m in matchers)}}}"


def _matcher(matcher: SloMatcher) -> str:
    """A matcher as PromQL. A whole bound is ``1`` to some clients and ``1.0`` to others."""
    if matcher.label == "le" and matcher.op == "=" and matcher.value.removesuffix(".0").isdigit():
        return f'le=~"{matcher.value.removesuffix(".0")}([.]0)?"'
    return f"{matcher.label}{matcher.op}{string_literal(matcher.value)}"
