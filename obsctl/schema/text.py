"""Wording that all messages about a file share."""

from __future__ import annotations

import json
from collections.abc import Iterable

_SHOWN = 40


def quoted(text: str) -> str:
    """Text from a file, shortened and safe to print."""
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def printable(text: str) -> str:
    """The text with an escape in place of every character that is not printable."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def nearest(word: str, options: Iterable[str]) -> str:
    """``; did you mean "x"?`` for the option that looks most like the word, or "" when none does."""
    import difflib  # a server that starts has nothing to suggest

    folded = {option.lower(): option for option in options}
    close = difflib.get_close_matches(word[:80].lower(), folded, n=1, cutoff=0.6)
    return f"; did you mean {quoted(folded[close[0]])}?" if close else ""
