"""``obsctl up``."""

from __future__ import annotations

from typing import Annotated

import typer

from obsctl.cli.options import HERE, READY_TIMEOUT, Directory, Json, PortOffset, Timeout
from obsctl.cli.output import finish, progress


def up(
    directory: Directory = HERE,
    runtime: Annotated[
        str | None,
        typer.Option("--runtime", metavar="auto|embedded|docker", help="Where it runs.", show_default="from the spec"),
    ] = None,
    port_offset: PortOffset = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.")] = False,
    timeout: Timeout = READY_TIMEOUT,
    json: Json = False,
) -> None:
    """Start the stack, and wait until it is ready.

    Starts only what is missing or has changed; interrupted or failed, it leaves nothing half-started behind.
    """
    from obsctl.errors import UsageError
    from obsctl.ops.up import plan as planned
    from obsctl.ops.up import up as op

    if runtime not in (None, "auto", "embedded", "docker"):
        raise UsageError(f"--runtime {runtime!r} is none of auto, embedded, docker", hint="leave it out for auto")
    if plan:
        finish(planned(directory, runtime=runtime, port_offset=port_offset), json=json)
    finish(
        op(directory, runtime=runtime, port_offset=port_offset, timeout=timeout, emit=progress(json=json)), json=json
    )
