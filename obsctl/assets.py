"""Where the shipped data files live: ``templates/`` in a checkout, ``obsctl/_templates/`` in an installed wheel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_others: list[Path] = []
"""Folders of ``templates_from``; the last one counts."""


def templates() -> Path:
    """The folder that holds ``stacks/``, ``families/`` and ``backends/``."""
    if _others:
        return _others[-1]
    packed = _PACKAGE / "_templates"
    return packed if packed.is_dir() else _PACKAGE.parent / "templates"


@contextlib.contextmanager
def templates_from(folder: Path) -> Iterator[None]:
    """Within the block, the whole process reads the templates in ``folder``, which is laid out like the shipped one.

    What is read once is kept by folder: give a copy that changes while it is in use another name.
    """
    _others.append(folder)
    try:
        yield
    finally:
        _others.remove(folder)


def sample_contract() -> Path:
    """The contract of the sample service; read as data, the service itself is never imported."""
    return _PACKAGE.parent / "sample_service" / "contract.yaml"


def sample_sources() -> Path:
    """The folder of the sample service, with its Dockerfile; read as data, the service itself is never imported."""
    return _PACKAGE.parent / "sample_service"


def runbooks() -> Path:
    """The folder of the pages about alerts: ``docs/runbooks`` in a checkout, packed in an installed wheel."""
    packed = _PACKAGE / "_runbooks"
    return packed if packed.is_dir() else _PACKAGE.parent / "docs" / "runbooks"
