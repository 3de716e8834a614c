"""``obsctl down``."""

from __future__ import annotations

from typing import Annotated

import typer

from obsctl.cli.options import HERE, Directory, Json
from obsctl.cli.output import finish, progress


def down(
    directory: Directory = HERE,
    volumes: Annotated[bool, typer.Option("--volumes", help="Remove stored telemetry and logs, too.")] = False,
    json: Json = False,
) -> None:
    """Stop the stack; data stays, unless --volumes."""
    from obsctl.ops.down import down as op

    finish(op(directory, volumes=volumes, emit=progress(json=json)), json=json)
