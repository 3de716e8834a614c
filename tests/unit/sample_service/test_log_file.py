"""``LOG_FILE``: the lines of stdout in a file, for a shipper that follows files."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sample_service import config, logs


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_the_file_has_what_stdout_has(tmp_path: Path) -> None:
    out, path = io.StringIO(), tmp_path / "api.log"
    logs.setup("api", out, log_file=str(path))
    logging.getLogger("sample_service.test").info("hello")
    logging.getLogger("opentelemetry.sdk").warning("no collector")
    logging.getLogger("opentelemetry.sdk").warning("no collector")
    assert path.read_text() == out.getvalue()
    assert [json.loads(line)["message"] for line in path.read_text().splitlines()] == ["hello", "no collector"]


def test_a_file_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    out = io.StringIO()
    logs.setup("api", out, log_file=str(tmp_path / "nowhere" / "api.log"))
    logging.getLogger("sample_service.test").info("hello")
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["level"] for line in told] == ["error", "info"]
    assert "cannot write the log file" in told[0]["message"]


def test_the_file_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_FILE_BYTES", 2000)
    logs.setup("api", io.StringIO(), log_file=str(tmp_path / "api.log"))
    for number in range(50):
        logging.getLogger("sample_service.test").info("line %d", number)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["api.log", "api.log.1"]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.iterdir())


def test_the_environment_names_it() -> None:
    assert config.load("api", {"LOG_FILE": "/var/log/sample/api.log"}).log_file == "/var/log/sample/api.log"
    assert config.load("api", {}).log_file == ""
