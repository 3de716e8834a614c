"""Filter stages: which lines go on."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping

from obsctl.embedded.query.logql.addresses import contains
from obsctl.embedded.query.logql.entry import Entry
from obsctl.embedded.query.logql.hints import Test
from obsctl.embedded.query.logql.patterns import Pattern
from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher
from obsctl.languages.logql.literals import READERS
from obsctl.languages.logql.tree import AllOf, AnyOf, Compare, CompareOp, Condition, Ip, IpMatch, LineFilter, Match
from obsctl.languages.regex import searcher, translate

LineTest = Callable[[str], bool]

_PIECE = re.compile(r"(\.\*)?([^\\.+*?()|\[\]{}^$]+)(\.\*)?")
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
    """``|=`` and its relatives. As in Loki, ``ip()`` among several operands that a line may have is a plain text."""
    wanted = stage.op in ("|=", "|~", "|>")
    several = wanted and len(stage.operands) > 1
    operands = [one.pattern if several and isinstance(one, Ip) else one for one in stage.operands]
    tests = [_line_test(stage.op, one) for one in operands]
    if len(tests) == 1:
        [test] = tests
        return lambda entry: test(entry.line) is wanted
    return lambda entry: any(test(entry.line) for test in tests) is wanted


def _line_test(op: str, operand: str | Ip) -> LineTest:
    if isinstance(operand, Ip):
        if op not in ("|=", "!="):
            raise QueryError("ip: invalid operation")
        return contains(operand.pattern)
    if op in ("|=", "!="):
        return lambda line: operand in line
    if op in ("|>", "!>"):
        pattern = Pattern.parsed(operand)
        pattern.check_filter()
        return pattern.fits
    compiled = searcher(operand)
    return lambda line: compiled.search(line) is not None


def condition(found: Condition) -> Test:
    """A label filter."""
    match found:
        case Match():
            return _matched(found)
        case Compare():
            return _compared(found)
        case IpMatch():
            return _address(found)
    parts = [condition(part) for part in found.parts]
    if isinstance(found, AnyOf):
        return lambda entry: any(part(entry) for part in parts)
    assert isinstance(found, AllOf)
    return lambda entry: sum(not part(entry) for part in parts) == 0  # all are asked, since each may note an error


def _matched(found: Match) -> Test:
    name, holds = found.name, _string_test(found)
    if found.op.startswith("!"):
        return lambda entry: not holds(entry.text(name))
    return lambda entry: holds(entry.text(name))


def _string_test(found: Match) -> LineTest:
    """What a value must be, whether or not the filter asks for the opposite.

    A pattern is anchored, its dot takes no newline. But of ``text.*`` Loki only looks whether the value has the text in
    it, wherever it stands.
    """
    if not found.op.endswith("~"):
        return found.value.__eq__
    pieces = [_PIECE.fullmatch(piece) for piece in found.value.split("|")]
    if all(pieces) and any(piece[1] or piece[3] for piece in pieces if piece):
        inside = [piece[2] for piece in pieces if piece and (piece[1] or piece[3])]
        whole = frozenset(piece[2] for piece in pieces if piece and not (piece[1] or piece[3]))
        return lambda value: value in whole or any(text in value for text in inside)
    searcher(found.value)  # a mistake is shown as it was written
    compiled = searcher(f"^(?:{found.value})$")
    return lambda value: compiled.search(value) is not None


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
