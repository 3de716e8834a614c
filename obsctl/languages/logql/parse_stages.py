"""Tokens of a log query -> its selector and stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from obsctl.languages.logql.lex import MATCH_OPS, MAX_DEPTH, LogTokenReader
from obsctl.languages.logql.literals import literal
from obsctl.languages.logql.tree import (
    AllOf,
    AnyOf,
    Assignment,
    Bare,
    Compare,
    CompareOp,
    Condition,
    Extraction,
    Ip,
    IpMatch,
    Json,
    LabelFilter,
    LabelFormat,
    LabelSelection,
    LineFilter,
    LineFormat,
    LineOp,
    Logfmt,
    Match,
    Stage,
    TextParser,
)

T = TypeVar("T")

ERROR_LABEL = "__error__"
LINE_OPS: tuple[LineOp, ...] = ("|=", "!=", "|~", "!~", "|>", "!>")
COMPARE_OPS: Mapping[str, CompareOp] = {
    "=": "==",
    "==": "==",
    "!=": "!=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
}


class StageParser(LogTokenReader):
    """The part of the grammar that log and metric queries share."""

    def selector(self) -> tuple[Match, ...]:
        self.expect("{")
        if self.accept("}"):
            return ()
        found = [self.matcher("IDENTIFIER or }")]
        while self.accept(","):
            found.append(self.matcher("IDENTIFIER"))
        if not self.accept("}"):
            raise self.unexpected("} or ,")
        return tuple(found)

    def matcher(self, expecting: str) -> Match:
        if self.next.kind != "IDENTIFIER":
            raise self.unexpected(expecting)
        return self.match(self.take().text)

    def stages(self) -> tuple[Stage, ...]:
        """Stages, up to what is none; ``| unwrap`` is none."""
        found: list[Stage] = []
        while True:
            if self.next.kind in LINE_OPS:
                found.append(self.line_filter())
            elif self.next.kind == "|" and not self.at_unwrap():
                self.take()
                found.append(self.stage())
            else:
                return tuple(found)

    def at_unwrap(self) -> bool:
        return self.next.kind == "|" and self.after.kind == "WORD" and self.after.text == "unwrap"

    def stage(self) -> Stage:
        """What follows ``|``."""
        if self.next.kind != "WORD":
            return LabelFilter(self.any_of(MAX_DEPTH))
        parse = _STAGES.get(self.next.text)
        if parse is None:
            raise self.unexpected()
        self.take()
        return parse(self)

    def line_filter(self) -> LineFilter:
        op = next(op for op in LINE_OPS if op == self.next.kind)
        self.take()
        operands = [self.operand()]
        while self.accept_word("or"):
            operands.append(self.operand())
        return LineFilter(op, tuple(operands))

    def operand(self) -> str | Ip:
        if self.at_word("ip"):
            return Ip(self.ip_pattern())
        if self.next.kind != "STRING":
            raise self.unexpected("STRING or ip")
        return self.text()

    def ip_pattern(self) -> str:
        self.take()
        self.expect("(")
        pattern = self.text()
        self.expect(")")
        return pattern

    def any_of(self, depth: int) -> Condition:
        parts = [self.all_of(depth)]
        while self.accept_word("or"):
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def all_of(self, depth: int) -> Condition:
        parts = [self.condition(depth)]
        while self.accept_word("and") or self.accept(",") or self.starts_condition():
            parts.append(self.condition(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def starts_condition(self) -> bool:
        return self.next.kind in ("(", "IDENTIFIER")

    def condition(self, depth: int) -> Condition:
        if self.next.kind == "(":
            below = self.deeper(depth, "label filter")
            self.take()
            inner = self.any_of(below)
            self.expect(")")
            return inner
        name = self.expect("IDENTIFIER").text
        return self.comparison(name) or self.match(name)

    def comparison(self, name: str) -> Compare | IpMatch | None:
        """``>= 5``, ``= 10ms``, ``!= ip("…")``; None for a comparison of strings."""
        op = COMPARE_OPS.get(self.next.kind)
        ahead = self.after
        if op is None or ahead.kind == "STRING":
            return None
        if ahead.kind == "WORD" and ahead.text == "ip" and self.next.kind in ("=", "!="):
            equal = self.take().kind == "="
            return IpMatch(name, "=" if equal else "!=", self.ip_pattern())
        if ahead.kind not in (*_LITERALS, "-", "+"):
            if self.next.kind in MATCH_OPS:
                return None
            self.take()
            raise self.unexpected("BYTES or NUMBER or DURATION or + or -")
        self.take()
        sign = self.take().text if self.next.kind in ("-", "+") else ""
        token = self.take() if self.next.kind in _LITERALS and not sign else self.expect("NUMBER")
        unit, value = literal(token.kind, token.text)
        text = sign.strip("+") + token.text
        return Compare(name, op, unit, -value if sign == "-" else value, text)

    def listed(self, item: Callable[[], T]) -> tuple[T, ...]:
        """One or more, with commas in between."""
        found = [item()]
        while self.accept(","):
            found.append(item())
        return tuple(found)

    def extraction(self) -> Extraction:
        name = self.expect("IDENTIFIER").text
        return Extraction(name, self.text() if self.accept("=") else name)

    def extractions(self) -> tuple[Extraction, ...]:
        return self.listed(self.extraction) if self.next.kind == "IDENTIFIER" else ()

    def logfmt(self) -> Logfmt:
        flags = set()
        while self.next.kind == "FLAG":
            flags.add(self.take().text)
        return Logfmt("--strict" in flags, "--keep-empty" in flags, self.extractions())

    def assignment(self) -> Assignment:
        token = self.expect("IDENTIFIER")
        if token.text == ERROR_LABEL:
            raise self.wrong(f"{token.text} cannot be formatted", token)
        self.expect("=")
        if self.next.kind == "IDENTIFIER":
            return Assignment(token.text, self.take().text, renames=True)
        return Assignment(token.text, self.text(), renames=False)

    def label_format(self) -> LabelFormat:
        begin = self.next
        items = self.listed(self.assignment)
        names = [item.name for item in items]
        twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
        if twice:
            raise self.wrong(f"multiple label name '{twice}' not allowed in a single format operation", begin)
        return LabelFormat(items)

    def selected(self) -> str | Match:
        name = self.expect("IDENTIFIER").text
        return self.match(name) if self.next.kind in MATCH_OPS else name


_LITERALS = ("NUMBER", "DURATION", "BYTES")

_STAGES: Mapping[str, Callable[[StageParser], Stage]] = {
    "json": lambda parser: Json(parser.extractions()),
    "logfmt": StageParser.logfmt,
    "regexp": lambda parser: TextParser("regexp", parser.text()),
    "pattern": lambda parser: TextParser("pattern", parser.text()),
    "unpack": lambda _: Bare("unpack"),
    "decolorize": lambda _: Bare("decolorize"),
    "line_format": lambda parser: LineFormat(parser.text()),
    "label_format": StageParser.label_format,
    "drop": lambda parser: LabelSelection("drop", parser.listed(parser.selected)),
    "keep": lambda parser: LabelSelection("keep", parser.listed(parser.selected)),
}
