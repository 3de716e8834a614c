"""``obsctl init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obsctl.cli.options import Json
from obsctl.cli.output import finish


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there already.")] = False,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Draft both from the metrics page of a service that runs."),
    ] = None,
    service: Annotated[
        str | None, typer.Option("--service", help="What to call that service.", show_default="name of the folder")
    ] = None,
    json: Json = False,
) -> None:
    """Write a first obsctl.yaml and contract.yaml."""
    from obsctl.ops.init import init as op

    finish(op(directory, force=force, source=source, service=service), json=json)
