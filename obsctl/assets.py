"""Where the shipped data files live: ``templates/`` in a checkout, ``obsctl/_templates/`` in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """The folder that holds ``stacks/``, ``families/`` and ``backends/``."""
    packed = _PACKAGE / "_templates"
    return packed if packed.is_dir() else _PACKAGE.parent / "templates"


def sample_contract() -> Path:
    """The contract of the sample service; read as data, the service itself is never imported."""
    return _PACKAGE.parent / "sample_service" / "contract.yaml"


def sample_sources() -> Path:
    """The folder of the sample service, with its Dockerfile; read as data, the service itself is never imported."""
    return _PACKAGE.parent / "sample_service"
