"""The tokens of a PromQL query, with the byte where each begins.

A query is measured while it is cut up, before anything recurses over it: its length, the depth of its brackets, and
how many operators it has. What is no token becomes one of kind ``ERROR`` and ends the query: the parser may have
something to say about what stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from obsctl.languages.errors import QueryError
from obsctl.languages.quoting import go_quoted

MAX_QUERY = 65_536
MAX_DEPTH = 100
MAX_OPERATORS = 500

NAME, NUMBER, DURATION, STRING, END, ERROR = "name", "number", "duration", "string", "$end", "$error"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AGGREGATIONS = _words("sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio")
OPERATORS = _words("or and unless atan2 == != <= >= < > </ >/ + - * / % ^ =~ !~ =")
"""What counts as an operator or matcher when a query is measured."""

_KEYWORDS = AGGREGATIONS | _words(
    """and or unless atan2 offset smoothed anchored by without on ignoring group_left group_right fill fill_left
    fill_right bool start end step range max_of min_of"""
)


class Item(NamedTuple):
    """One token. ``kind`` is one of the names above, a keyword in lower case, or a symbol; ``at`` is its first byte."""

    kind: str
    text: str
    at: int

    def __str__(self) -> str:
        """The token as Prometheus' error messages show it."""
        if self.kind in (NAME, NUMBER, DURATION, STRING):
            return f"{_described(self)} {_shortened(self)}"
        if self.kind == END:
            return "end of input"
        if self.kind in AGGREGATIONS:
            return f"<aggr:{self.text}>"
        if self.kind in OPERATORS | {"@"} and self.kind != "=":
            return f"<op:{self.text}>"
        return f"<{self.text}>" if self.kind in _KEYWORDS else go_quoted(self.text)


def _described(item: Item) -> str:
    return {NAME: "metric identifier" if ":" in item.text else "identifier"}.get(item.kind, item.kind)


def _shortened(item: Item) -> str:
    if item.kind != NAME and len(item.text) > 10:
        return go_quoted(item.text[:10]) + "..."
    return go_quoted(item.text)


_SKIPPED = r"(?:[ \t\r\n]++|\#[^\r\n]*+)*+"
_QUOTED = r"""(?P<string>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|`[^`]*+`)|(?P<unclosed>["'`])"""
# What looks like a number may be none: ``_number_kind`` decides.
_DIGITS = r"(?P<number>(?:[0-9]|\.[0-9])(?:[eE][-+]|[0-9a-zA-Z_.])*+)"
_OUTSIDE, _IN_BRACES, _IN_BRACKETS = (
    re.compile(f"{_SKIPPED}(?:{pattern}|(?P<wrong>.)|(?P<end>\\Z))", re.DOTALL)
    for pattern in (
        rf"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*+)|{_DIGITS}|(?P<symbol>==|!=|<=|>=|</|>/|=(?!~)|[-+*/%^<>()\[\]{{}},@])|{_QUOTED}",
        rf"(?P<name>[a-zA-Z_][a-zA-Z0-9_]*+)|(?P<symbol>=~|!~|!=|=|,|}})|{_QUOTED}",
        rf"(?P<name>[a-zA-Z_]++)|{_DIGITS}|(?P<symbol>[-+*/%^():,\]])",
    )
)
_D = r"[0-9]++(?:_[0-9]++)*+"
_NUMBER = re.compile(rf"0[xX](?:_?[0-9a-fA-F]++)(?:_[0-9a-fA-F]++)*+|(?:{_D}(?:\.(?:{_D})?)?|\.{_D})(?:[eE][+-]?{_D})?")
_DURATION = re.compile(r"(?:[0-9]++(?:ms|[smhdwy]))++")
_SCANNED = re.compile(r"[0-9._]*+(?:[eE][+-]?[0-9._]*+)*+(?:[smhdwy]s?[0-9]*+)*+")
"""How far Prometheus reads what turns out to be no number."""

