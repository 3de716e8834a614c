from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from obsctl.errors import StartError
from obsctl.ops.last_run import FILE, most_representative_trace, recall, remember
from obsctl.probes import ProbeRequest, ProbeRun
from obsctl.spec.contract import Contract, TraceRule

SHORT = ProbeRequest("home", "GET", "/", "http://x/", "a" * 32, "b" * 16, "obsctl-r-1", "obsctl=r", 1.0, 0.1, 200)
LONG = replace(SHORT, step="order", method="POST", route="/orders", trace_id="c" * 32, sent_at=2.0)
RULES = (TraceRule("GET /", ("web",)), TraceRule("POST /orders", ("web", "worker")))
CONTRACT = Contract("shop", components=("web", "worker"), traces=RULES)


def run(*requests: ProbeRequest) -> ProbeRun:
    return ProbeRun("r", "canary-1", 0.0, 3.0, requests)


@pytest.mark.parametrize(
    ("requests", "chosen"),
    [
        ((LONG, SHORT), LONG),
        ((LONG, replace(LONG, trace_id="d" * 32, sent_at=9.0)), replace(LONG, trace_id="d" * 32)),
        ((SHORT, replace(LONG, error="was answered 500, not 202")), SHORT),
    ],
    ids=["most components", "the latest", "failed ones last"],
)
def test_the_trace_that_shows_most_is_chosen(requests: tuple[ProbeRequest, ...], chosen: ProbeRequest) -> None:
    assert most_representative_trace(run(*requests), CONTRACT) == chosen.trace_id


def test_a_run_without_requests_has_no_trace() -> None:
    assert most_representative_trace(run(), CONTRACT) == ""


def test_what_is_remembered_is_recalled(tmp_path: Path) -> None:
    remember(tmp_path, run(SHORT), SHORT.trace_id)
    assert recall(tmp_path) == SHORT.trace_id


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"trace_id": 7}', '{"trace_id": ""}'])
def test_without_a_run_there_is_no_last_trace(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_text(content)
    with pytest.raises(StartError, match="there is no last trace"):
        recall(tmp_path)
