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
    json: Json = False,
) -> None:
    """Write a first obsctl.yaml and contract.yaml."""
    from obsctl.ops.init import init as op

    finish(op(directory, force=force), json=json)
