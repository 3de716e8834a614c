"""How a verb ends: its result goes to the report, its exit status to the shell."""

from __future__ import annotations

from typing import NoReturn

import typer

from obsctl.events import Emit
from obsctl.report.streams import while_read
from obsctl.result import Result


def progress(*, json: bool) -> Emit:
    """Progress on stderr; with ``--json`` plain lines too, so that stdout holds the envelope alone."""
    from obsctl.report.console import progress as to_stderr

    return to_stderr(quiet=json)


def finish(result: Result, *, json: bool) -> NoReturn:
    """Show the result and leave with its status."""
    if json:
        from obsctl.report.json import show
    else:
        from obsctl.report.console import show
    with while_read():
        show(result)
    raise typer.Exit(result.exit_status)
