"""LogQL text -> tokens with positions."""

from __future__ import annotations

import re

from obsctl.languages.lexing import Token, scanned

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
