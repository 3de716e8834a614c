"""``down``: stop the stack; data stays unless ``volumes``."""

from __future__ import annotations

from pathlib import Path

from obsctl.events import Emit
from obsctl.ops.home import open_home
from obsctl.result import Result


def down(folder: Path, *, volumes: bool, emit: Emit) -> Result:
    """Stop everything of this folder's stack. Nothing running is fine too."""
    home = open_home(folder)
    home.require_seen()
    if not home.runtime.home.is_dir() and not home.runtime.is_there() and not home.runtime.orphans():
        return Result(
            "down", {"stopped": [], "volumes_removed": False}, ("nothing to stop: no stack was started here",)
        )
    with home.lock("down", emit):
        stopped = home.runtime.down(emit, volumes=volumes)
    outcome = f"stopped {', '.join(stopped)}" if stopped else "nothing was running"
    kept = "data and logs removed" if volumes else "data is kept; `obsctl down --volumes` removes it"
    return Result("down", {"stopped": list(stopped), "volumes_removed": volumes}, (f"{outcome}; {kept}",))
