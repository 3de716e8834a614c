"""Progress and tables: narrow terminals stay readable, and nobody reading costs no work."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest

from obsctl.events import Event, LogText
from obsctl.report import console
from obsctl.report.loglines import show
from obsctl.result import Result

STATUS = Result(
    "status",
    {
        "processes": [
            {"name": "backend", "state": "running", "pid": 30017, "uptime_seconds": 3.0, "memory_bytes": 77 * 1024**2}
        ],
        "endpoints": [
            {"name": "otlp-grpc", "url": "http://127.0.0.1:30317", "ready": True, "why": ""},
            {"name": "traces", "url": "http://127.0.0.1:42686", "ready": True, "why": ""},
        ],
    },
    ("everything runs and is ready",),
)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, result: Result, width: int) -> str:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    console.show(result)
    return stream.getvalue()


def test_a_status_fits_forty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, STATUS, 40).splitlines()
    assert max(map(len, lines)) <= 40
    assert "otlp-grpc  http://127.0.0.1:30317  ready" in lines
    assert not any("WHY" in line for line in lines)


def test_a_reason_is_folded_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    why = "refused the connection " * 4
    refused = {"name": "traces", "url": "http://127.0.0.1:42686", "ready": False, "why": why}
    text = shown(monkeypatch, Result("status", {"endpoints": [refused]}), 70)
    assert "traces  http://127.0.0.1:42686  no" in text
    assert "WHY" in text
    assert " ".join(text.split()).count("refused") == 4
    assert len(text.splitlines()) > 3


def test_without_a_terminal_columns_stand_below_each_other_and_no_line_ends_in_blanks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wide = {"name": "日本", "url": "http://127.0.0.1:1", "ready": False, "why": "refused " * 40}
    console.show(Result("status", {"endpoints": [*STATUS.data["endpoints"], wide]}, ("one",)))
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "NAME       URL                     READY  WHY"
    assert lines[0] == "otlp-grpc  http://127.0.0.1:30317  ready"
    assert lines[2] == "日本       http://127.0.0.1:1      no     " + ("refused " * 40).rstrip()
    assert lines[3:] == ["one"]


def test_colours_come_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console.show(STATUS)
    assert "\x1b[" not in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    console.show(STATUS)
    assert "\x1b[32mrunning" in capsys.readouterr().out


def test_progress_that_nobody_reads_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", closefd=False) as gone:
        monkeypatch.setattr(sys, "stderr", gone)
        emit = console.progress()
        emit(Event("started", "api", "not running"))
        emit(Event("ready", "api", "http://127.0.0.1:8000", 1.0))
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_log_lines_keep_their_tabs_and_nothing_else_that_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    message = json.dumps({"level": "info", "message": "a\tb", "stack": "x\ty"})
    lines = ("1\tGET\t/cvs", "\tat main\x1b[2J\ue000", message)
    show([LogText("api", line) for line in lines], json=False)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "api      1\tGET\t/cvs"
    assert second == "api      \tat main\\x1b[2J\\ue000"
    assert third.endswith("a\tb  stack=x\ty")
