"""The single error boundary: every ending has its exit code and a sentence, never a traceback."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from obsctl.cli import app as door
from obsctl.errors import BackendError, InterruptedByUser, NotFoundError, ObsctlError, StartError, UsageError


@pytest.fixture(autouse=True)
def _keep_signal_handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("obsctl.ops.status.status", broken)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError("it is not there", hint="look elsewhere"), 1),
        (UsageError("no"), 2),
        (StartError("no"), 3),
        (BackendError("no"), 3),
        (InterruptedByUser("interrupted"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, status: int
) -> None:
    raising(monkeypatch, error)
    assert door.run(["status"]) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert door.run(["status", "--json"]) == status
    envelope = json.loads(capsys.readouterr().out)
    assert envelope["exit_status"] == status
    assert envelope["command"] == "status"
    assert envelope["errors"][0]["message"] == (str(error) or "interrupted")
    if isinstance(error, ObsctlError):
        assert envelope["errors"][0]["code"] == error.code


def test_a_bug_is_a_sentence_and_its_traceback_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, ZeroDivisionError("division by zero"))
    assert door.run(["status"]) == 3
    printed = capsys.readouterr().err
    assert "obsctl itself failed: ZeroDivisionError: division by zero" in printed
    assert "Traceback" not in printed
    kept = Path(printed.split("details in ")[1].strip())
    assert "Traceback" in kept.read_text()
    kept.unlink()


@pytest.mark.parametrize("arguments", [["nope"], ["up", "--prot-offset", "1"], ["trace"], ["up", "--timeout", "soon"]])
def test_usage_errors_name_the_help_page(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert door.run(arguments) == 2
    assert "--help" in capsys.readouterr().err


def test_every_verb_has_help_with_a_first_sentence_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.run(["--help"]) == 0
    page = capsys.readouterr().out
    assert "..." not in page.split("Commands:")[1]
    for verb in door.VERBS:
        assert f"  {verb.__name__} " in page
        assert door.run([verb.__name__, "--help"]) == 0
        assert "--json" in capsys.readouterr().out


def test_no_verb_shows_the_help_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.run([]) == 2
    assert "Commands:" in capsys.readouterr().out


def test_windows_gets_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.run(["check"], platform="win32") == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "error: obsctl runs on Linux and macOS; on Windows, install and run it inside WSL\n"
    assert door.run(["up", "--json"], platform="win32") == 3
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "platform"
