"""TraceQL text -> tokens with positions.

Attribute names end at white space or at one of ``{}()=~!<>&|^,``; so arithmetic next to one wants spaces around it.
"""

from __future__ import annotations

import re

from obsctl.languages.lexing import Token, scanned

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
    """All tokens; see ``scanned``."""
    return scanned(text, _TOKEN, MAX_QUERY)
