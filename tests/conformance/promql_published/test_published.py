"""The embedded server answers Prometheus' published test scripts as they say, but for what is listed.

What is listed or left out as experimental, the real Prometheus does not answer so either without a feature flag.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import required
from tests.conformance import products
from tests.conformance.promql_published import servers
from tests.conformance.promql_published.exempt import reason
from tests.conformance.promql_published.run import Outcome, run, scripts, table
from tests.conformance.promql_published.script import segments

LISTED = Path(__file__).parents[2] / "scripts" / "promql" / "published.txt"
FLAG = "promql-delayed-name-removal"
MANY = 900
"""Evaluations that are neither about native histograms nor experimental."""

WRONG = """
load 1m
  m{a="1"} 1 2 3
  m{a="2"} 5+1x2
  le{x="y"} 1

eval instant at 1m m
  m{a="1"} 2
  m{a="2"} 6.001

eval instant at 1m m
  m{a="1"} 2

eval instant at 1m m{a="1"}
  m{a="1"} 2
  m{a="2"} 6

eval instant at 1m sort(m)
  expect ordered
  m{a="2"} 6
  m{a="1"} 2

eval range from 0 to 2m step 1m m{a="1"}
  m{a="1"} 1 2 _

eval range from 0 to 2m step 1m m{a="1"}
  m{a="1"} 1 2 4

eval instant at 1m 1 + 1
  3

eval instant at 1m "text"
  expect string "other"

eval instant at 1m m[2m]
  expect range vector from 0 to 2m step 1m
  m{a="1"} 1 2 3
  m{a="2"} 5 6 7

eval instant at 1m m
  expect fail

eval instant at 1m m + on() m
  m 1

eval instant at 1m label_replace(m, "a", "", "", "")
  expect fail msg: something else

eval instant at 1m histogram_quantile(0.9, le)
  expect no_warn

eval instant at 1m histogram_quantile(0.9, le)
  expect warn msg: something else

eval_ordered instant at 1m sort_desc(m)
  m{a="1"} 2
  m{a="2"} 6
"""


def listed() -> set[str]:
    return {line for line in LISTED.read_text(encoding="utf8").splitlines() if line and not line.startswith("#")}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    needed = "prometheus" in os.environ.get(required.VARIABLE, "").split(",")
    found = scripts(download=needed)
    if not found:
        required.missing("prometheus", "no source of Prometheus in Go's module cache, where its test scripts are")
    return found


def failures(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.key: f"line {outcome.line}: {outcome.failed}" for outcome in outcomes if outcome.failed}


def test_the_embedded_server_answers_as_the_scripts_say(texts: dict[str, str]) -> None:
    with servers.embedded() as server:
        outcomes = run(server, texts)
    print(table(outcomes))
    assert sum(not outcome.skipped for outcome in outcomes) > MANY
    failed = failures(outcomes)
    assert {key: why for key, why in failed.items() if key not in listed()} == {}
    assert listed() <= failed.keys(), "answered as the script says by now: take it off the list"


def test_what_is_listed_needs_a_feature_flag(texts: dict[str, str]) -> None:
    if products.prometheus_program() is None:
        required.missing("prometheus", f"no Prometheus 3; {products.HINT}")
    some = {name: text for name, text in texts.items() if any(key.startswith(f"{name}: ") for key in listed())}
    with servers.prometheus() as plain, servers.prometheus(FLAG) as flagged:
        assert failures(run(plain, some)).keys() == listed()
        assert failures(run(flagged, some)) == {}


def test_what_is_left_out_as_experimental_prometheus_refuses_without_a_feature_flag(texts: dict[str, str]) -> None:
    if products.prometheus_program() is None:
        required.missing("prometheus", f"no Prometheus 3; {products.HINT}")
    left_out = left_out_by_syntax(texts)
    assert len(left_out) > 300
    with servers.prometheus() as plain, plain() as api:
        taken = [expr for expr in left_out if api.query("query", {"query": expr})["status"] == "success"]
    assert taken == []


def left_out_by_syntax(texts: dict[str, str]) -> list[str]:
    found = (asked for text in texts.values() for segment in segments(text) for asked in segment.evals)
    return [asked.expr for asked in found if reason(asked, [], start_times=False).startswith("experimental")]


def test_what_is_answered_otherwise_is_noticed() -> None:
    with servers.embedded() as server:
        outcomes = run(server, {"wrong": WRONG})
    assert [outcome.line for outcome in outcomes if not outcome.failed] == []
    assert len({outcome.failed for outcome in outcomes}) == len(outcomes), "each for a reason of its own"
