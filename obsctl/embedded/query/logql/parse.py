"""LogQL tokens -> tree. Constructs of the grammar that have no engine yet are refused by name, where they stand."""

from __future__ import annotations

from dataclasses import dataclass

from obsctl.embedded.query.errors import QueryError, not_supported
from obsctl.embedded.query.logql.lex import Token, error, tokens, unquote
from obsctl.embedded.query.logql.tree import (
    AllOf,
    AnyOf,
    Condition,
    LabelFilter,
    LineFilter,
    LogQuery,
    Match,
    Stage,
)

MAX_DEPTH = 50

MATCH_OPS = ("=", "!=", "=~", "!~")
LINE_OPS = ("|=", "!=", "|~", "!~")
PATTERN_OPS = ("|>", "!>")
NUMERIC_OPS = ("==", ">", ">=", "<", "<=")
STAGES = (
    *("json", "logfmt", "regexp", "pattern", "unpack", "line_format", "label_format", "decolorize", "drop", "keep"),
    "unwrap",
)
RANGE_WORDS = ("sum", "avg", "min", "max", "first", "last", "stddev", "stdvar", "quantile", "count", "bytes", "absent")
METRIC_WORDS = frozenset(
    (
        *(f"{word}_over_time" for word in RANGE_WORDS),
        *("rate", "rate_counter", "bytes_rate", "sum", "avg", "min", "max", "count", "stddev", "stdvar"),
        *("topk", "bottomk", "approx_topk", "sort", "sort_desc", "vector", "label_replace", "variants"),
    )
)
EMPTY_COMPATIBLE = (
    "queries require at least one regexp or equality matcher that does not have an empty-compatible value. "
    'For instance, app=~".*" does not meet this requirement, but app=~".+" will'
)


def parse(text: str) -> LogQuery:
    """A log query. ``QueryError`` with line and column when it is not one, or uses what is not supported yet."""
    parser = _Parser(tokens(text))
    parser.refuse_metric_query()
    query = LogQuery(parser.selector(), parser.stages())
    parser.expect("$end")
    return query


def parse_selector(text: str) -> tuple[Match, ...]:
    """A stream selector and nothing after it; ``{}`` is one here."""
    parser = _Parser(tokens(text))
    selector = parser.selector()
    parser.expect("$end")
    return selector


@dataclass
class _Parser:
    tokens: list[Token]
    position: int = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.next
        self.position += token.kind != "$end"
        return token

    def accept(self, *kinds: str) -> bool:
        found = self.next.kind in kinds
        if found:
            self.take()
        return found

    def accept_word(self, *words: str) -> bool:
        found = self.next.kind == "IDENTIFIER" and self.next.text in words
        if found:
            self.take()
        return found

    def expect(self, kind: str) -> Token:
        if self.next.kind != kind:
            raise self.unexpected(kind)
        return self.take()

    def unexpected(self, expecting: str) -> QueryError:
        if self.next.kind == "[":
            return self.refuse("a range vector")
        problem = f"syntax error: unexpected {self.next.kind}"
        return error(
            self.next.line, self.next.column, problem if expecting == "$end" else f"{problem}, expecting {expecting}"
        )

    def refuse(self, what: str) -> QueryError:
        return error(self.next.line, self.next.column, not_supported(what))

    def refuse_metric_query(self) -> None:
        first = self.next
        if first.kind == "IDENTIFIER" and first.text in METRIC_WORDS:
            raise self.refuse(f'the metric query "{first.text}"')
        if first.kind in ("NUMBER", "(", "-", "+"):
            raise self.refuse("a metric query")

    def selector(self) -> tuple[Match, ...]:
        self.expect("{")
        found: list[Match] = []
        while not self.accept("}"):
            found.append(self.match(self.expect("IDENTIFIER").text))
            if self.next.kind != "}":
                self.expect(",")
        return tuple(found)

    def match(self, name: str) -> Match:
        if self.next.kind not in MATCH_OPS:
            raise self.unexpected("= or != or =~ or !~")
        op = self.take().kind
        return Match(name, op, unquote(self.expect("STRING")))  # type: ignore[arg-type]

    def stages(self) -> tuple[Stage, ...]:
        found: list[Stage] = []
        while self.next.kind in (*LINE_OPS, *PATTERN_OPS, "|"):
            found.append(self.label_filter() if self.next.kind == "|" else self.line_filter())
        return tuple(found)

    def line_filter(self) -> LineFilter:
        if self.next.kind in PATTERN_OPS:
            raise self.refuse(f'the pattern line filter "{self.next.kind}"')
        op = self.take().kind
        texts = [self.filter_text()]
        while self.accept_word("or"):
            texts.append(self.filter_text())
        return LineFilter(op, tuple(texts))  # type: ignore[arg-type]

    def filter_text(self) -> str:
        if self.next.text == "ip":
            raise self.refuse('the "ip" line filter')
        return unquote(self.expect("STRING"))

    def label_filter(self) -> LabelFilter:
        self.expect("|")
        after = self.tokens[self.position + 1].kind if self.next.kind == "IDENTIFIER" else ""
        if self.next.text in STAGES and after not in (*MATCH_OPS, *NUMERIC_OPS):
            raise self.refuse(f'the "{self.next.text}" stage')
        return LabelFilter(self.any_of(MAX_DEPTH))

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
        return self.next.kind == "(" or (self.next.kind == "IDENTIFIER" and self.next.text != "or")

    def condition(self, depth: int) -> Condition:
        if self.next.kind == "(":
            if not depth:
                raise error(self.next.line, self.next.column, f"label filter nests deeper than {MAX_DEPTH} levels")
            self.take()
            inner = self.any_of(depth - 1)
            self.expect(")")
            return inner
        name = self.expect("IDENTIFIER").text
        self.refuse_numeric()
        return self.match(name)

    def refuse_numeric(self) -> None:
        """Refuse ``status >= 500``, ``latency != 1s`` and ``addr = ip("…")``: comparisons that are not of strings."""
        if self.next.kind in NUMERIC_OPS:
            raise self.refuse(f'the numeric label filter "{self.next.kind}"')
        if self.next.kind in ("=", "!="):
            value = self.tokens[self.position + 1]
            if value.kind == "NUMBER" or value.text == "ip":
                raise self.refuse('the "ip" label filter' if value.text == "ip" else "a numeric label filter")
