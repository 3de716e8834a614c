"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LONGEST = 86_400.0
"""Seconds that any option may wait: a day. Longer is a slip, and infinity no number for a clock."""

Json = Annotated[bool, typer.Option("--json", help="One versioned JSON envelope on stdout; progress on stderr.")]
Directory = Annotated[
    Path, typer.Option("--directory", "-C", help="Folder of obsctl.yaml; state lives in its .obsctl/.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, max=LONGEST, help="Seconds to wait until everything answers.")
]
PortOffset = Annotated[int | None, typer.Option("--port-offset", help="Move every port by N.", show_default=False)]

HERE = Path()
READY_TIMEOUT = 30.0
