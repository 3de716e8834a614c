"""``python -m obsctl``, and the console script."""

from __future__ import annotations

import signal
from typing import NoReturn


def main() -> NoReturn:
    """The program. Ctrl-C while it is still being loaded ends it at once, as it ends a program that has no handler."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from obsctl.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
