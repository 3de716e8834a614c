"""Rules as they are loaded: Prometheus' (prometheus.io/docs/prometheus/latest/configuration). Times in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from obsctl.embedded.rules.templates import AlertTextTemplate
from obsctl.languages.promql.tree import Expr


@dataclass(frozen=True)
class Recording:
    """A recording rule: ``expr``'s values become the series ``name``. ``query`` is ``expr`` as it is printed."""

    name: str
    query: str
    expr: Expr
    labels: Mapping[str, str]


@dataclass(frozen=True)
class AlertingRule:
    """An alerting rule: each series of ``expr`` is an alert, which fires once it was there for ``hold_ms``.

    It goes on firing for ``keep_ms`` after its series has gone.
    """

    name: str
    query: str
    expr: Expr
    hold_ms: int
    keep_ms: int
    labels: Mapping[str, AlertTextTemplate]
    annotations: Mapping[str, AlertTextTemplate]


Rule = Recording | AlertingRule


@dataclass(frozen=True)
class RuleGroup:
    """Rules that are evaluated one after the other, at one time. ``limit`` 0 is none."""

    file: str
    name: str
    interval_ms: int
    rules: tuple[Rule, ...]
    limit: int = 0
    offset_ms: int = 0

    @property
    def key(self) -> str:
        """What tells it from other groups (Prometheus' ``rule_group`` label)."""
        return f"{self.file};{self.name}"


@dataclass(frozen=True)
class AlertOrigin:
    """What alerts tell of the server they come from."""

    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""
