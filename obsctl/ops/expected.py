"""What a stack is expected to have besides telemetry: the rules and dashboards that follow from a contract."""

from __future__ import annotations

from dataclasses import replace

from obsctl.backends import DATA_SOURCES
from obsctl.checks.base import ExpectedRule
from obsctl.dashboards.model import Dashboard
from obsctl.endpoints import Dialect, Endpoint
from obsctl.render.dashboards import stack_dashboards
from obsctl.render.rulegroups import Alert
from obsctl.render.rules import service_rules, stack_rules
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Service, Stack


def expected_rules(contract: Contract) -> tuple[ExpectedRule, ...]:
    """Every rule of the contract, and those of the stack itself, as the metrics backend must know them."""
    groups = [group for rules in (stack_rules(), *service_rules(contract)) for group in rules.groups]
    return tuple(
        ExpectedRule(group.name, "alerting" if isinstance(rule, Alert) else "recording", rule.name)
        for group in groups
        for rule in group.rules
    )


def expected_dashboards(stack: Stack, service: Service, traces: Endpoint | None) -> tuple[Dashboard, ...]:
    """The dashboards of a stack that show one of its services. ``traces`` answers for traces."""
    dialect = traces.dialect if traces else Dialect.JAEGER
    return stack_dashboards(replace(stack, services=(service,)), DATA_SOURCES[dialect])
