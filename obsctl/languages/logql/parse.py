"""LogQL text -> tree (grafana.com/docs/loki/latest/query)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from obsctl.languages.errors import QueryError
from obsctl.languages.lexing import Token
from obsctl.languages.logql.lex import MAX_DEPTH, tokens
from obsctl.languages.logql.literals import duration_ns, number
from obsctl.languages.logql.metric_tree import (
    Conversion,
    Grouping,
    LabelReplace,
    LogBinary,
    LogNumber,
    LogRange,
    MetricExpr,
    Query,
    RangeAggregate,
    Unwrap,
    VectorAggregate,
    VectorOf,
)
from obsctl.languages.logql.parse_stages import StageParser
from obsctl.languages.logql.tree import LabelFilter, LogQuery, Match
from obsctl.languages.promql.tree import Matching
from obsctl.languages.regex import checked
from obsctl.languages.units import MS_NS, prom_duration_ms

MAX_OPERATORS = 100
CONVERSIONS: tuple[Conversion, ...] = ("duration", "duration_seconds", "bytes")
LINE_RANGES = ("count_over_time", "rate", "bytes_over_time", "bytes_rate", "absent_over_time")
GROUPED_RANGES = tuple(
    f"{op}_over_time" for op in ("avg", "max", "min", "stddev", "stdvar", "quantile", "first", "last")
)
UNWRAPPED_RANGES = ("sum_over_time", *GROUPED_RANGES, "rate", "rate_counter", "absent_over_time")
RANGES = frozenset((*LINE_RANGES, *UNWRAPPED_RANGES))
RANKINGS = ("topk", "bottomk", "approx_topk")
UNGROUPED = ("sort", "sort_desc", "approx_topk")
AGGREGATIONS = frozenset(("sum", "avg", "max", "min", "count", "stddev", "stdvar", *RANKINGS, *UNGROUPED))
_OPERATORS = (("or",), ("and", "unless"), ("==", "!=", ">", ">=", "<", "<="), ("+", "-"), ("*", "/", "%"), ("^",))
PRECEDENCE: Mapping[str, int] = {op: level for level, ops in enumerate(_OPERATORS, 1) for op in ops}
"""How tightly operators bind, the loosest first."""

COMPARISON = PRECEDENCE["=="]
SETS = ("or", "and", "unless")
EMPTY_COMPATIBLE = (
    "parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible "
    'value. For instance, app=~".*" does not meet this requirement, but app=~".+" will'
)


def parse(text: str) -> Query:
    """A log or metric query. ``QueryError`` with line and column when it is neither."""
    parser = _Parser(tokens(text))
    query = parser.query()
    parser.expect("$end")
    return query


def parse_log(text: str) -> LogQuery:
    """A log query. ``QueryError`` also for a metric query."""
    query = parse(text)
    if not isinstance(query, LogQuery):
        raise QueryError("only log selector is supported")
    return query


def parse_selector(text: str) -> tuple[Match, ...]:
    """A stream selector and nothing after it; ``{}`` is one here."""
    parser = _Parser(tokens(text))
    selector = parser.selector()
    parser.expect("$end")
    return selector


class _Parser(StageParser):
    operators = 0

    def query(self) -> Query:
        depth = 0
        while self.tokens[min(depth, len(self.tokens) - 1)].kind == "(":
            depth += 1
        if self.tokens[depth].kind == "{":
            return self.log_query(MAX_DEPTH)
        return self.expression(MAX_DEPTH, 1)

    def log_query(self, depth: int) -> LogQuery:
        if self.accept("("):
            query = self.log_query(self.deeper(depth, "query"))
            self.expect(")")
            return query
        return LogQuery(self.selector(), self.stages())

    def expression(self, depth: int, loosest: int) -> MetricExpr:
        """Operands joined by operators that bind at least as tightly as ``loosest``; ``^`` binds to the right."""
        left = self.operand_of(depth)
        while True:
            token = self.next
            precedence = PRECEDENCE.get(token.text, 0) if token.kind != "STRING" else 0
            if not precedence or precedence < loosest:
                return left
            self.take()
            self.operators += 1
            if self.operators > MAX_OPERATORS:
                raise self.wrong(f"query has more than {MAX_OPERATORS} operators", token)
            returns_bool, matching = self.modifiers(token)
            right = self.expression(self.deeper(depth, "query"), precedence + (token.text != "^"))
            left = self.joined(token, left, right, returns_bool, matching)

    def modifiers(self, op: Token) -> tuple[bool, Matching]:
        """``bool``, ``on``, ``group_left`` …: taken behind every operator, and heeded where they mean something."""
        returns_bool = self.accept_word("bool") and PRECEDENCE[op.text] == COMPARISON
        if not self.at_word("on", "ignoring"):
            return returns_bool, Matching(on=False, labels=())
        on = self.take().text == "on"
        labels = self.names()
        for side in ("left", "right"):
            if self.accept_word(f"group_{side}"):
                include = self.names() if self.next.kind == "(" else ()
                if op.text in SETS:
                    break
                return returns_bool, Matching(on, labels, "left" if side == "left" else "right", include)
        return returns_bool, Matching(on, labels)

    def joined(
        self, op: Token, left: MetricExpr, right: MetricExpr, returns_bool: bool, matching: Matching
    ) -> LogBinary:
        literal = next((one for one in (left, right) if isinstance(one, LogNumber)), None)
        if op.text in SETS and literal:
            side = "left" if literal is left else "right"
            shape = f"unexpected literal for {side} leg of logical/set binary operation ({op.text}): {literal}"
            raise self.wrong(shape, op)
        return LogBinary(op.text, left, right, returns_bool, matching)

    def operand_of(self, depth: int) -> MetricExpr:
        below = self.deeper(depth, "query")
        if self.accept("("):
            inner = self.expression(below, 1)
            self.expect(")")
            return inner
        if self.next.kind in ("NUMBER", "-", "+"):
            return LogNumber(self.signed_number())
        name = self.next
        if name.kind != "WORD":
            raise self.unexpected("{" if self.position == 0 else "a metric expression")
        if name.text in RANGES:
            return self.range_aggregate()
        if name.text in AGGREGATIONS:
            return self.vector_aggregate(below)
        if name.text == "vector":
            return self.vector()
        if name.text == "label_replace":
            return self.label_replace(below)
        if name.text == "variants":
            raise QueryError("multi variant queries are disabled for this instance")
        raise self.unexpected("{" if self.position == 0 else "a metric expression")

    def signed_number(self) -> float:
        sign = self.take().text if self.next.kind in ("-", "+") else "+"
        return -self.number() if sign == "-" else self.number()

    def number(self) -> float:
        token = self.expect("NUMBER")
        try:
            return number(token.text)
        except ValueError as cause:
            raise self.wrong(f"invalid number {token.text!r}", token) from cause

    def grouping(self) -> Grouping | None:
        if not self.at_word("by", "without"):
            return None
        without = self.take().text == "without"
        return Grouping(self.names(), without)

    def range_aggregate(self) -> RangeAggregate:
        name = self.take()
        self.expect("(")
        param = None
        if self.next.kind == "NUMBER":
            param = self.number()
            self.expect(",")
        log_range = self.log_range()
        self.expect(")")
        grouping = self.grouping()
        self.check_range(name, param, log_range, grouping)
        return RangeAggregate(name.text, log_range, param, grouping)

    def check_range(self, name: Token, param: float | None, found: LogRange, grouping: Grouping | None) -> None:
        op = name.text
        if (param is None) == (op == "quantile_over_time"):
            wanted = "parameter required" if param is None else "parameter not supported"
            raise self.wrong(f"{wanted} for operation {op}", name)
        if grouping and op not in GROUPED_RANGES:
            raise self.wrong(f"grouping not allowed for {op} aggregation", name)
        if found.unwrap and op not in UNWRAPPED_RANGES:
            raise self.wrong(f"invalid aggregation {op} with unwrap", name)
        if not found.unwrap and op not in LINE_RANGES:
            raise self.wrong(f"invalid aggregation {op} without unwrap", name)

    def log_range(self) -> LogRange:
        query, unwrap, window = self.ranged(MAX_DEPTH)
        if window is None:
            raise self.unexpected("RANGE")
        return LogRange(query, *window, unwrap)

    def ranged(self, depth: int) -> tuple[LogQuery, Unwrap | None, tuple[int, int] | None]:
        """A log query with ``[5m]`` behind its selector, at its end or behind parentheses around it."""
        if self.accept("("):
            query, unwrap, window = self.ranged(self.deeper(depth, "query"))
            self.expect(")")
        else:
            selector, window = self.selector(), self.window()
            query, unwrap = LogQuery(selector, self.stages()), self.unwrap()
        return query, unwrap, window or self.window()

    def window(self) -> tuple[int, int] | None:
        """``[5m] offset 1m``: range and offset in ns."""
        token = self.next
        if not self.accept("RANGE"):
            return None
        try:
            size = prom_duration_ms(token.text[1:-1]) * MS_NS
        except ValueError as cause:
            raise self.wrong(cause, token) from cause
        return size, duration_ns(self.expect("DURATION").text) if self.accept_word("offset") else 0

    def unwrap(self) -> Unwrap | None:
        if not self.at_unwrap():
            return None
        self.take()
        self.take()
        conversion: Conversion = next((one for one in CONVERSIONS if self.accept_word(one)), "")
        if conversion:
            self.expect("(")
        name = self.expect("IDENTIFIER")
        if conversion:
            self.expect(")")
        begin = self.next
        filters = self.stages()
        if not all(isinstance(one, LabelFilter) for one in filters):
            raise self.wrong("only label filters may follow unwrap", begin)
        return Unwrap(name.text, conversion, filters)  # type: ignore[arg-type]

    def vector_aggregate(self, depth: int) -> VectorAggregate:
        name = self.take()
        grouping = self.grouping()
        self.expect("(")
        param = self.ranking_size() if name.text in RANKINGS else None
        inner = self.expression(depth, 1)
        self.expect(")")
        behind = self.grouping()
        if grouping and behind:
            raise self.wrong(f"syntax error: unexpected {'without' if behind.without else 'by'}")
        grouping = grouping or behind
        if grouping and name.text in UNGROUPED:
            raise self.wrong(f"grouping not allowed for {name.text} aggregation", name)
        return VectorAggregate(name.text, inner, param, grouping)

    def ranking_size(self) -> int:
        begin = self.next
        if begin.kind != "NUMBER":
            raise self.wrong("parameter required for operation " + self.tokens[self.position - 2].text)
        found = self.number()
        if not math.isfinite(found) or found != int(found) or abs(found) > 1_000_000:
            raise self.wrong(f"invalid parameter {begin.text}: a whole number is needed", begin)
        if found <= 0:
            raise self.wrong("invalid parameter (must be greater than 0)", begin)
        self.expect(",")
        return int(found)

    def vector(self) -> VectorOf:
        self.take()
        self.expect("(")
        value = self.number()
        self.expect(")")
        return VectorOf(value)

    def label_replace(self, depth: int) -> LabelReplace:
        self.take()
        self.expect("(")
        inner = self.expression(depth, 1)
        texts: list[str] = []
        for _ in range(4):
            self.expect(",")
            texts.append(self.text())
        self.expect(")")
        try:
            checked(texts[3])
        except QueryError as cause:
            raise QueryError(f"parse error : invalid regex in label_replace: {cause}") from cause
        return LabelReplace(inner, *texts)
