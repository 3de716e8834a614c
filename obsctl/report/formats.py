"""A verification in the format that was asked for, on stdout or in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from obsctl.checks.base import StackVerification
from obsctl.errors import StartError, UsageError
from obsctl.report import json as as_json
from obsctl.report.junit import junit
from obsctl.report.markdown import markdown
from obsctl.report.verification import render
from obsctl.report.verification import show as show_table
from obsctl.result import Result

WRITERS: Mapping[str, Callable[[StackVerification], str]] = {
    "table": lambda result: render(result, evidence=False),
    "json": lambda result: as_json.dumps(envelope(result).envelope()) + "\n",
    "junit": junit,
    "markdown": markdown,
}


def require_format(name: str) -> str:
    """The format's name, or a UsageError that lists what there is."""
    if name not in WRITERS:
        raise UsageError(f"--format {name!r} is none of {', '.join(WRITERS)}", hint="leave it out for a table")
    return name


def envelope(result: StackVerification) -> Result:
    """A verification as a verb's result."""
    return Result("verify", as_json.verification(result), exit_status=result.exit_status)


def show(result: StackVerification, chosen: str, output: Path | None, *, evidence: bool) -> None:
    """Write it to ``output``, or to stdout; with ``output`` the table goes to stdout all the same.

    The table comes first, so that a path that cannot be written does not cost the result.
    """
    if output is not None or chosen == "table":
        show_table(result, evidence=evidence)
    else:
        sys.stdout.write(WRITERS[chosen](result))
    if output is not None:
        _write(output, WRITERS[chosen](result))


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf8")
    except OSError as error:
        raise StartError(f"cannot write {output}: {error.strerror}", hint="choose another path for --output") from error
