"""``obsctl logs``."""

from __future__ import annotations

from typing import Annotated

import typer

from obsctl.cli.options import HERE, Directory, Json


def logs(
    components: Annotated[list[str] | None, typer.Argument(help="Which ones; all, when none is named.")] = None,
    directory: Directory = HERE,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    tail: Annotated[int, typer.Option("--tail", "-n", min=0, max=10_000, help="How many old lines of each.")] = 50,
    json: Json = False,
) -> None:
    """Show what the components print.

    With --json one object a line.
    """
    from obsctl.ops.logs import logs as op
    from obsctl.report.loglines import show
    from obsctl.report.streams import while_read

    lines = op(directory, components or [], follow=follow, tail=tail, cancelled=lambda: False)
    with while_read():
        show(lines, json=json)
