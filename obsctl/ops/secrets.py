"""Secrets of a stack: made once, at random, in files that only their owner can reach."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

PRIVATE = 0o600
READABLE = 0o444

_BYTES = 24


def ensure_secrets(root: Path, wanted: Mapping[str, str], *, mode: int = PRIVATE) -> tuple[str, ...]:
    """Make the secrets that are missing; the paths of those that were. ``wanted`` maps names to paths below ``root``.

    Their folder is the owner's alone (0700) and keeps itself out of git. A plain Compose file hands a secret into a
    container with the owner and the mode that it has here, so one that a user inside shall read must be ``READABLE``;
    the folder is what protects it then. Raises OSError.
    """
    made = []
    for path in wanted.values():
        target = root / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.parent.chmod(0o700)
        _write(target.parent / ".gitignore", "*\n", 0o644)
        if _write(target, secrets.token_urlsafe(_BYTES), mode):
            made.append(path)
    return tuple(made)


def _write(path: Path, text: str, mode: int) -> bool:
    """Write a file that is not there yet; whether it was not."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)
    return True
