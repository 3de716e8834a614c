"""What a process of the stack inherits of the user's environment. Pure.

The stack says where everything is. So a process gets what a program needs on this machine, by this list, and nothing
that changes what the stack does: no proxy; no ``OTEL_*``, ``GRPC_*``, ``PYTHON*`` or ``PROMETHEUS_MULTIPROC_DIR`` of
the user's own services; no certificates or databases of theirs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

INHERITED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "TZDIR", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV"),
        *("LANG", "LANGUAGE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    }
)
"""Variables that a process inherits; and those of ``LC_``."""

FIXED: Mapping[str, str] = {"NO_PROXY": "*", "no_proxy": "*"}
"""What every process gets: nothing of the stack goes through a proxy, whatever a library looks at."""


def child_environment(inherited: Mapping[str, str], own: Mapping[str, str], package: Path) -> dict[str, str]:
    """The environment of a process. ``own`` is what the stack says; ``package`` is where obsctl was loaded from.

    Where obsctl was found through ``PYTHONPATH``, its processes find it there, too.
    """
    kept = {name: text for name, text in inherited.items() if name in INHERITED or name.startswith("LC_")}
    search = inherited.get("PYTHONPATH", "")
    if any(entry and Path(entry).absolute() == package for entry in search.split(os.pathsep)):
        kept["PYTHONPATH"] = search
    return {**kept, **FIXED, **own}
