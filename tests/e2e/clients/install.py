"""Installs a client into the cache, from the registries of its language, under a name that changes with its files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Protocol

from tests.e2e.images.build import CACHE, locked
from tests.e2e.images.sources import Work, digest

_DONE = ".installed"


class Installable(Protocol):
    """A program: the folder of its files, and the commands that make of a copy of it what can be run."""

    @property
    def folder(self) -> Path: ...

    @property
    def install(self) -> tuple[tuple[str, ...], ...]: ...


def installed(client: Installable, cache: Path = CACHE) -> Path:
    """The folder that the client runs in; made where it is not there. Raises BuildError.

    Safe to call from several processes at once: the first makes it, the others wait.
    """
    name = f"client-{client.folder.name}"
    folder = cache / f"{name}-{_key(client)}"
    with locked(cache / f"{name}.lock"):
        if not (folder / _DONE).exists():
            for left in cache.glob(f"{name}-*"):
                shutil.rmtree(left)  # of other files, or of an interrupted run
            shutil.copytree(client.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
            work = Work(folder, folder / "install.log")
            for command in client.install:
                work.run(*argv(command, folder))
            (folder / _DONE).touch()
    return folder


def argv(command: tuple[str, ...], folder: Path, product: Path | None = None) -> list[str]:
    """The command with its program as a path: the tests' interpreter for ``python``, the product, a file."""
    program = str({"python": sys.executable, "product": product}.get(command[0], command[0]))
    return [str(folder / program) if (folder / program).exists() else program, *command[1:]]


def _key(client: Installable) -> str:
    files = sorted(path for path in client.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    texts = [f"{path.relative_to(client.folder)} {digest(path.read_bytes().hex())}" for path in files]
    return digest(repr(client.install), *texts)
