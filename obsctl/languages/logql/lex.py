"""LogQL text -> tokens with positions, and a place among them."""

from __future__ import annotations

import re
from dataclasses import replace

from obsctl.languages.errors import QueryError
from obsctl.languages.lexing import Reader, Token, error, scanned, unquote
from obsctl.languages.logql.literals import duration_ns, literal_bytes, number
from obsctl.languages.logql.tree import Match, MatchOp

MAX_QUERY = 131_072

_TOKEN = re.compile(
    r"""
    (?P<SPACE>(?:[ \t\n\r]|\#[^\n]*|//[^\n]*|/\*.*?\*/)+)
  | (?P<STRING>"(?:\\.|[^"\\\n])*"|`[^`]*`)
  | (?P<FLAG>--(?:strict|keep-empty)(?![\w-]))
  | (?P<RANGE>\[[^\]]*\])
  | (?P<DURATION>-(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|ms|[smh]))+(?!\w))
  | (?P<NUMBER>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+(?![\w.])|[\w.\u00b5]*))
  | (?P<IDENTIFIER>[^\W\d]\w*)
  | (?P<SYMBOL>\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|[|=<>{}()\],+\-*/%^.])
    """,
    re.VERBOSE | re.DOTALL,
)

_DIGITS = re.compile(r"[\d.]*", re.ASCII)

MAX_DEPTH = 50
MATCH_OPS: tuple[MatchOp, ...] = ("=", "!=", "=~", "!~")
RESERVED = frozenset(
    (
        *("by", "without", "bool", "on", "ignoring", "group_left", "group_right", "offset", "unwrap", "and", "or"),
        *("unless", "json", "logfmt", "regexp", "pattern", "unpack", "line_format", "label_format", "decolorize"),
        *("drop", "keep", "variants", "of"),
    )
)
"""Words that are never names of labels, in any case of their letters."""

FUNCTIONS = frozenset(
    (
        *(f"{op}_over_time" for op in ("count", "bytes", "avg", "sum", "min", "max", "stdvar", "stddev", "quantile")),
        *(f"{op}_over_time" for op in ("first", "last", "absent")),
        *("rate", "rate_counter", "bytes_rate", "vector", "label_replace", "sum", "avg", "max", "min", "count"),
        *("stddev", "stdvar", "bottomk", "topk", "approx_topk", "sort", "sort_desc"),
        *("bytes", "duration", "duration_seconds", "ip"),
    )
)
"""Words that are functions in front of ``(``, or of a grouping, and names elsewhere."""


def tokens(text: str) -> list[Token]:
    """All tokens; see ``scanned``. Words of the language have the kind ``WORD`` and small letters."""
    found = [piece for token in scanned(text, _TOKEN, MAX_QUERY) for piece in _pieces(token)]
    return [_known(token, found[index + 1 : index + 3]) for index, token in enumerate(found)]


def _known(token: Token, following: list[Token]) -> Token:
    word = token.text.lower()
    if token.kind == "IDENTIFIER" and (word in RESERVED or (word in FUNCTIONS and _calls(following))):
        return replace(token, kind="WORD", text=word)
    return token


def _calls(following: list[Token]) -> bool:
    first, second = (*(one.text.lower() for one in following), "", "")[:2]
    return first == "(" or (first in ("by", "without") and second == "(")


def _pieces(token: Token) -> list[Token]:
    """A number with its unit as one token: a duration or a size. What stands behind it otherwise is another one."""
    if token.kind != "NUMBER":
        return [token]
    if token.text[:2].lower() in ("0b", "0o", "0x"):
        raise error(token.line, token.column, "syntax error: only decimal numbers are supported")
    for kind, read in (("NUMBER", number), ("DURATION", duration_ns), ("BYTES", literal_bytes)):
        try:
            read(token.text)
        except ValueError:
            continue
        return [replace(token, kind=kind)]
    digits = _DIGITS.match(token.text)
    size = digits.end() if digits else 0
    behind = Token("IDENTIFIER", token.text[size:], token.line, token.column + size)
    return [replace(token, text=token.text[:size]), behind]


class LogTokenReader(Reader):
    """Reads tokens one by one; every mistake is a ``QueryError`` with line and column."""

    @property
    def after(self) -> Token:
        """The token behind the next one."""
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    def at_word(self, *words: str) -> bool:
        return self.next.kind == "WORD" and self.next.text in words

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
        kind = token.kind
        if kind == "WORD":
            kind = token.text if token.text in RESERVED else token.text.upper()
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
            raise self.unexpected("= or =~ or !~ or !=")
        self.take()
        return Match(name, op, self.text())

    def names(self) -> tuple[str, ...]:
        """``(a, b)``: names of labels in parentheses, possibly none."""
        self.expect("(")
        if self.accept(")"):
            return ()
        found = [self.expect("IDENTIFIER").text]
        while self.accept(","):
            found.append(self.expect("IDENTIFIER").text)
        self.expect(")")
        return tuple(found)
