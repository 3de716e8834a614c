"""The version that every API reports: truthful, and not to be mistaken for the product whose API it is."""

from __future__ import annotations

import platform
from importlib import metadata


def version() -> str:
    """``<obsctl version>-obsctl``."""
    try:
        return f"{metadata.version('obsctl')}-obsctl"
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return "0.0.0-obsctl"


def build_info() -> dict[str, str]:
    """The fields of Prometheus' and Loki's ``status/buildinfo``, all strings."""
    return {
        "version": version(),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": f"python{platform.python_version()}",
    }
