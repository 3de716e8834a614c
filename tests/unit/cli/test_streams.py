"""Where output goes: missing, closed, full or in a narrow encoding, it never costs a traceback or a wrong exit code."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from obsctl.cli import app as door
from obsctl.errors import StartError
from obsctl.report import streams

SAID = "✓ ok · a → b … é 日 \udcff"


@pytest.fixture(autouse=True)
def _keep_signal_handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "+ ok - a -> b ... \\xe9 \\u65e5 \\udcff"),
        ("latin-1", "+ ok · a -> b ... é \\u65e5 \\udcff"),
        ("utf-8", "✓ ok · a → b … é 日 \\udcff"),
    ],
)
def test_what_an_encoding_lacks_is_written_in_another_way(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    streams.prepare()
    stream.write(SAID)
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == shown  # type: ignore[attr-defined]


def obsctl(shell: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = shell.replace("obsctl", f"{sys.executable} -m obsctl")
    environment = {**os.environ, "PYTHONPATH": str(Path(door.__file__).parents[2])}
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize(
    ("shell", "status"),
    [
        ("obsctl status >&-", 1),
        ("obsctl status --json >&-", 1),
        ("obsctl status >&- 2>&-", 1),
        ("obsctl status >/dev/full", 3),
        ("obsctl status --json >/dev/full", 3),
        ("obsctl status 2>/dev/full", 1),
        ("obsctl nonsense 2>/dev/full", 2),
        ("{ obsctl status; echo $? >status; } | true; exit $(cat status)", 1),
        ("{ obsctl init new --json; echo $? >status; } | true; exit $(cat status)", 0),
    ],
)
def test_streams_that_are_closed_full_or_no_longer_read(tmp_path: Path, shell: str, status: int) -> None:
    done = obsctl(shell, tmp_path)
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "bug" not in done.stderr
    if "/dev/full" in shell and status == 3:
        assert "No space left on device" in done.stderr


def test_what_the_system_refuses_is_no_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device", "/data/x")

    monkeypatch.setattr("obsctl.ops.status.status", full)
    assert door.run(["status"]) == 3
    assert capsys.readouterr().err == "error: /data/x: No space left on device\nhint:  make room on that disk\n"


@pytest.mark.parametrize(
    ("arguments", "json_on_stdout"),
    [
        (["verify", "--format", "json"], True),
        (["verify", "--format=json"], True),
        (["verify", "--format", "junit"], False),
        (["verify", "--format", "json", "--output", "x.json"], False),
    ],
)
def test_an_error_comes_in_the_format_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], json_on_stdout: bool
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise StartError("no stack is running")

    monkeypatch.setattr("obsctl.ops.verify.verify", refuse)
    assert door.run(arguments) == 3
    printed = capsys.readouterr()
    if json_on_stdout:
        assert json.loads(printed.out)["errors"][0]["message"] == "no stack is running"
    else:
        assert (printed.out, printed.err) == ("", "error: no stack is running\n")


@pytest.mark.parametrize(
    "arguments", [["verify", "--timeout", "inf"], ["up", "--timeout", "1e300"], ["trace", "last", "--wait", "inf"]]
)
def test_no_option_waits_for_ever(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert door.run(arguments) == 2
    assert "86400" in capsys.readouterr().err
