"""The generated rules and their tests, run by the real ``promtool`` where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from obsctl.errors import Place, StartError
from obsctl.lint.catalogue import BY_ID
from obsctl.lint.finding import Finding
from obsctl.render.desired import File

TOOL = "promtool"
PATIENCE = 120.0
_SHOWN = 600


def installed() -> str | None:
    """Where promtool is, if it is."""
    return shutil.which(TOOL)


def run_rule_tests(tool: str, rules: Sequence[File], tests: Sequence[File], folder: str) -> tuple[Finding, ...]:
    """What promtool has against rules and tests; ``folder`` is where a reader finds the files.

    Raises StartError when it cannot be run, or does not end.
    """
    with tempfile.TemporaryDirectory(prefix="obsctl-check-") as name:
        home = Path(name)
        for file in (*rules, *tests):
            path = home / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf8")
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            checked = pool.map(lambda file: _run(tool, "check", file, home), rules)
            tested = pool.map(lambda file: _run(tool, "test", file, home), tests)
            complaints = [*zip(rules, checked, strict=True), *zip(tests, tested, strict=True)]
    return tuple(_findings(complaints, folder))


def _findings(complaints: Sequence[tuple[File, str]], folder: str) -> Iterator[Finding]:
    for file, complaint in complaints:
        if complaint:
            place = Place(f"{folder}/{file.path}")
            yield Finding(BY_ID["rule-tests.failed"], place, PurePosixPath(file.path).name, complaint)


def _run(tool: str, what: str, file: File, home: Path) -> str:
    """What is wrong with a file; "" for nothing."""
    path = PurePosixPath(file.path)
    command = [tool, what, "rules", path.name]
    try:
        done = subprocess.run(
            command,
            cwd=home / path.parent,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StartError(f"{tool} {what} rules {path.name} did not end within {PATIENCE:g} s") from error
    except OSError as error:
        raise StartError(f"{tool} could not be run: {error.strerror}") from error
    output = " ".join((done.stderr + done.stdout).split())
    return "" if done.returncode == 0 else f"{TOOL} {what} rules: {output[:_SHOWN] or f'exit status {done.returncode}'}"
