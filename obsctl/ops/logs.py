"""``logs``: what the components print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from obsctl.errors import StartError
from obsctl.events import LogText
from obsctl.ops.home import open_home
from obsctl.ops.restart import known
from obsctl.runtime.base import Cancelled


def logs(folder: Path, names: Sequence[str], *, follow: bool, tail: int, cancelled: Cancelled) -> Iterator[LogText]:
    """The last ``tail`` lines of each component, then, with ``follow``, what comes. Works after ``down``, too."""
    runtime = open_home(folder).runtime
    written = runtime.log_names()
    if not written:
        raise StartError(f"nothing has run in {runtime.home.parent} yet", hint="start a stack with `obsctl up`")
    return runtime.logs(known(names, written), follow=follow, cancelled=cancelled, tail=tail)
