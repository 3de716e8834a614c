"""The rule files of a stack and the promtool tests of their rules."""

from __future__ import annotations

import json
from collections.abc import Iterator

from obsctl.render.desired import File
from obsctl.render.rule_tests import promtool_value
from obsctl.render.rulegroups import file_value
from obsctl.render.rules import RuleSet, service_rules, stack_rules
from obsctl.render.yaml_text import yaml_text
from obsctl.spec.stack import Stack

TESTS = "rule-tests"
"""Folder of the tests: beside Prometheus' own, which reads every file in its folder of rules."""

_STACK = "obsctl-stack"


def rule_files(stack: Stack, folder: str) -> tuple[File, ...]:
    """Files of rules for the stack itself and for each service; ``folder`` is where Prometheus looks."""
    return tuple(
        File(f"{folder}/{name}.yml", yaml_text(file_value(rules.groups), _comment(f"Rules of {about}")))
        for name, about, rules in _parts(stack)
    )


def json_rule_files(stack: Stack, folder: str) -> tuple[File, ...]:
    """The same files of rules in JSON, for a server that reads no YAML."""
    return tuple(
        File(f"{folder}/{name}.json", json.dumps(file_value(rules.groups), indent=2, ensure_ascii=False) + "\n")
        for name, _, rules in _parts(stack)
    )


def rule_test_files(stack: Stack, folder: str) -> tuple[File, ...]:
    """A file of tests for each file of rules: ``promtool test rules rule-tests/*.yml``."""
    return tuple(
        File(
            f"{TESTS}/{name}.yml",
            yaml_text(
                promtool_value(rules.groups, rules.slo, f"../{folder}/{name}.yml"),
                _comment(f"Tests of the rules of {about}"),
            ),
        )
        for name, about, rules in _parts(stack)
    )


def _parts(stack: Stack) -> Iterator[tuple[str, str, RuleSet]]:
    """Name of the file, what it is about, its rules; files without a rule are left out."""
    yield _STACK, "the stack itself", stack_rules()
    for service in stack.services:
        for rules in service_rules(service.contract):
            if any(group.rules for group in rules.groups):
                yield f"{service.name}.{rules.name}", f"{service.name} ({rules.name}), from its contract", rules


def _comment(about: str) -> str:
    return f"{about}. Made by `obsctl render`: change the contract or the templates instead."
