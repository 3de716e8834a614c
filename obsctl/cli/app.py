"""The door: the verbs, the single error boundary, and the exit codes.

0 fine; 1 checked, and it failed; 2 bad usage or spec; 3 could not look or could not start; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

from obsctl import __version__
from obsctl.cli.check import check
from obsctl.cli.doctor import doctor
from obsctl.cli.down import down
from obsctl.cli.init import init
from obsctl.cli.logs import logs
from obsctl.cli.render import render
from obsctl.cli.restart import restart
from obsctl.cli.status import status
from obsctl.cli.top import top
from obsctl.cli.trace import trace
from obsctl.cli.ui import ui
from obsctl.cli.up import up
from obsctl.cli.verify import verify
from obsctl.errors import InterruptedByUser, ObsctlError, UsageError, require_platform
from obsctl.report import streams
from obsctl.result import Result, failed

REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.EIO}
)
"""What the system may refuse whoever asks."""

VERBS = (init, render, check, up, verify, trace, top, ui, status, logs, restart, down, doctor)

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
    """The program, once it is loaded."""
    streams.prepare()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str], *, platform: str = sys.platform) -> int:
    """Run one command; its exit status. Every error becomes a sentence here, or an envelope with ``--json``."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        require_platform(platform)
        status = int(app(list(arguments), standalone_mode=False) or 0)
        return _interrupted(arguments) if status == InterruptedByUser.exit_status else status
    except ObsctlError as error:
        return _fail(arguments, error)
    except typer.TyperException as error:
        return _fail(arguments, _usage(error))
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(arguments)
    except BrokenPipeError:
        streams.discard()
        return 0
    except OSError as error:
        return _fail(arguments, _refused(error) if error.errno in REFUSALS else _bug(error))
    except Exception as error:  # noqa: BLE001 - the boundary: a bug becomes a sentence, its traceback a file
        interrupted = isinstance(error.__cause__, KeyboardInterrupt)  # in a class body, Python 3.11 wraps it
        return _interrupted(arguments) if interrupted else _fail(arguments, _bug(error))


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
    from obsctl.report import console

    result = failed(_verb(arguments), error)
    shows: list[Callable[[Result], None]] = [console.show]
    if _wants_json(arguments):
        from obsctl.report import json

        shows.insert(0, json.show)
    for show in shows:  # where stdout takes nothing any more, stderr may
        with contextlib.suppress(OSError):
            show(result)
            sys.stdout.flush()
            break
        streams.discard()
    return error.exit_status


def _wants_json(arguments: Sequence[str]) -> bool:
    if "--json" in arguments:
        return True
    to_stdout = not any(a.startswith(("-o", "--output")) for a in arguments)
    return to_stdout and ("--format=json" in arguments or ("--format", "json") in itertools.pairwise(arguments))


def _verb(arguments: Sequence[str]) -> str:
    names = {verb.__name__ for verb in VERBS}
    return next((a for a in arguments if a in names), "obsctl")


def _refused(error: OSError) -> ObsctlError:
    """No bug of ours: the machine would not do it."""
    where = f"{error.filename}: " if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "make room on that disk" if full else "`obsctl doctor` looks at what this machine and this folder allow"
    return ObsctlError(f"{where}{error.strerror}", hint=hint)


def _bug(error: Exception) -> ObsctlError:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="obsctl-", suffix=".txt", delete=False, encoding="utf8") as file:
        traceback.print_exception(error, file=file)
    message = f"obsctl itself failed: {type(error).__name__}: {error}"
    return ObsctlError(message, hint=f"this is a bug; please report it with the details in {file.name}")


if __name__ == "__main__":
    main()
