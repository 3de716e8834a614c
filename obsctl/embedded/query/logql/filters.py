"""Filter stages: which lines go on."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping

from obsctl.embedded.query.logql.addresses import contains
from obsctl.embedded.query.logql.entry import Entry
from obsctl.embedded.query.logql.hints import Test
from obsctl.embedded.query.logql.patterns import Pattern
from obsctl.languages.labels import Matcher
from obsctl.languages.logql.literals import READERS
from obsctl.languages.logql.tree import AllOf, AnyOf, Compare, CompareOp, Condition, Ip, IpMatch, LineFilter, Match
from obsctl.languages.regex import checked, translate

LineTest = Callable[[str], bool]

FILTER_ERROR = "LabelFilterErr"
_COMPARE: Mapping[CompareOp, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def matcher(match: Match) -> Matcher:
    """A matcher of the tree as the store understands it. ``QueryError`` for a pattern that is none."""
    return Matcher(match.name, match.op, translate(match.value) if match.op.endswith("~") else match.value)


def line_filter(stage: LineFilter) -> Test:
    """``|=`` and its relatives."""
    wanted = stage.op in ("|=", "|~", "|>")
    tests = [_line_test(stage.op, one) for one in stage.operands]
    if len(tests) == 1:
        [test] = tests
        return lambda entry: test(entry.line) is wanted
    return lambda entry: any(test(entry.line) for test in tests) is wanted


def _line_test(op: str, operand: str | Ip) -> LineTest:
    if isinstance(operand, Ip):
        return contains(operand.pattern)
    if op in ("|=", "!="):
        return lambda line: operand in line
    if op in ("|>", "!>"):
        pattern = Pattern.parsed(operand)
        pattern.check_filter()
        return pattern.fits
    compiled = checked(operand)
    return lambda line: compiled.search(line) is not None


def condition(found: Condition) -> Test:
    """A label filter."""
    match found:
        case Match():
            test = matcher(found)
            return lambda entry: test.matches(entry.text(test.name))
        case Compare():
            return _compared(found)
        case IpMatch():
            return _address(found)
    parts = [condition(part) for part in found.parts]
    if isinstance(found, AnyOf):
        return lambda entry: any(part(entry) for part in parts)
    assert isinstance(found, AllOf)
    return lambda entry: sum(not part(entry) for part in parts) == 0  # all are asked, since each may note an error


def label_names(found: Condition) -> Iterator[str]:
    """The labels that a condition reads."""
    if isinstance(found, AllOf | AnyOf):
        for part in found.parts:
            yield from label_names(part)
    else:
        yield found.name


def _compared(found: Compare) -> Test:
    """A line without the label goes; one whose label cannot be read stays, with an error unless it has one."""
    read, holds, name, value = READERS[found.unit], _COMPARE[found.op], found.name, found.value

    def test(entry: Entry) -> bool:
        text = entry.get(name)
        if text is None:
            return False
        try:
            return holds(read(text), value)
        except ValueError as cause:
            if not entry.error:
                entry.fail(FILTER_ERROR, str(cause))
            return True

    return test


def _address(found: IpMatch) -> Test:
    fits, wanted, name = contains(found.pattern), found.op == "=", found.name

    def test(entry: Entry) -> bool:
        if entry.error:
            return True
        text = entry.get(name)
        return text is not None and fits(text) is wanted

    return test
