"""``python -m sample_service api|worker|ai|redis``: runs one process until it is told to stop."""

from __future__ import annotations

import argparse
import gc
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from sample_service import config
from sample_service.config import Settings

if TYPE_CHECKING:
    from sample_service.http import ObservedApp

log = logging.getLogger("sample_service")

PROCESSES = ("api", "worker", "ai", "redis")


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 after a requested stop, 1 if the process could not start, 2 for bad usage, 3 if a library is
    not installed.
    """
    parser = argparse.ArgumentParser(prog="python -m sample_service", description="Run a process of the sample.")
    parser.add_argument("process", choices=PROCESSES)
    parser.add_argument("--host", help="address to listen on (default: HOST, or 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: from the environment)")
    options = parser.parse_args(arguments)
    try:
        settings = config.load(options.process)
    except config.ConfigError as error:
        parser.error(str(error))
    given = {name: value for name in ("host", "port") if (value := getattr(options, name)) is not None}
    settings = replace(settings, **given)
    run = _run_redis if settings.process == "redis" else _run_http
    try:
        run(settings)
    except OSError as error:
        log.critical("cannot listen on %s port %d: %s", settings.host, settings.port, error.strerror or error)
        return 1
    except ModuleNotFoundError as error:
        sys.stderr.write(f"the sample service is not installed (no {error.name}): pip install 'obsctl[sample]'\n")
        return 3
    finally:
        # we are leaving already: a second signal must not turn that into a death
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, signal.SIG_IGN)
    return 0


def _run_http(settings: Settings) -> None:
    gc.disable()  # what is loaded stays: to look through it again and again is a tenth of the start
    from sample_service import logs
    from sample_service.telemetry import Telemetry

    telemetry = Telemetry(settings.process)
    logs.setup(telemetry.service, log_file=settings.log_file, also=telemetry.log_handler())
    create_app: Callable[[Settings], ObservedApp] = import_module(f"sample_service.{settings.process}").create_app
    from sample_service.server import serve

    gc.freeze()
    gc.enable()
    try:
        serve(create_app(settings), settings.host, settings.port)
    finally:
        telemetry.shutdown()
        logs.shutdown()


def _run_redis(settings: Settings) -> None:
    from sample_service import logs, redis_server

    logs.setup("redis")
    redis_server.serve(settings.host, settings.port)


if __name__ == "__main__":
    sys.exit(main())
