"""A verification as JUnit XML, for CI systems."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from obsctl.checks.base import CheckStatus, Outcome, StackVerification, Verification
from obsctl.report.safe import safe

ELEMENTS = {CheckStatus.FAIL: "failure", CheckStatus.ERROR: "error", CheckStatus.SKIP: "skipped"}


def junit(result: StackVerification) -> str:
    """One test suite for each service; one test case per check, its evidence in ``system-out``."""
    suites = [_suite(service) for service in result.services]
    root = suites[0] if len(suites) == 1 else ET.Element("testsuites", name="obsctl verify")
    if len(suites) != 1:
        root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(result: Verification) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        name=f"obsctl verify {safe(result.service)}",
        tests=str(len(result.outcomes)),
        failures=str(result.count(CheckStatus.FAIL)),
        errors=str(result.count(CheckStatus.ERROR)),
        skipped=str(result.count(CheckStatus.SKIP)),
        time=f"{result.seconds:.3f}",
    )
    if stated := dict(_properties(result)):
        properties = ET.SubElement(suite, "properties")
        for name, value in stated.items():
            ET.SubElement(properties, "property", name=name, value=value)
    for outcome in result.outcomes:
        _case(suite, outcome)
    return suite


def _properties(result: Verification) -> Iterator[tuple[str, str]]:
    """How the service was looked at, and how late each signal was, in seconds."""
    if result.how:
        yield "how", safe(result.how)
    for lag in result.lags:
        name = f"lag.{lag.signal.value}"
        if lag.items:
            yield from ((f"{name}.p50", f"{lag.p50:.3f}"), (f"{name}.worst", f"{lag.worst:.3f}"))
        if lag.missing:
            yield f"{name}.missing", str(lag.missing)


def _case(suite: ET.Element, outcome: Outcome) -> None:
    classname = f"obsctl.{outcome.signal.value}"
    case = ET.SubElement(suite, "testcase", name=outcome.check, classname=classname, time=f"{outcome.seconds:.3f}")
    verdict = outcome.verdict
    element = ELEMENTS.get(verdict.status)
    if element:
        ET.SubElement(case, element, message=safe(verdict.summary)).text = safe(verdict.hint)
    notes = [f"note: {safe(note)}" for note in verdict.notes]
    lines = [
        safe(verdict.summary),
        *notes,
        *(f"{safe(e.query)}\n  {safe(e.answer, newlines=True)}" for e in verdict.evidence),
    ]
    ET.SubElement(case, "system-out").text = "\n".join(lines)
