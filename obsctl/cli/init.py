"""``obsctl init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obsctl.cli.options import LONGEST, Json
from obsctl.cli.output import finish, progress

Pages = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="URL",
        help="Draft both from the metrics page of a service that runs. Repeatable: a contract for each service.",
    ),
]
Listen = Annotated[
    float | None,
    typer.Option(
        "--listen",
        metavar="SECONDS",
        min=0.1,
        max=LONGEST,
        help="Receive OTLP for so long (Ctrl-C ends it sooner), and draft traces and logs from it, too.",
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--service",
        help="What to call that service. Repeatable, in the order of --from.",
        show_default="name of the folder; of several, what their telemetry says",
    ),
]
Headers = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="'NAME: ${env:VARIABLE}'",
        help="A header for --from, such as credentials: a reference to a variable, or ${file:PATH}. Repeatable.",
    ),
]


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there already.")] = False,
    source: Pages = None,
    listen: Listen = None,
    stack: Annotated[
        Path | None,
        typer.Option("--stack", metavar="FOLDER", help="Draft them from what a running stack has received instead."),
    ] = None,
    port_offset: Annotated[int, typer.Option("--port-offset", help="Move the ports of --listen by N.")] = 0,
    service: Names = None,
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", metavar="FILE", help="Certificates that --from trusts over https.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Trust any certificate of --from.")] = False,
    header: Headers = None,
    json: Json = False,
) -> None:
    """Write a first obsctl.yaml and contract.yaml.

    With --from they say what a service that runs shows on its metrics page; with --listen, what it sends by OTLP, too.
    With --from twice or more, each service that is seen gets a contract of its own.
    """
    from obsctl.errors import UsageError
    from obsctl.ops.init import DraftSources, access_of
    from obsctl.ops.init import init as op

    given: dict[str, object] = {"--ca-file": ca_file, "--insecure": insecure or None, "--header": header or None}
    given |= {"--listen": listen, "--stack": stack, "--service": service or None, "--port-offset": port_offset or None}
    if not source and (lonely := next((name for name, value in given.items() if value is not None), "")):
        raise UsageError(f"{lonely} is about what --from leads to", hint=f"add --from URL, or leave {lonely} out")
    if listen is not None and stack is not None:
        raise UsageError("--listen and --stack are two ways to the same", hint="leave one of them out")
    access = access_of(directory, ca_file, header or (), insecure=insecure)
    pages, names = tuple(source or ()), tuple(service or ())
    sources = DraftSources(pages, names, listen, port_offset, stack, access) if pages else None
    finish(op(directory, force=force, sources=sources, emit=progress(json=json)), json=json)
