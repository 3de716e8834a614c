"""What the lexers of LogQL and TraceQL share: tokens with positions, errors that name them, and quoted text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from obsctl.languages.errors import QueryError

_ESCAPE = re.compile(
    r'\\(?:([abfnrtv\\"\'])|x([0-9A-Fa-f]{2})|([0-7]{3})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))', re.DOTALL
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True)
class Token:
    """One token: what it is (``IDENTIFIER``, ``STRING``, ``NUMBER``, a symbol, ``$end``), its text, where it starts."""

    kind: str
    text: str
    line: int
    column: int


def error(line: int, column: int, problem: str) -> QueryError:
    """A parse error in the words of Loki and Tempo."""
    return QueryError(f"parse error at line {line}, col {column}: {problem}")


def scanned(text: str, pattern: re.Pattern[str], longest: int) -> list[Token]:
    """All tokens, ended by ``$end``: the groups of a pattern, of which ``SPACE`` is left out.

    ``QueryError`` at the first character that starts none, and for a text that is too long.
    """
    if len(text) > longest:
        raise QueryError(f"query is longer than {longest} characters")
    found, position, line, line_start = [], 0, 1, 0
    while position < len(text):
        match = pattern.match(text, position)
        column = position - line_start + 1
        if match is None:
            problem = "literal not terminated" if text[position] in '"`' else f"unexpected character {text[position]!r}"
            raise error(line, column, f"syntax error: {problem}")
        kind, piece = str(match.lastgroup), match[0]
        if kind != "SPACE":
            found.append(Token(piece if kind == "SYMBOL" else kind, piece, line, column))
        if newlines := piece.count("\n"):
            line, line_start = line + newlines, position + piece.rindex("\n") + 1
        position = match.end()
    return [*found, Token("$end", "", line, position - line_start + 1)]


@dataclass
class Reader:
    """A place in a list of tokens that ends with ``$end``."""

    tokens: list[Token]
    position: int = 0

    @property
    def next(self) -> Token:
        """What stands here."""
        return self.tokens[self.position]

    def take(self) -> Token:
        """Go on behind it; nothing is behind the end."""
        token = self.next
        self.position += token.kind != "$end"
        return token

    def accept(self, *kinds: str) -> bool:
        """Go on if one of these stands here."""
        found = self.next.kind in kinds
        if found:
            self.take()
        return found


def unquote(token: Token) -> str:
    """The value of a string token: raw between backticks, Go's escapes between double quotes."""
    body = token.text[1:-1]
    if token.text.startswith("`") or "\\" not in body:
        return body
    out, position = bytearray(), 0
    for found in _ESCAPE.finditer(body):
        out += body[position : found.start()].encode("utf-8", "replace") + _escaped(token, found)
        position = found.end()
    out += body[position:].encode("utf-8", "replace")
    return out.decode("utf-8", "replace")


def _escaped(token: Token, found: re.Match[str]) -> bytes:
    simple, byte, octal, short, long, unknown = found.groups()
    if simple:
        return _SIMPLE.get(simple, simple).encode()
    if byte or (octal and int(octal, 8) < 256):
        return bytes([int(byte, 16) if byte else int(octal, 8)])
    code = -1 if unknown or octal else int(short or long, 16)
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise error(token.line, token.column, "syntax error: invalid escape sequence in string")
    return chr(code).encode()
