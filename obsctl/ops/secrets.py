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
        _private_folder(target.parent)
        if _write(target, secrets.token_urlsafe(_BYTES), mode):
            made.append(path)
    return tuple(made)


def keep_secrets(root: Path, contents: Mapping[str, bytes], *, mode: int = PRIVATE) -> None:
    """Bring files with secrets up to date: path below ``root`` -> content. Modes as above. Raises OSError."""
    for path, content in contents.items():
        target = root / path
        _private_folder(target.parent)
        handle = os.open(target, os.O_RDWR | os.O_CREAT, PRIVATE)
        with os.fdopen(handle, "r+b") as file:
            os.fchmod(file.fileno(), mode)
            if file.read() != content:  # in place: a container has this very file
                file.seek(0)
                file.truncate()
                file.write(content)


def _private_folder(folder: Path) -> None:
    """The owner's alone, and none of git's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    _write(folder / ".gitignore", "*\n", 0o644)


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
