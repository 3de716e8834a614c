"""``obsctl top``."""

from __future__ import annotations

from typing import Annotated

import typer

from obsctl.cli.options import HERE, Directory, Json


def top(
    directory: Directory = HERE,
    service: Annotated[
        str, typer.Option("--service", help="Only this service: its figures, calls, alerts and traces.")
    ] = "",
    since: Annotated[str, typer.Option("--since", help="How far back, such as 15m or 6h.")] = "30m",
    every: Annotated[float, typer.Option("--every", min=1.0, max=3600.0, help="Seconds between two looks.")] = 5.0,
    once: Annotated[
        bool, typer.Option("--once", help="Print one frame as text and exit, as without a terminal.")
    ] = False,
    width: Annotated[
        int | None, typer.Option("--width", min=20, help="Columns of that text.", show_default="the terminal's")
    ] = None,
    json: Json = False,
) -> None:
    """Watch the stack in the terminal.

    Services with rate, errors and p95, the calls between them, alerts, and the latest traces; Enter opens one as a
    waterfall. With --once or --json, exit 3 where a backend could not be asked, 1 where nothing is known of --service.
    """
    from obsctl.ops.top import TopSource, since_seconds, status_of

    source = TopSource(directory, service=service, window=since_seconds(since))
    if json:
        from obsctl.cli.output import finish
        from obsctl.ops.top import top_result

        finish(top_result(source.frame(), service), json=True)
    from obsctl.report.top_terminal import is_interactive

    if once or not is_interactive():
        from obsctl.report.streams import while_read
        from obsctl.report.top import show_once

        frame = source.frame()
        with while_read():
            show_once(frame, width=width)
        raise typer.Exit(status_of(frame, service))
    from obsctl.report.top import run

    run(source.frame, source.trace, every)
