"""``obsctl trace``."""

from __future__ import annotations

from typing import Annotated

import typer

from obsctl.cli.options import HERE, LONGEST, Directory, Json
from obsctl.cli.output import finish


def trace(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A trace id, a request id, or `last`.")],
    directory: Directory = HERE,
    wait: Annotated[
        float, typer.Option("--wait", min=0.0, max=LONGEST, help="Seconds to wait for a trace still arriving.")
    ] = 0.0,
    logs: Annotated[
        str, typer.Option("--logs", metavar="all|warn|none", help="Which log lines to interleave.")
    ] = "all",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Spans drawn at most.")] = 200,
    ascii_: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters alone.")] = False,
    width: Annotated[
        int | None, typer.Option("--width", min=40, help="Columns.", show_default="the terminal's")
    ] = None,
    json: Json = False,
) -> None:
    """Show one request across all of it.

    Spans as a waterfall with the critical path, errors in place, and the log lines of the trace.
    """
    from obsctl.ops.trace import trace as op
    from obsctl.report.json import trace as result
    from obsctl.report.streams import while_read
    from obsctl.report.waterfall import show

    tree = op(directory, ident, wait=wait)
    if json:
        finish(result(tree), json=True)
    with while_read():
        show(tree, width=width, logs=logs, limit=limit, ascii=ascii_)
