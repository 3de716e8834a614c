"""One verification in every format: same facts, hostile text harmless."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from obsctl.checks.base import (
    CheckStatus,
    Evidence,
    Outcome,
    Signal,
    SignalLag,
    StackVerification,
    Verdict,
    Verification,
)
from obsctl.checks.run import fold
from obsctl.errors import StartError, UsageError
from obsctl.probes import ProbeRequest, ProbeRun
from obsctl.report import formats
from obsctl.report.formats import WRITERS, require_format, show
from obsctl.report.json import dumps
from obsctl.report.verification import print_to as print_verification

REQUEST = ProbeRequest(
    "match", "POST", "/matches", "http://x/matches", "a" * 32, "b" * 16, "rid", "obsctl=1", 1.0, 0.01, 202
)
RUN = ProbeRun("r1", "canary-1", 1.0, 2.0, (REQUEST,))


def outcome(check: str, status: CheckStatus, summary: str = "as it should be", answer: str = "1") -> Outcome:
    hint = "look at `obsctl logs`" if status is CheckStatus.FAIL else ""
    return Outcome(check, Signal.METRICS, Verdict(status, summary, (Evidence("up", answer),), hint), 0.5)


ALL = (
    outcome("a.pass", CheckStatus.PASS),
    outcome("b.fail", CheckStatus.FAIL, "two are missing"),
    outcome("c.skip", CheckStatus.SKIP, "no such backend"),
    outcome("d.error", CheckStatus.ERROR, "refused"),
)


LAGS = (
    SignalLag(Signal.METRICS, 2.0, 2.5, items=3, proven=2.2),
    SignalLag(Signal.TRACES, 0.4, 0.4, items=4, missing=1, at_most=True),
    SignalLag(Signal.LOGS, missing=2),
)


def test_every_format_states_the_lag_of_each_signal() -> None:
    late = StackVerification((Verification("cv", RUN, ALL, 2.5, lags=LAGS),), 2.5)
    said = "metrics p50 2.00 s, worst 2.50 s; traces at most 0.40 s, 1 never came; logs never came"
    assert said in WRITERS["table"](late)
    assert said in WRITERS["markdown"](late)
    lag = json.loads(WRITERS["json"](late))["data"]["services"][0]["lag"]
    assert lag["metrics"] == {"p50_seconds": 2.0, "worst_seconds": 2.5, "at_most": False, "found": 3, "missing": 0}
    assert (lag["traces"]["at_most"], lag["logs"]["worst_seconds"]) == (True, None)
    properties = {p.get("name"): p.get("value") for p in ET.fromstring(WRITERS["junit"](late)).iter("property")}
    assert (properties["lag.metrics.p50"], properties["lag.metrics.worst"]) == ("2.000", "2.500")
    assert (properties["lag.traces.missing"], properties["lag.logs.missing"]) == ("1", "2")


def verification(*outcomes: Outcome) -> StackVerification:
    return StackVerification((Verification("cv", RUN, outcomes, 2.5, "a" * 32),), 2.5)


PASSIVE = ProbeRun("r2", "", 1.0, 61.0, window=60.0)
TWO = StackVerification(
    (Verification("cv", RUN, ALL[:1], 2.5, "a" * 32), Verification("ledger", PASSIVE, ALL[1:2], 1.5)), 2.6
)


def test_one_service_that_failed_is_a_failure_of_all() -> None:
    assert (TWO.exit_status, TWO.passed, TWO.count(CheckStatus.PASS), TWO.count(CheckStatus.FAIL)) == (1, False, 1, 1)
    assert StackVerification(TWO.services[:1], 1.0).exit_status == 0
    assert StackVerification((), 0.0).exit_status == 3


def test_every_format_names_each_service_and_how_it_was_looked_at() -> None:
    how = "verified passively over the last 60 s"
    table = WRITERS["table"](TWO)
    assert table.index("cv\n") < table.index("a.pass") < table.index(f"ledger  no requests to drive: {how}")
    assert "1 passed, 1 failed; 2 services, 1 requests driven, 2.6 s" in table
    assert how in WRITERS["markdown"](TWO)
    suites = ET.fromstring(WRITERS["junit"](TWO))
    assert [s.get("name") for s in suites] == ["obsctl verify cv", "obsctl verify ledger"]
    assert suites[1].find("properties/property").get("value").endswith(how)
    data = json.loads(WRITERS["json"](TWO))["data"]
    assert [(s["service"], s["passive_window_seconds"]) for s in data["services"]] == [("cv", None), ("ledger", 60.0)]
    assert [(c["service"], c["id"]) for c in data["checks"]] == [("cv", "a.pass"), ("ledger", "b.fail")]
    assert (data["service"], data["run"], data["counts"]) == ("cv", "r1", {"pass": 1, "fail": 1})


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [(ALL, 1), (ALL[:1], 0), ((ALL[0], ALL[2]), 0), ((ALL[0], ALL[3]), 3), ((ALL[2],), 3), ((), 3)],
)
def test_exit_status(outcomes: tuple[Outcome, ...], status: int) -> None:
    assert verification(*outcomes).exit_status == status


def test_json_holds_everything_in_the_envelope() -> None:
    value = json.loads(WRITERS["json"](verification(*ALL)))
    assert (value["schema"], value["command"], value["ok"], value["exit_status"]) == (
        "obsctl.result/1",
        "verify",
        False,
        1,
    )
    assert value["data"]["counts"] == {"pass": 1, "fail": 1, "skip": 1, "error": 1}
    assert value["data"]["checks"][1]["evidence"] == [{"query": "up", "answer": "1"}]
    assert value["data"]["requests"][0]["trace_id"] == "a" * 32


def test_junit_counts_and_elements() -> None:
    suite = ET.fromstring(WRITERS["junit"](verification(*ALL)))
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    by_name = {case.get("name"): case for case in suite}
    assert by_name["b.fail"].find("failure").get("message") == "two are missing"
    assert by_name["a.pass"].find("failure") is None
    assert "up\n  1" in by_name["a.pass"].find("system-out").text


def because(check: str, status: CheckStatus, *causes: str) -> Outcome:
    one = outcome(check, status, "nothing to judge")
    return replace(one, verdict=replace(one.verdict, because=causes))


CHAIN = fold(
    (
        outcome("a.fail", CheckStatus.FAIL, "api does not run"),
        because("b.fail", CheckStatus.FAIL, "x.gone", "a.fail"),
        because("c.error", CheckStatus.ERROR, "b.fail"),
        because("d.fail", CheckStatus.FAIL, "e.fail"),
        outcome("e.fail", CheckStatus.FAIL, "of its own"),
    )
)


def test_what_an_earlier_red_check_explains_is_folded_under_the_first_one() -> None:
    assert [(o.check, o.cause, o.verdict.status) for o in CHAIN] == [
        ("a.fail", "", CheckStatus.FAIL),
        ("b.fail", "a.fail", CheckStatus.SKIP),
        ("c.error", "a.fail", CheckStatus.SKIP),
        ("d.fail", "e.fail", CheckStatus.SKIP),
        ("e.fail", "", CheckStatus.FAIL),
    ]
    assert CHAIN[1].verdict.summary == "could not be judged because of a.fail: nothing to judge"
    assert CHAIN[1].verdict.evidence


def test_of_two_that_name_each_other_the_earlier_one_is_the_cause() -> None:
    pair = (because("a.fail", CheckStatus.FAIL, "b.fail"), because("b.fail", CheckStatus.FAIL, "a.fail"))
    assert [o.cause for o in fold(pair)] == ["", "a.fail"]


def test_a_green_check_and_one_whose_causes_are_green_are_not_folded() -> None:
    green = outcome("a.pass", CheckStatus.PASS)
    outcomes = (green, because("b.pass", CheckStatus.PASS, "a.pass"), because("c.fail", CheckStatus.FAIL, "a.pass"))
    assert fold(outcomes) == outcomes


def test_every_format_shows_one_finding_for_one_cause() -> None:
    result = verification(*CHAIN)
    said = "2 checks could not be judged: b.fail, c.error"
    assert result.exit_status == 1
    assert said in WRITERS["table"](result)
    assert "nothing to judge" not in WRITERS["table"](result)
    assert f"**Because of it:** {said}" in WRITERS["markdown"](result)
    assert "| `b.fail` |" not in WRITERS["markdown"](result)
    checks = {c["id"]: c for c in json.loads(WRITERS["json"](result))["data"]["checks"]}
    assert checks["a.fail"]["folds"] == ["b.fail", "c.error"]
    assert (checks["c.error"]["cause"], checks["c.error"]["status"]) == ("a.fail", "skip")
    suite = ET.fromstring(WRITERS["junit"](result))
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("2", "0", "3")


def test_every_format_shows_what_was_unusual_in_a_green_run() -> None:
    one = outcome("a.pass", CheckStatus.PASS)
    result = verification(replace(one, verdict=replace(one.verdict, notes=("half of the lines have no ids",))))
    assert result.exit_status == 0
    for name, write in WRITERS.items():
        assert "half of the lines have no ids" in write(result), name


def test_markdown_shows_evidence_of_what_is_not_green() -> None:
    text = WRITERS["markdown"](verification(*ALL))
    assert "1 passed, 1 failed, 1 could not be looked at, 1 skipped" in text
    assert "### ❌ b.fail" in text
    assert "### ✅ a.pass" not in text


@given(st.text(max_size=200))
def test_whatever_telemetry_says_every_format_stays_whole(said: str) -> None:
    result = verification(outcome("b.fail", CheckStatus.FAIL, said, said))
    ET.fromstring(WRITERS["junit"](result))
    assert json.loads(WRITERS["json"](result))["data"]["checks"][0]["id"] == "b.fail"
    table = WRITERS["table"](result)
    assert not any((ord(c) < 32 and c != "\n") or ord(c) == 127 for c in table)
    assert "\x1b" not in WRITERS["markdown"](result)


def test_an_unknown_format_lists_what_there_is() -> None:
    with pytest.raises(UsageError, match="none of table, json, junit, markdown"):
        require_format("xml")


def test_output_goes_to_the_file_and_the_table_to_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(verification(*ALL), "junit", tmp_path / "out.xml", evidence=False)
    assert ET.fromstring((tmp_path / "out.xml").read_text()).get("tests") == "4"
    assert "✗ FAIL  b.fail" in capsys.readouterr().out
    with pytest.raises(StartError, match="cannot write"):
        show(verification(*ALL), "junit", tmp_path / "no" / "out.xml", evidence=False)
    assert "✗ FAIL  b.fail" in capsys.readouterr().out  # the result is not lost
    assert formats.envelope(verification(*ALL)).exit_status == 1


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_never_carries_what_a_terminal_would_obey(value: object) -> None:
    text = dumps(value)
    assert text.isprintable()
    assert json.loads(text) == value


def on_a_terminal(result: Verification, width: int) -> list[str]:
    file = io.StringIO()
    out = Console(file=file, force_terminal=True, width=width, color_system=None, highlight=False)
    print_verification(out, result, evidence=True)
    return file.getvalue().split("\n")


@pytest.mark.parametrize("width", [40, 60, 80, 250])
def test_on_a_terminal_long_texts_are_folded_beside_their_heads(width: int) -> None:
    said = " ".join(f"word{number}" for number in range(60))
    lines = on_a_terminal(verification(outcome("metrics.exact", CheckStatus.FAIL, said, said)), width)
    assert max(map(len, lines)) <= width
    body, total = lines[: lines.index("")], lines[-2]
    assert body[0].startswith("✗ FAIL  metrics.exact")
    assert all(line.startswith("          ") for line in body[1:])
    assert " ".join(" ".join(body).split()).count("word59") == 2
    assert "1 failed" in total
