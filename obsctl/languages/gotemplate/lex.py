"""Text -> pieces of text and the tokens of actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from obsctl.languages.gotemplate.syntax import TemplateError

Kind = Literal["string", "raw", "char", "number", "field", "variable", "word", "sign"]

_TOKEN = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*")|(?P<raw>`[^`]*`)|(?P<char>'(?:\\.|[^'\\\n])+')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?))
    |(?P<field>\.[A-Za-z_]\w*)|(?P<variable>\$\w*)|(?P<word>[A-Za-z_]\w*)|(?P<sign>:=|[=|(),.])""",
    re.VERBOSE,
)
_OPEN = re.compile(r"\{\{(?P<trim>-(?=\s))?")
_CLOSE = re.compile(r"(?P<trim>\s+-)?\}\}")
_COMMENT = re.compile(r"\s*/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"\s*")
_WHITE = " \t\r\n"


@dataclass(frozen=True)
class TemplateToken:
    """One token of an action; ``spaced`` when white space stands before it."""

    kind: Kind
    text: str
    spaced: bool


def pieces(source: str) -> Iterator[str | list[TemplateToken]]:
    """Texts, and actions as lists of tokens, in order. ``TemplateError`` for what is neither."""
    at, trims = 0, False
    while found := _OPEN.search(source, at):
        text = source[at : found.start()]
        text = text.lstrip(_WHITE) if trims else text
        yield text.rstrip(_WHITE) if found["trim"] else text
        tokens, at, trims = _action(source, found.end())
        if tokens is not None:
            yield tokens
    yield source[at:].lstrip(_WHITE) if trims else source[at:]


def _action(source: str, at: int) -> tuple[list[TemplateToken] | None, int, bool]:
    """The tokens of an action (None for a comment), where it ends, and whether it takes the white space after it."""
    if comment := _COMMENT.match(source, at):
        if end := _CLOSE.match(source, comment.end()):
            return None, end.end(), bool(end["trim"])
        raise TemplateError("comment ends before closing delimiter")
    tokens: list[TemplateToken] = []
    while not (end := _CLOSE.match(source, at)):
        space = _SPACE.match(source, at)
        begin = space.end() if space else at
        if end := _CLOSE.match(source, begin):
            break
        found = _TOKEN.match(source, begin)
        if not found:
            raise TemplateError(_unreadable(source[begin : begin + 1]))
        kind: Kind = found.lastgroup  # type: ignore[assignment]
        tokens.append(TemplateToken(kind, found[0], begin > at))
        at = found.end()
    return tokens, end.end(), bool(end["trim"])


def _unreadable(rest: str) -> str:
    if not rest:
        return "unclosed action"
    told = {'"': "unterminated quoted string", "`": "unterminated raw quoted string"}
    return told.get(rest, f"unexpected {rest!r} in an action")
