"""``obsctl doctor``."""

from __future__ import annotations

from obsctl.cli.options import HERE, Directory, Json, PortOffset
from obsctl.cli.output import finish


def doctor(directory: Directory = HERE, port_offset: PortOffset = None, json: Json = False) -> None:
    """Look for what keeps a stack from running.

    The spec, ports, disk space, processes left over. Exit 1 when something does.
    """
    from obsctl.ops.doctor import doctor as op

    finish(op(directory, port_offset=port_offset), json=json)
