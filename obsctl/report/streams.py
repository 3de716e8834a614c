"""Standard output and error as they should be: there, and never stopped by a character they cannot show."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator

PLAIN = {"✓": "+", "✗": "x", "·": "-", "…": "...", "→": "->"}
"""What our own signs become where the encoding lacks them; anything else becomes an escape."""

_HANDLER = "obsctl.plain"


def prepare() -> None:
    """Make both streams usable, whatever the caller's locale says and even where it closed them. Call it first."""
    codecs.register_error(_HANDLER, _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf8"))  # noqa: SIM115, PTH123 - lives as long as we do
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


@contextlib.contextmanager
def while_read() -> Iterator[None]:
    """Write everything to stdout; a reader that goes away before the end (``| head``) is not an error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard()


def discard() -> None:
    """Drop what was not written to stdout, so that the interpreter does not complain about it at exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in found), error.end
