"""How rules are: what ``/api/v1/rules`` and ``/api/v1/alerts`` show. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from obsctl.embedded.rules.alerts import Active
from obsctl.embedded.rules.model import Rule, RuleGroup


@dataclass(frozen=True)
class RuleStatus:
    """One rule after its last evaluation: ``evaluated`` is when it was (ms; 0 never), ``seconds`` how long it took."""

    rule: Rule
    health: Literal["unknown", "ok", "err"] = "unknown"
    last_error: str = ""
    evaluated: int = 0
    seconds: float = 0.0
    active: Active = field(default_factory=dict)


@dataclass(frozen=True)
class GroupStatus:
    """One group and its rules."""

    group: RuleGroup
    rules: tuple[RuleStatus, ...]
    evaluated: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Notice:
    """An alert as an alert manager is told of it. Times in ms; it is resolved once ``ends_at`` is past."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: int
    ends_at: int
    generator_url: str
