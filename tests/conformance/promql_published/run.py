"""Runs Prometheus' published test scripts against a server, over remote write and the query API.

    python -m tests.conformance.promql_published                    # the embedded server, all scripts
    python -m tests.conformance.promql_published functions operators
    python -m tests.conformance.promql_published --prometheus       # the real one: is what is asked here right?

The scripts are in the source of Prometheus, in Go's module cache; nothing of them is kept here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.promql_differential.remote_write import request
from tests.conformance.promql_published.exempt import reason
from tests.conformance.promql_published.judge import MINUTE, UnexpectedError, judge, judge_middle, over_range
from tests.conformance.promql_published.notation import Labels
from tests.conformance.promql_published.script import Eval, Load, Segment, segments
from tests.conformance.promql_published.servers import Api, Server
from tests.e2e.images.recipes import RECIPES
from tests.e2e.images.sources import GoPrograms

_SCRIPTS = "promql/promqltest/testdata"
_SERVERS = 3
"""How many are there at once: while one starts, another is asked."""


@dataclass(frozen=True)
class Outcome:
    """What became of one evaluation. ``skipped`` and ``failed`` say why, and are empty otherwise."""

    script: str
    line: int
    expr: str
    skipped: str = ""
    failed: str = ""

    @property
    def key(self) -> str:
        """Which one it is, as long as lines may be added above it."""
        return f"{self.script}: {self.expr}"


def scripts(*, download: bool = False) -> dict[str, str]:
    """The scripts by name; empty when the module is not in Go's cache and is not to be, or cannot be, downloaded."""
    folder = _module(download=download)
    if folder is None:
        return {}
    return {file.stem: file.read_text(encoding="utf8") for file in sorted((folder / _SCRIPTS).glob("*.test"))}


def _module(*, download: bool) -> Path | None:
    """Where the source of Prometheus is: the release that the real one is made from."""
    [source] = [recipe.source for recipe in RECIPES if recipe.name == "prometheus"]
    assert isinstance(source, GoPrograms)
    if not shutil.which("go"):
        return None
    env = {**os.environ} | ({} if download else {"GOPROXY": "off"})
    command = ["go", "mod", "download", "-json", f"{source.module}@{source.versions[0]}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300, cwd="/")
    return Path(json.loads(done.stdout)["Dir"]) if done.returncode == 0 else None


def run(server: Server, texts: Mapping[str, str]) -> list[Outcome]:
    """All evaluations of some scripts, in order."""
    work = [(name, segment) for name, text in texts.items() for segment in segments(text)]
    with ThreadPoolExecutor(_SERVERS) as pool:
        done = pool.map(lambda one: list(_run_segment(server, *one)), work)
        return [outcome for outcomes in done for outcome in outcomes]


def _run_segment(server: Server, name: str, segment: Segment) -> Iterator[Outcome]:
    reasons = list(_reasons(segment))
    if all(reasons):
        yield from (
            Outcome(name, one.line, one.expr, skipped=why) for one, why in zip(segment.evals, reasons, strict=True)
        )
        return
    remaining = iter(reasons)
    with server() as api:
        for command in segment.commands:
            if isinstance(command, Load):
                _load(api, command)
            else:
                why = next(remaining)
                failed = "" if why else _failure(api, command)
                yield Outcome(name, command.line, command.expr, why, failed)


def _reasons(segment: Segment) -> Iterator[str]:
    """Why each evaluation is left out, or nothing."""
    native: list[Labels] = []
    start_times = False
    for command in segment.commands:
        if isinstance(command, Load):
            native += command.native
            start_times |= command.start_times
        else:
            yield reason(command, native, start_times)


def _load(api: Api, command: Load) -> None:
    if any(points for _, points in command.series):
        api.write(request([(dict(labels), dict(points)) for labels, points in command.series if points]))


def _failure(api: Api, asked: Eval) -> str:
    """What is wrong with the answers to an evaluation; empty when nothing is."""
    try:
        judge(asked, _asked(api, asked.expr, asked.start, asked.end, asked.step))
        if over_range(asked):
            judge_middle(asked, _asked(api, asked.expr, asked.start - MINUTE, asked.start + MINUTE, MINUTE))
    except UnexpectedError as difference:
        return str(difference)
    return ""


def _asked(api: Api, expr: str, start: int, end: int, step: int) -> dict[str, Any]:
    if step:
        times = {"start": start / 1000, "end": end / 1000, "step": step / 1000}
        return api.query("query_range", {"query": expr, **times})
    return api.query("query", {"query": expr, "time": start / 1000})


def table(outcomes: Sequence[Outcome]) -> str:
    """Per script: how many evaluations passed, failed and were skipped, and for what reasons."""
    lines = [f"{'script':22}{'passed':>8}{'failed':>8}{'skipped':>9}"]
    for name in sorted({outcome.script for outcome in outcomes}):
        lines.append(_row(name, [outcome for outcome in outcomes if outcome.script == name]))
    return "\n".join([*lines, _row("all", outcomes)])


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    failed = sum(bool(outcome.failed) for outcome in outcomes)
    reasons = Counter(outcome.skipped for outcome in outcomes if outcome.skipped)
    skipped = sum(reasons.values())
    why = ", ".join(f"{count} {reason_}" for reason_, count in reasons.most_common())
    return f"{name:22}{len(outcomes) - failed - skipped:8}{failed:8}{skipped:9}  {why}".rstrip()
