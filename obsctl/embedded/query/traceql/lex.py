"""TraceQL text -> tokens with positions.

Attribute names end at white space or at one of ``{}()=~!<>&|^,``; so arithmetic next to one wants spaces around it.
"""

from __future__ import annotations

import re

from obsctl.embedded.query.errors import QueryError
from obsctl.embedded.query.logql.lex import Token, error

MAX_QUERY = 16_384

_TOKEN = re.compile(
    r"""
    (?P<SPACE>(?:\s|/\*.*?\*/|//[^\n]*)+)
  | (?P<STRING>"(?:\\.|[^"\\\n])*"|`[^`]*`)
  | (?P<DURATION>(?:\d+(?:\.\d+)?(?:ns|us|\u00b5s|ms|s|m|h))+(?![A-Za-z0-9_]))
  | (?P<FLOAT>(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d{1,3})?|\d+[eE][+-]?\d{1,3})
  | (?P<INTEGER>\d+)
  | (?P<ATTRIBUTE>(?:(?:parent\.)?(?:span|resource|event|link|instrumentation)\.|parent\.|\.)
      (?:"(?:\\.|[^"\\\n])*"|[^\s{}()=~!<>&|^,"])+)
  | (?P<IDENTIFIER>(?:(?:span|trace|event|link|instrumentation):)?[A-Za-z_][A-Za-z0-9_]*)
  | (?P<SYMBOL>&>>|&<<|!>>|!<<|&>|&<|&~|!>|!<|!~|!=|>>|<<|>=|<=|=~|&&|\|\||[{}()=<>~|!,+\-*/%^])
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(text: str) -> list[Token]:
    """All tokens, ended by ``$end``. ``QueryError`` at the first character that starts none."""
    if len(text) > MAX_QUERY:
        raise QueryError(f"query is longer than {MAX_QUERY} characters")
    found, position, line, line_start = [], 0, 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
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
