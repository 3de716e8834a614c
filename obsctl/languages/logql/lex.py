"""LogQL text -> tokens with positions, and a place among them."""

from __future__ import annotations

import re

from obsctl.languages.errors import QueryError
from obsctl.languages.lexing import Reader, Token, error, scanned, unquote
from obsctl.languages.logql.tree import Match, MatchOp

MAX_QUERY = 131_072

_TOKEN = re.compile(
    r"""
    (?P<SPACE>(?:\s|\#[^\n]*)+)
  | (?P<STRING>"(?:\\.|[^"\\\n])*"|`[^`]*`)
  | (?P<FLAG>--(?:strict|keep-empty)(?![\w-]))
  | (?P<NUMBER>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+(?![\w.])|[\w.]*))
  | (?P<IDENTIFIER>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<SYMBOL>\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|[|=<>{}()\[\],+\-*/%^])
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(text: str) -> list[Token]:
    """All tokens; see ``scanned``."""
    return scanned(text, _TOKEN, MAX_QUERY)


MAX_DEPTH = 50
MATCH_OPS: tuple[MatchOp, ...] = ("=", "!=", "=~", "!~")
KEYWORDS = frozenset(
    (
        *("by", "without", "bool", "on", "ignoring", "group_left", "group_right", "offset", "unwrap", "and", "or"),
        *("unless", "json", "logfmt", "regexp", "pattern", "unpack", "line_format", "label_format", "decolorize"),
        *("drop", "keep"),
    )
)
"""Words that an error calls by their name."""


class LogTokenReader(Reader):
    """Reads tokens one by one; every mistake is a ``QueryError`` with line and column."""

    @property
    def after(self) -> Token:
        """The token behind the next one."""
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    def at_word(self, *words: str) -> bool:
        return self.next.kind == "IDENTIFIER" and self.next.text in words

    def accept_word(self, *words: str) -> bool:
        found = self.at_word(*words)
        if found:
            self.take()
        return found

    def expect(self, kind: str) -> Token:
        if self.next.kind != kind:
            raise self.unexpected(kind)
        return self.take()

    def text(self) -> str:
        """The value of a string literal."""
        return unquote(self.expect("STRING"))

    def unexpected(self, expecting: str = "$end") -> QueryError:
        token = self.next
        kind = token.text if token.kind == "IDENTIFIER" and token.text in KEYWORDS else token.kind
        problem = f"syntax error: unexpected {kind}"
        return self.wrong(problem if expecting == "$end" else f"{problem}, expecting {expecting}")

    def wrong(self, problem: object, token: Token | None = None) -> QueryError:
        """A mistake at a token, the next one unless given."""
        at = token or self.next
        return error(at.line, at.column, str(problem))

    def deeper(self, depth: int, what: str) -> int:
        """One level less to go. ``QueryError`` when there is none."""
        if not depth:
            raise self.wrong(f"{what} nests deeper than {MAX_DEPTH} levels")
        return depth - 1

    def match(self, name: str) -> Match:
        """What follows the name of a label in a matcher."""
        op = next((op for op in MATCH_OPS if op == self.next.kind), None)
        if op is None:
            raise self.unexpected(" or ".join(MATCH_OPS))
        self.take()
        return Match(name, op, self.text())

    def names(self) -> tuple[str, ...]:
        """``(a, b)``: names of labels in parentheses, possibly none."""
        self.expect("(")
        found: list[str] = []
        while not self.accept(")"):
            found.append(self.expect("IDENTIFIER").text)
            if self.next.kind != ")":
                self.expect(",")
        return tuple(found)
