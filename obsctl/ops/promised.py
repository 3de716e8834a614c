"""What a stack must show of a service beside its telemetry: the rules that follow from its contract."""

from __future__ import annotations

from obsctl.checks.base import PromisedRule
from obsctl.render.rulegroups import Alert
from obsctl.render.rules import service_rules, stack_rules
from obsctl.spec.contract import Contract


def promised_rules(contract: Contract) -> tuple[PromisedRule, ...]:
    """Every rule of the contract, and those of the stack itself, as the metrics backend must know them."""
    groups = [group for rules in (stack_rules(), *service_rules(contract)) for group in rules.groups]
    return tuple(
        PromisedRule(group.name, "alerting" if isinstance(rule, Alert) else "recording", rule.name)
        for group in groups
        for rule in group.rules
    )