_PARENTHESIS = re.compile(r"[ \t\r\n]*+\(")
_IN_DURATIONS = _words("step range min_of max_of")
_NUMBER_NAMES = frozenset(("inf", "nan"))
_CLOSERS = {")": "(", "]": "[", "}": "{"}


def lex(query: str) -> list[Item]:
    """The tokens of a query; the last one is of kind ``END`` or ``ERROR``. ``QueryError`` for a query too large."""
    if len(query) > MAX_QUERY:
        raise QueryError(f"query is longer than {MAX_QUERY} characters")
    items = list(_items(query))
    if not query.isascii():
        items = _with_bytes(query, items)
    return items


def _items(query: str) -> Iterator[Item]:
    """The tokens, placed by characters."""
    pattern, opened, position, operators = _OUTSIDE, "", 0, 0
    while True:
        match = pattern.match(query, position)
        assert match is not None  # the last two alternatives take anything
        group = str(match.lastgroup)
        text, at, position = match[group], match.start(group), match.end()
        item = _item(group, text, at, query, opened)
        yield item
        if item.kind in (END, ERROR):
            return
        operators += item.kind in OPERATORS
        if operators > MAX_OPERATORS:
            raise QueryError(f"expression has more than {MAX_OPERATORS} operators and matchers")
        if text in ("(", "[", "{"):
            opened += text
            if len(opened) > MAX_DEPTH:
                raise QueryError(f"expression nests deeper than {MAX_DEPTH} levels")
        elif text in _CLOSERS:
            opened = opened[:-1]
        else:
            continue
        pattern = _IN_BRACES if opened[-1:] == "{" else _IN_BRACKETS if "[" in opened else _OUTSIDE


def _item(group: str, text: str, at: int, query: str, opened: str) -> Item:
    """One token from what a pattern matched; ``opened`` are the brackets around it."""
    if group == "name" and "[" in opened and text.lower() not in _IN_DURATIONS:
        return Item(ERROR, _unexpected_character(query, at, opened), at)
    if group == "name":
        return Item(_name_kind(text, query, at, opened), text, at)
    if group == "symbol":
        if text in _CLOSERS and opened[-1:] != _CLOSERS[text]:
            return Item(ERROR, _unmatched(text), at)
        return Item(text, text, at)
    if group == "number":
        kind = _number_kind(text)
        return Item(kind, text if kind != ERROR else _bad_number(text), at)
    if group == "end" and opened:
        return Item(ERROR, _UNCLOSED[opened[-1]], at)
    if group == "unclosed":
        return Item(ERROR, "unterminated raw string" if text == "`" else "unterminated quoted string", at)
    if group == "wrong":
        return Item(ERROR, _unexpected_character(query, at, opened), at)
    return Item(END if group == "end" else STRING, text, at)


def _name_kind(text: str, query: str, at: int, opened: str) -> str:
    if opened[-1:] == "{":
        return NAME
    word = text.lower()
    if word in _NUMBER_NAMES:
        return NUMBER
    if word.startswith("fill") and not _PARENTHESIS.match(query, at + len(text)):
        return NAME  # no modifier then, but a metric
    return word if word in _KEYWORDS else NAME


