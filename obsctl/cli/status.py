"""``obsctl status``."""

from __future__ import annotations

from obsctl.cli.options import HERE, Directory, Json
from obsctl.cli.output import finish


def status(directory: Directory = HERE, json: Json = False) -> None:
    """Show what runs, and whether it answers.

    Exit 1 unless everything does.
    """
    from obsctl.ops.status import status as op

    finish(op(directory), json=json)
