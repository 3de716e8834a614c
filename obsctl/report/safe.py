"""Text from outside, made fit for a terminal. Everything that telemetry brought goes through ``safe`` before printing.

A control character could move the cursor, change colours or answer back through the terminal; a bidirectional override
could show one thing and mean another. All of them come out as visible escapes, so nothing is hidden either.
"""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

ELLIPSIS = "…"


def safe(value: object, *, limit: int | None = None, newlines: bool = False, tabs: bool = False) -> str:
    r"""The text of a value with every character that is not printable written as an escape (``\x1b``, ``\u202e``).

    ``limit`` keeps that many characters of the original and marks the cut with "…". ``newlines`` keeps line breaks,
    for texts of our own that quote something, ``tabs`` keeps tabs, which move a cursor only forward. Idempotent.
    Escapes: C0, C1, DEL, bidirectional and other format characters, line and paragraph separators, surrogates, private
    and unassigned code points.
    """
    text = value if isinstance(value, str) else str(value)
    cut = limit is not None and len(text) > limit
    if cut:
        text = text[:limit]
    if not text.isprintable():
        kept = "\n" * newlines + "\t" * tabs
        text = "".join(c if c.isprintable() or c in kept else _visible(c) for c in text)
    return text + ELLIPSIS if cut else text


def plain_ascii(text: str) -> str:
    """A safe text in ASCII alone, for terminals and files that know nothing else."""
    return text if text.isascii() else text.replace(ELLIPSIS, "...").encode("ascii", "backslashreplace").decode("ascii")


def fit(text: str, cells: int, *, ellipsis: str = ELLIPSIS) -> str:
    """A text in exactly so many terminal cells: padded, or cut with an ellipsis. Wide characters count two."""
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return set_cell_size(text, cells)
    return set_cell_size(text, max(0, cells - len(ellipsis))) + ellipsis[:cells]


def _visible(char: str) -> str:
    if char == "\N{NO-BREAK SPACE}":
        return " "
    code = ord(char)
    short = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    if short:
        return short
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
