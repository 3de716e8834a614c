"""``obsctl ui``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from obsctl.cli.options import HERE, Directory, Json
from obsctl.cli.output import finish
from obsctl.result import Result


def ui(
    directory: Directory = HERE,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port of the pages.", show_default="a free one")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open them in a browser, too.")] = False,
    socket: Annotated[int | None, typer.Option("--socket", hidden=True, help="Listening socket of the parent.")] = None,
    json: Json = False,
) -> None:
    """Serve the stack's pages to a browser.

    Dashboards, traces, logs, metrics, alerts and verdicts; in the foreground, on this machine alone, until Ctrl-C.
    """
    from obsctl.ops.ui import Opening
    from obsctl.ops.ui import ui as op
    from obsctl.report.json import verification

    op(directory, Opening(_shown(json=json), verification, port, socket, typer.launch if open_ else None))


def _shown(*, json: bool) -> Callable[[Result], None]:
    """Says where the pages are while they are served."""

    def show(result: Result) -> None:
        with contextlib.suppress(typer.Exit):
            finish(result, json=json)
        sys.stdout.flush()

    return show
