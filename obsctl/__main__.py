"""``python -m obsctl``, and the console script."""

from __future__ import annotations

import gc
import signal
from typing import NoReturn

_RARELY = 20_000
"""New objects after which garbage is looked for: loading a program makes many, and no garbage."""


def main() -> NoReturn:
    """The program. Ctrl-C while it is still being loaded ends it at once, as it ends a program that has no handler."""
    gc.set_threshold(_RARELY, 20, 20)
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from obsctl.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
