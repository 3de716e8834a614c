"""The door: the verbs, the single error boundary, and the exit codes.

0 fine; 1 checked, and it failed; 2 bad usage or spec; 3 could not look or could not start; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

from obsctl import __version__
from obsctl.cli.doctor import doctor
from obsctl.cli.down import down
from obsctl.cli.init import init
from obsctl.cli.logs import logs
from obsctl.cli.render import render
from obsctl.cli.restart import restart
from obsctl.cli.status import status
from obsctl.cli.trace import trace
from obsctl.cli.up import up
from obsctl.cli.verify import verify
from obsctl.errors import InterruptedByUser, ObsctlError, UsageError

VERBS = (init, render, up, verify, trace, status, logs, restart, down, doctor)

app = typer.Typer(
    name="obsctl",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in VERBS:
    app.command()(verb)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"obsctl {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit.")
    ] = False,
) -> None:
    """From nothing to verified observability: run a stack, prove that its telemetry works, follow one request."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> NoReturn:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status. Every error becomes a sentence here, or an envelope with ``--json``."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = int(app(list(arguments), standalone_mode=False) or 0)
        return _interrupted(arguments) if status == InterruptedByUser.exit_status else status
    except ObsctlError as error:
        return _fail(arguments, error)
    except typer.TyperException as error:
        return _fail(arguments, _usage(error))
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(arguments)
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:  # noqa: BLE001 - the boundary: a bug becomes a sentence, its traceback a file
        return _fail(arguments, _bug(error))


def _interrupted(arguments: Sequence[str]) -> int:
    """Typer turns Ctrl-C inside a verb into this exit status without a word."""
    return _fail(arguments, InterruptedByUser("interrupted"))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _usage(error: typer.TyperException) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "obsctl"
    return UsageError(error.format_message() or "no command given", hint=f"see `{path} --help`")


def _fail(arguments: Sequence[str], error: ObsctlError) -> int:
    from obsctl.result import failed

    result = failed(_verb(arguments), error)
    with contextlib.suppress(BrokenPipeError):
        if "--json" in arguments:
            from obsctl.report import json as report
        else:
            from obsctl.report import console as report  # type: ignore[no-redef]
        report.show(result)
    return error.exit_status


def _verb(arguments: Sequence[str]) -> str:
    names = {verb.__name__ for verb in VERBS}
    return next((a for a in arguments if a in names), "obsctl")


def _closed_pipe() -> int:
    """The reader went away (``obsctl logs | head``): not an error. Keep the interpreter from complaining at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _bug(error: Exception) -> ObsctlError:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="obsctl-", suffix=".txt", delete=False, encoding="utf8") as file:
        traceback.print_exception(error, file=file)
    message = f"obsctl itself failed: {type(error).__name__}: {error}"
    return ObsctlError(message, hint=f"this is a bug; please report it with the details in {file.name}")


if __name__ == "__main__":
    main()
