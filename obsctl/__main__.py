"""``python -m obsctl``."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """The program. Ctrl-C while it is still being loaded ends it without a traceback, too."""
    try:
        from obsctl.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
