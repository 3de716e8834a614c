"""Which hop the evidence speaks against: the first one on the way, in one sentence with what mends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from obsctl.clients.intake import IntakeCounts
from obsctl.ops.hop_evidence import log_source
from obsctl.ops.hops import HopEvidence, WatchedLogs, lost_at

OTLP, GRPC = "http://127.0.0.1:4318", "http://127.0.0.1:4317"


def hop(signal: str = "traces", counts: dict[tuple[str, ...], float] | None = None, **more: object) -> tuple[str, str]:
    evidence = HopEvidence(signal, ("ledger",), IntakeCounts(counts or {}), OTLP, GRPC, **more)  # type: ignore[arg-type]
    found = lost_at(evidence)
    return (found.name, str(found)) if found else ("", "")


@pytest.mark.parametrize(
    ("signal", "counts", "name", "says"),
    [
        ("traces", {}, "service does not export", "no traces came in by OTLP in this time: ledger does not export"),
        ("traces", {("received", "traces", "http"): 9}, "service does not export", "but none of ledger"),
        ("traces", {("unknown path", "/"): 2}, "wrong path", f"2 requests to {OTLP}/ were answered 404"),
        ("logs", {("unknown path", "other"): 1}, "wrong path", f"send logs to {OTLP}/v1/logs"),
        ("traces", {("other protocol", "http2", "4318"): 3}, "wrong protocol", f"send gRPC to {GRPC}"),
        ("metrics", {("refused", "metrics", "http", "415"): 1}, "receiver refused", "http/protobuf"),
        ("traces", {("refused", "traces", "grpc", "413"): 1}, "receiver refused", "export smaller batches"),
        ("traces", {("collector refused", "traces", "grpc"): 5}, "collector refused", "5 spans (grpc)"),
        ("traces", {("queue full", "traces", "otlp/tempo"): 5}, "queue full", "queue to otlp/tempo is full"),
        ("logs", {("export failed", "logs", "otlphttp"): 4}, "export failed", "could not export 4 logs items"),
        ("logs", {("rejected", "logs", "greater_than_max_sample_age"): 4}, "backend rejected", "max_sample_age"),
        (
            "logs",
            {("dropped", "time too old or too new"): 4},
            "backend rejected",
            "4 log lines were read and not stored",
        ),
    ],
)
def test_each_hop_is_named(signal: str, counts: dict[tuple[str, ...], float], name: str, says: str) -> None:
    found, sentence = hop(signal, counts)
    assert found == name
    assert says in sentence
    assert sentence.endswith("` shows more")


def test_refusals_of_another_signal_explain_nothing() -> None:
    assert hop("traces", {("refused", "logs", "http", "400"): 1})[0] == "service does not export"
    assert hop("traces", {("dropped", "time too old or too new"): 1})[0] == "service does not export"


def test_the_first_hop_on_the_way_is_named() -> None:
    counts = {("unknown path", "/"): 1.0, ("export failed", "traces", "otlp"): 2.0}
    assert hop("traces", counts, strangers=("other",))[0] == "wrong path"
    assert hop("traces", strangers=("other",))[0] == "other name"
    assert hop("traces", indexing="indexing of traces is behind")[0] == "query side"


def test_an_older_spec_explains_what_the_stack_collects_itself() -> None:
    source = WatchedLogs("ledger", "*.log", files=("a.log",), grown=("a.log",))
    assert hop("logs", stale=("replace backend: changed",), sources=(source,))[0] == "older spec"
    assert hop("metrics", stale=("replace backend: changed",))[0] == "older spec"
    assert hop("traces", stale=("replace backend: changed",))[0] == "service does not export"


def test_what_lies_in_the_folder_of_a_log_file(tmp_path: Path) -> None:
    def found() -> tuple[str, str]:
        return hop("logs", sources=(log_source("ledger", "x/app*.log", f"{tmp_path}/x/app*.log", since=100.0),))

    assert found()[0] == "shipper: no file"
    assert "and its folder does not exist" in found()[1]
    (tmp_path / "x").mkdir()
    assert "folder" not in found()[1]
    (tmp_path / "x" / "other.log").write_text("line\n")
    assert found()[0] == "shipper: other file"
    (tmp_path / "x" / "app1.log").write_text("line\n")
    assert found() == ("", "")  # it grew: whatever is wrong, it is not the file
    os.utime(tmp_path / "x" / "app1.log", (1, 1))
    assert found()[0] == "shipper: other file"
    os.utime(tmp_path / "x" / "other.log", (1, 1))
    assert found()[0] == "service: no lines"
    unreadable = WatchedLogs("ledger", "*.log", files=("a.log",), unreadable=("a.log",))
    assert hop("logs", sources=(unreadable,))[0] == "shipper: permissions"


def test_counts_since_then_are_differences_and_a_restart_begins_anew() -> None:
    before = IntakeCounts({("a",): 5, ("b",): 7, ("c",): 1})
    assert IntakeCounts({("a",): 6, ("b",): 2, ("c",): 1}).since(before).counts == {("a",): 1, ("b",): 2}
