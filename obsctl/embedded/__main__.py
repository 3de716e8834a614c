"""``python -m obsctl.embedded --config FILE``: exit 0 after SIGTERM or SIGINT, 2 for a bad configuration, else 3."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence

from obsctl.errors import MissingPartError, ObsctlError, require_platform


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m obsctl.embedded", description="The embedded telemetry server.")
    parser.add_argument("--config", required=True, metavar="FILE", help="JSON configuration")
    options = parser.parse_args(arguments)
    try:
        require_platform()
        _run(options.config)
    except KeyboardInterrupt:
        return 130  # before the server listens to signals
    except ObsctlError as error:
        sys.stderr.write(f"{error.message} {error.hint}".strip() + "\n")
        return error.exit_status
    return 0


def _run(config_file: str) -> None:
    gc.disable()  # what is loaded stays: to look through it again and again is a tenth of the start
    try:
        from obsctl.embedded.app import run
        from obsctl.embedded.config import load
    except ModuleNotFoundError as error:
        raise MissingPartError({"embedded": "the embedded runtime"}, error.name or "") from error
    finally:
        gc.freeze()
        gc.enable()
    run(load(config_file))


if __name__ == "__main__":
    sys.exit(main())
