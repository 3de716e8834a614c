"""The rule files of a stack and the promtool tests of their rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obsctl.render.desired import File
from obsctl.render.rulegroups import Group, file_value
from obsctl.render.rule_tests import tests_value
from obsctl.render.rules import service_groups, stack_groups
from obsctl.render.rules_yaml import yaml_text
from obsctl.spec.slo import Slo
from obsctl.spec.stack import Stack

TESTS = "rule-tests"
"""Folder of the tests: beside Prometheus' own, which reads every file in its folder of rules."""

_STACK = "obsctl-stack"


def rule_files(stack: Stack, folder: str) -> tuple[File, ...]:
    """One file of rules for each service, and one for the stack itself; ``folder`` is where Prometheus looks."""
    return tuple(
        File(f"{folder}/{name}.yml", yaml_text(file_value(groups), _comment(about)))
        for name, about, groups, _ in _parts(stack)
    )


def rule_test_files(stack: Stack, folder: str) -> tuple[File, ...]:
    """A file of tests for each file of rules: ``promtool test rules rule-tests/*.yml``."""
    return tuple(
        File(
            f"{TESTS}/{name}.yml",
            yaml_text(tests_value(groups, slos, [f"../{folder}/{name}.yml"]), _comment(f"Tests of the rules {about}")),
        )
        for name, about, groups, slos in _parts(stack)
    )


def _parts(stack: Stack) -> Iterator[tuple[str, str, Sequence[Group], Sequence[Slo]]]:
    """Name of the file, what it is about, its rules, and the SLOs among them."""
    yield _STACK, "of the stack itself", stack_groups(), ()
    for service in stack.services:
        about = f"of {service.name}, derived from its contract"
        yield service.name, about, service_groups(service.contract), service.contract.slos


def _comment(about: str) -> str:
    return f"{about[0].upper()}{about[1:]}. Made by `obsctl render`; change the contract or the templates instead."
