"""``obsctl restart``."""

from __future__ import annotations

from typing import Annotated

import typer

from obsctl.cli.options import HERE, READY_TIMEOUT, Directory, Json, Timeout
from obsctl.cli.output import finish, progress


def restart(
    components: Annotated[list[str] | None, typer.Argument(help="Which ones; all, when none is named.")] = None,
    directory: Directory = HERE,
    timeout: Timeout = READY_TIMEOUT,
    json: Json = False,
) -> None:
    """Restart components of the running stack.

    Waits until they answer.
    """
    from obsctl.ops.restart import restart as op

    finish(op(directory, components or [], timeout=timeout, emit=progress(json=json)), json=json)
