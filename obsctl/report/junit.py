"""A verification as JUnit XML, for CI systems."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from obsctl.checks.base import CheckStatus, Outcome, Verification
from obsctl.report.safe import safe

ELEMENTS = {CheckStatus.FAIL: "failure", CheckStatus.ERROR: "error", CheckStatus.SKIP: "skipped"}


def junit(result: Verification) -> str:
    """One test suite; one test case per check, its evidence in ``system-out``."""
    suite = ET.Element(
        "testsuite",
        name=f"obsctl verify {safe(result.service)}",
        tests=str(len(result.outcomes)),
        failures=str(result.count(CheckStatus.FAIL)),
        errors=str(result.count(CheckStatus.ERROR)),
        skipped=str(result.count(CheckStatus.SKIP)),
        time=f"{result.seconds:.3f}",
    )
    for outcome in result.outcomes:
        _case(suite, outcome)
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


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