def _number_kind(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return NUMBER
    return DURATION if _DURATION.fullmatch(text) else ERROR


def _bad_number(text: str) -> str:
    scanned = _SCANNED.match(text)
    return f"bad number or duration syntax: {go_quoted(scanned[0] if scanned else text)}"


_UNCLOSED = {
    "(": "unclosed left parenthesis",
    "[": "unclosed left bracket",
    "{": "unexpected end of input inside braces",
}


def _unmatched(text: str) -> str:
    """What is wrong with a bracket that closes another one than the last opened, or none."""
    if text == "}":
        return "unexpected character: '}'"
    name = "parenthesis" if text == ")" else "bracket"
    return f"unexpected right {name} '{text}'"


def _unexpected_character(query: str, at: int, opened: str) -> str:
    character = query[at]
    shown = "'\\''" if character == "'" else f"'{go_quoted(character)[1:-1]}'" if character != '"' else "'\"'"
    if character in "!=" and "[" not in opened:
        after = go_quoted(query[at + 1])[1:-1] if at + 1 < len(query) else "\\ufffd"
        inside = " inside braces" if opened[-1:] == "{" else ""
        return f"unexpected character after '{character}'{inside}: '{after}'"
    if opened[-1:] == "{":
        return "unexpected left brace '{'" if character == "{" else f"unexpected character inside braces: {shown}"
    return (
        f"unexpected character in duration expression: {shown}" if "[" in opened else f"unexpected character: {shown}"
    )


def _with_bytes(query: str, items: list[Item]) -> list[Item]:
    """The tokens placed by bytes of UTF-8."""
    placed, last, at = [], 0, 0
    for item in items:
        at += len(query[last : item.at].encode("utf-8", "surrogatepass"))
        last = item.at
        placed.append(item._replace(at=at))
    return placed


@dataclass
class ItemCursor:
    """A place in the tokens of a query."""

    items: list[Item]
    position: int = 0
    context: str = ""
    """What is being read, for the error messages of tokens that fit nothing."""

    @property
    def next(self) -> Item:
        """The token here. ``QueryError`` when it is none."""
        item = self.items[self.position]
        if item.kind == ERROR:
            raise QueryError(item.text)
        return item

    def follows(self, *kinds: str) -> bool:
        """Whether the token after this one is of one of these kinds."""
        return self.items[min(self.position + 1, len(self.items) - 1)].kind in kinds

    def take(self) -> Item:
        """The token here; the cursor moves on, but never beyond the end."""
        item = self.next
        self.position += item.kind != END
        return item

    def accept(self, *kinds: str) -> bool:
        """Move on if the token here is of one of these kinds."""
        matches = self.next.kind in kinds
        if matches:
            self.position += 1
        return matches

    def expect(self, kind: str, context: str = "", expected: str = "") -> Item:
        """Take a token of this kind. ``QueryError`` for any other."""
        if self.next.kind != kind:
            raise self.unexpected(context, expected)
        return self.take()

    def unexpected(self, context: str = "", expected: str = "") -> QueryError:
        """The error that the token here fits nothing, in Prometheus' words."""
        where = f" in {context or self.context}" if context or self.context else ""
        return QueryError(f"unexpected {self.next}{where}{f', expected {expected}' if expected else ''}")


_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|\\")
_LETTERS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}


def unquoted(text: str) -> str:
    r"""The value of a string token, by Go's rules: ``\xff`` is a byte, and U+FFFD stands for bytes that are not UTF-8.

    ``ValueError`` for an escape sequence that does not exist.
    """
    if text.startswith("`"):
        return text[1:-1]
    parts, position, body = bytearray(), 0, text[1:-1]
    if "\\" not in body:
        return body
    for escape in _ESCAPE.finditer(body):
        parts += body[position : escape.start()].encode("utf-8", "replace") + _escaped(escape, text[0])
        position = escape.end()
    return (parts + body[position:].encode("utf-8", "replace")).decode("utf8", "replace")


def _escaped(escape: re.Match[str], quote: str) -> bytes:
    letter, hexadecimal, octal, *longer = escape.groups()
    if letter is not None and (letter not in "'\"" or letter == quote):
        return bytes([_LETTERS[letter]])
    digits = next((digits for digits in longer if digits), None)
    byte = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else None
    if byte is not None and byte < 256:
        return bytes([byte])
    if byte is not None or digits is None:
        following = escape.string[escape.end() : escape.end() + 1] or letter or ""
        after = f" U+{ord(following):04X} '{following}'" if following and byte is None else ""
        raise ValueError(f"unknown escape sequence{after}")
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError("escape sequence is an invalid Unicode code point")
    return chr(code).encode()
