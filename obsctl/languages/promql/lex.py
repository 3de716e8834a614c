"""The tokens of a query: what the parser is given of them, and where they stand.

The parser recurses without a limit of its own (deep nesting overflows the native stack and ends the process), and its
cost grows with the square of the number of operators; so a query is measured before it is parsed. The parser also
reads some literals otherwise than Prometheus does; those are rewritten:

* raw strings (it reads escapes in them), and strings with bytes in them (it takes each for a character);
* numbers with underscores or a leading zero, and arithmetic in durations;
* regular expressions, which it compiles with another engine than RE2: it gets ``PATTERN`` and hexadecimal digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from obsctl.languages.promql.durations import INSTANT, Timing, Token, settled

MAX_QUERY = 65_536
MAX_DEPTH = 100
MAX_OPERATORS = 500
PATTERN = "re:"

_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?P<unclosed>["'`].*)|(?P<comment>\#[^\n]*)|(?P<space>\s+)"""
    r"""|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"""
    r"""|(?P<number>(?:[0-9]|\.[0-9])(?:[eE][-+]|[0-9a-zA-Z_.])*)"""
    r"""|(?P<operator>=~|!~|==|!=|<=|>=|[-+*/%^=<>])|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_OPERATOR_NAMES = frozenset(("and", "or", "unless", "atan2"))
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|\\")
_BYTES = re.compile(r"\\(?:x[89a-fA-F]|[23][0-7]{2})")
"""Escapes of bytes that are no characters by themselves."""

_LETTERS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}


@dataclass(frozen=True)
class Lexed:
    """A query cut up: for the parser, and as tokens that mean something, with positions."""

    rewritten: str
    tokens: tuple[Token, ...]


def lex(query: str, timing: Timing = INSTANT) -> Lexed:
    """Cut a query up. ``ValueError`` or ``QueryError`` when it is more than is parsed, or holds no text."""
    if len(query) > MAX_QUERY:
        raise ValueError(f"query is longer than {MAX_QUERY} characters")
    tokens: list[Token] = []
    pieces: list[str] = []
    for token in settled(_cut(query), timing):
        pieces.append(_rewritten(token.kind, token.text, tokens))
        if token.kind not in ("space", "comment"):
            tokens.append(token)
    return Lexed("".join(pieces), tuple(tokens))


def _cut(query: str) -> list[Token]:
    """Everything a query consists of."""
    depth = operators = at = 0
    tokens: list[Token] = []
    for found in _TOKEN.finditer(query):
        kind, text = str(found.lastgroup), found[0]
        depth += (kind == "open") - (kind == "close")
        operators += kind == "operator" or text.lower() in _OPERATOR_NAMES
        if depth > MAX_DEPTH:
            raise ValueError(f"expression nests deeper than {MAX_DEPTH} levels")
        if operators > MAX_OPERATORS:
            raise ValueError(f"expression has more than {MAX_OPERATORS} operators and matchers")
        tokens.append(Token(kind, text, at))
        at += len(text.encode())
    return tokens


def _rewritten(kind: str, text: str, before: list[Token]) -> str:
    if kind == "number":
        return _number(text)
    if kind == "text" and before and before[-1].text in ("=~", "!~"):
        return f'"{PATTERN}{unquoted(text).encode().hex()}"'
    if kind == "text" and (text.startswith("`") or _BYTES.search(text)):
        return _quoted(unquoted(text))
    return text


def _number(text: str) -> str:
    """A number as the parser takes it: no underscores; digits after a leading zero are octal, as in Go."""
    if re.fullmatch(r"0[0-7_]*[0-7]", text):
        return str(int(text.replace("_", ""), 8))
    if re.fullmatch(r"0[xX](?:_?[0-9a-fA-F]+)+|\d+(?:_\d+)*\.?|(?:\d+(?:_\d+)*)?\.\d+(?:_\d+)*", text):
        return text.replace("_", "")
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def unquoted(text: str) -> str:
    r"""What a string token says, by Go's rules: ``\xff`` is a byte, and U+FFFD stands for bytes that are not UTF-8.

    ``ValueError`` for an escape that is none.
    """
    if text.startswith("`"):
        return text[1:-1]
    parts, position, body = bytearray(), 0, text[1:-1]
    for found in _ESCAPE.finditer(body):
        parts += body[position : found.start()].encode() + _meant(found)
        position = found.end()
    return (parts + body[position:].encode()).decode("utf8", "replace")


def _meant(found: re.Match[str]) -> bytes:
    letter, hexadecimal, octal, *longer = found.groups()
    if letter is not None:
        return bytes([_LETTERS[letter]])
    digits = next((digits for digits in longer if digits), None)
    byte = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else None
    if byte is not None and byte < 256:
        return bytes([byte])
    if byte is not None or digits is None:
        raise ValueError("unknown escape sequence")
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError("escape sequence is an invalid Unicode code point")
    return chr(code).encode()
