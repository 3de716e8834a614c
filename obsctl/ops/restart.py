"""``restart``: stop and start components, and wait until they answer."""

from __future__ import annotations

import difflib
import time
from collections.abc import Sequence
from pathlib import Path

from obsctl.errors import UsageError
from obsctl.events import Emit, Event
from obsctl.ops.session import open_session
from obsctl.ops.up import wait_ready
from obsctl.result import Result
from obsctl.runtime.interrupts import uninterrupted
from obsctl.runtime.parts import require_parts


def restart(folder: Path, names: Sequence[str], *, timeout: float, emit: Emit) -> Result:
    """Restart the named components, or all; what is stopped is started."""
    begun = time.monotonic()
    session = open_session(folder)
    session.running()
    with session.lock("restart", emit):
        chosen = known(names, list(session.target.desired.ports))
        require_parts({module for name, module in session.target.desired.modules.items() if name in chosen})
        session.target.write_files(emit)
        emit(Event("noted", "restarting", ", ".join(chosen)))
        with uninterrupted():  # between the two there is a stack with a hole in it
            session.runtime.stop(chosen, emit)
            started = session.target.apply(emit)
        wait_ready(session, timeout, emit)
    seconds = round(time.monotonic() - begun, 3)
    return Result("restart", {"restarted": list(started), "seconds": seconds}, (f"restarted {', '.join(started)}",))


def known(names: Sequence[str], components: Sequence[str]) -> list[str]:
    """The names as given, or all of them; UsageError for one that the stack does not have."""
    for name in names:
        if name not in components:
            near = difflib.get_close_matches(name, components, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(components)}"
            raise UsageError(f"the stack has no component {name!r}", hint=hint)
    return list(names) or list(components)
