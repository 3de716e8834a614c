"""Writing a file so that it is whole or not there."""

from __future__ import annotations

from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Put a text in place in one step: a crash or a full disk leaves the old file, or none. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text(text, encoding="utf8")
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
