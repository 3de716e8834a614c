"""``obsctl render``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obsctl.cli.options import HERE, Directory, Json
from obsctl.cli.output import finish


def render(
    directory: Directory = HERE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the files go.", show_default="deploy/ beside the spec")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 and show a diff if they differ.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that were edited, too.")] = False,
    preset: Annotated[
        str | None, typer.Option("--preset", help="Set of versions.", show_default="from the spec, else current")
    ] = None,
    json: Json = False,
) -> None:
    """Write the stack of containers as plain files.

    A Compose file, and a folder of configuration for each product. Files that were edited are kept and shown.
    """
    from obsctl.ops.render import render as op

    finish(op(directory, output, preset=preset, check=check, force=force), json=json)
