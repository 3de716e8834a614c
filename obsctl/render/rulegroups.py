"""Rules as Prometheus knows them: values of a rule file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from obsctl.json_types import Json
from obsctl.spec.rule_templates import AlertTest

RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True)
class Record:
    """A recording rule."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def value(self) -> dict[str, Json]:
        """As it stands in the file."""
        return {"record": self.name, "expr": self.expr, **({"labels": dict(self.labels)} if self.labels else {})}


@dataclass(frozen=True)
class Alert:
    """An alerting rule. ``wait`` is a Prometheus duration, empty for none; ``test`` is None where a test is its own."""

    name: str
    expr: str
    wait: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    test: AlertTest | None = None

    def value(self) -> dict[str, Json]:
        """As it stands in the file."""
        wait = {"for": self.wait} if self.wait else {}
        labels, annotations = dict(self.labels), dict(self.annotations)
        return {"alert": self.name, "expr": self.expr, **wait, "labels": labels, "annotations": annotations}


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    rules: tuple[Record | Alert, ...]


def runbook(alert: str) -> str:
    """The page about an alert."""
    return f"{RUNBOOKS}/{alert}.md"


def file_value(groups: Iterable[Group]) -> dict[str, Json]:
    """The content of a rule file."""
    return {"groups": [{"name": g.name, "rules": [rule.value() for rule in g.rules]} for g in groups if g.rules]}
