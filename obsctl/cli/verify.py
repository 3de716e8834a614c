"""``obsctl verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obsctl.cli.options import HERE, LONGEST, Directory, Json


def verify(
    directory: Directory = HERE,
    service: Annotated[
        str | None, typer.Option("--service", help="Which service; every one of the spec, when left out.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Check ids, signals or globs, comma-separated; may be repeated."),
    ] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", help="As --only, left out; may be repeated.")] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=LONGEST, help="Seconds each signal may take to arrive.")
    ] = 15.0,
    window: Annotated[
        str, typer.Option("--window", help="How far back a service without requests to drive is looked at.")
    ] = "60s",
    format_: Annotated[
        str, typer.Option("--format", metavar="table|json|junit|markdown", help="How the result is written.")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the result there, a table to stdout.")
    ] = None,
    evidence: Annotated[bool, typer.Option("--evidence", help="Show what was seen for green checks, too.")] = False,
    json: Json = False,
) -> None:
    """Prove that all telemetry works, end to end.

    Metrics, traces, logs, SLOs, rules and dashboards: drives requests through the service, each with ids of its own,
    and holds the backends to them. Exit 1 on a failure.
    """
    from obsctl.ops.verify import verify as op
    from obsctl.ops.verify import window_seconds
    from obsctl.ops.verify_runs import KeptAs
    from obsctl.report.console import watching
    from obsctl.report.formats import require_format, show
    from obsctl.report.json import verification
    from obsctl.report.streams import while_read

    chosen = "json" if json else require_format(format_)
    with watching(quiet=json) as emit:
        result = op(
            directory,
            service=service,
            only=only or [],
            skip=skip or [],
            timeout=timeout,
            window=window_seconds(window),
            emit=emit,
            kept_as=KeptAs(verification),
        )
    with while_read():
        show(result, chosen, output, evidence=evidence)
    raise typer.Exit(result.exit_status)
