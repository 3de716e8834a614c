"""The results of the last runs of ``verify``, kept in the state folder for the pages.

A file has two lines, each a JSON object: what a list of runs shows, and the whole result.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from obsctl.checks.base import CheckStatus, StackVerification
from obsctl.errors import NotFoundError
from obsctl.json_types import JsonObject, mapping
from obsctl.runtime.state import make_private, replace_file

FOLDER = "runs"
KEPT = 20
"""Runs that are kept: the oldest go first."""

_IDENT = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{6}")
_VERDICTS = {0: "pass", 1: "fail"}


def new_run_id() -> str:
    """An id of a run that begins now; they sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class KeptAs:
    """How the result of a run is kept: what is made of it, and under which id."""

    document: Callable[[StackVerification], JsonObject]
    ident: str = field(default_factory=new_run_id)


def keep(home: Path, result: StackVerification, kept_as: KeptAs) -> None:
    """Store a result. Raises OSError."""
    ident, document = kept_as.ident, kept_as.document(result)
    folder = home / FOLDER
    make_private(folder)
    summary = {
        "id": ident,
        "at": round(time.time() - result.seconds, 3),
        "verdict": _VERDICTS.get(result.exit_status, "error"),
        "counts": {status.value: result.count(status) for status in CheckStatus},
        "services": [service.service for service in result.services],
        "seconds": round(result.seconds, 3),
    }
    replace_file(folder / f"{ident}.json", f"{json.dumps(summary)}\n{json.dumps(document)}\n")
    for old in sorted(folder.glob("*.json"), reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)


def kept(home: Path) -> list[JsonObject]:
    """What a list shows of each run, newest first; a file that cannot be read is left out."""
    found = []
    for file in sorted((home / FOLDER).glob("*.json"), reverse=True):
        with contextlib.suppress(OSError, ValueError, TypeError), file.open(encoding="utf8") as lines:
            found.append(mapping(json.loads(lines.readline())))
    return found


def load(home: Path, ident: str) -> JsonObject:
    """A run, its summary and its whole result in one; what both have is as the result has it. NotFoundError."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        if _IDENT.fullmatch(ident):
            summary, result = (home / FOLDER / f"{ident}.json").read_text(encoding="utf8").splitlines()
            return {**mapping(json.loads(summary)), **mapping(json.loads(result))}
    raise NotFoundError(f"there is no run {ident!r}", hint=f"the last {KEPT} runs are kept")
