"""Following real files into a real store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.embedded.config import LogFields, LogFiles
from obsctl.embedded.logfiles.follow import LogFollower
from obsctl.embedded.logfiles.lines import parse
from obsctl.embedded.logfiles.tail import Tail
from obsctl.embedded.records import LINE_BYTES
from obsctl.embedded.redaction import Redactor
from obsctl.embedded.self_metrics import ACCEPTED, LOG_LINES_DROPPED, LOG_LINES_TRUNCATED, SelfMetrics
from obsctl.embedded.store.sqlite import SqliteStore
from obsctl.languages.loglines import time_ns

from .conftest import Embedded, eventually

FIELDS = LogFields(("level",), ("trace_id", "span_id", "request_id"))
SCRUB = Redactor((), ())


@contextmanager
def following(store: SqliteStore, path: str | Path, metrics: SelfMetrics | None = None) -> Iterator[None]:
    rules = [LogFiles(str(path), {"service_name": "api"})]
    follower = LogFollower(rules, FIELDS, store, SCRUB, metrics or SelfMetrics(), store.positions())
    try:
        yield
    finally:
        follower.close()


def lines(store: SqliteStore) -> list[str]:
    return [one.line for one in store.lines([], 0, 2**63, direction="forward")]


def append(path: Path, *texts: str, end: str = "\n") -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(text + end for text in texts)


def test_appended_lines_arrive_in_order_and_incomplete_ones_wait(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    append(log, "before")
    with following(store, log):
        eventually(lambda: lines(store) == ["before"])
        append(log, "one", "two")
        append(log, "thr", end="")
        eventually(lambda: lines(store) == ["before", "one", "two"])
        append(log, "ee", "four\r")
        eventually(lambda: lines(store) == ["before", "one", "two", "three", "four"])


def test_equal_lines_are_all_kept(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    append(log, *["same"] * 500)
    with following(store, log):
        eventually(lambda: lines(store) == ["same"] * 500)


def test_files_that_appear_later_and_globs(store: SqliteStore, tmp_path: Path) -> None:
    with following(store, tmp_path / "*.log"):
        append(tmp_path / "a.log", "a")
        append(tmp_path / "b.txt", "not this")
        append(tmp_path / "c.log", "c")
        eventually(lambda: sorted(lines(store)) == ["a", "c"])


def test_a_folder_whose_name_looks_like_a_pattern(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "cv [draft] *?" / "api.log"
    log.parent.mkdir()
    append(log, "one")
    with following(store, log):
        eventually(lambda: lines(store) == ["one"])


def test_rotation_loses_nothing_and_repeats_nothing(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with following(store, log):
        append(log, "one")
        eventually(lambda: lines(store) == ["one"])
        append(log, "two", "last without an end")
        log.rename(tmp_path / "api.log.1")
        append(log, "three")
        eventually(lambda: lines(store) == ["one", "two", "last without an end", "three"])
        append(log, "four")
        eventually(lambda: lines(store)[-1] == "four")


def test_a_rotated_file_that_is_followed_under_its_new_name_is_not_read_again(
    store: SqliteStore, tmp_path: Path
) -> None:
    log = tmp_path / "api.log"
    append(log, "one", "two")
    with following(store, tmp_path / "api.log*"):
        eventually(lambda: lines(store) == ["one", "two"])
        log.rename(tmp_path / "api.log.1")
        append(tmp_path / "api.log.1", "three")
        append(log, "four")
        eventually(lambda: sorted(lines(store)) == ["four", "one", "three", "two"])
    log.rename(tmp_path / "api.log.2")
    append(tmp_path / "api.log.2", "five")
    append(log, "six")
    for _ in range(2):
        with following(store, tmp_path / "api.log*"):
            eventually(lambda: len(lines(store)) >= 6)
        assert sorted(lines(store)) == ["five", "four", "one", "six", "three", "two"]


def test_a_long_last_line_of_a_rotated_file_is_kept(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    append(log, "first")
    with following(store, log):
        eventually(lambda: lines(store) == ["first"])
        append(log, "x" * (3 << 20), end="")
        log.rename(tmp_path / "api.log.1")
        append(log, "next")
        eventually(lambda: [line[:4] for line in lines(store)] == ["firs", "xxxx", "next"])


def test_a_file_that_is_cut_is_read_from_its_start(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    append(log, "a long first line", "second")
    with following(store, log):
        eventually(lambda: len(lines(store)) == 2)
        log.write_text("new\n")
        eventually(lambda: lines(store)[2:] == ["new"])
        shutil.copy(log, tmp_path / "copy")
        log.write_text("longer than what was there before\n")
        eventually(lambda: lines(store)[3:] == ["longer than what was there before"])


def test_a_file_that_is_removed_and_made_again(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    append(log, "one")
    with following(store, log):
        eventually(lambda: lines(store) == ["one"])
        log.unlink()
        append(log, "two")
        eventually(lambda: lines(store) == ["one", "two"])


def test_a_restart_goes_on_where_it_stopped(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    append(log, "one", "two")
    with following(store, log):
        eventually(lambda: len(lines(store)) == 2)
    append(log, "three")
    with following(store, log):
        eventually(lambda: lines(store) == ["one", "two", "three"])
    log.rename(tmp_path / "api.log.1")
    append(tmp_path / "api.log.1", "written before the rotation")
    append(log, "four")
    with following(store, log):
        eventually(lambda: lines(store) == ["one", "two", "three", "written before the rotation", "four"])
    log.write_text("cut\n")
    with following(store, log):
        eventually(lambda: lines(store)[5:] == ["cut"])


def test_closing_stores_what_is_there(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with following(store, log):
        append(log, *map(str, range(1_000)))
    assert lines(store) == [str(number) for number in range(1_000)]


def test_long_lines_are_cut_and_counted_and_do_not_stop_others(store: SqliteStore, tmp_path: Path) -> None:
    log, metrics = tmp_path / "api.log", SelfMetrics()
    append(log, "first", "x" * (3 << 20), "", "last")
    with following(store, log, metrics):
        eventually(lambda: "last" in lines(store))
    assert [len(line) for line in lines(store)] == [5, LINE_BYTES, 4]
    assert metrics.value(LOG_LINES_TRUNCATED) == 1
    assert metrics.value(LOG_LINES_DROPPED, "empty") == 1
    assert metrics.value(ACCEPTED, "logs", "file") == 3


def test_bytes_that_are_no_text_do_not_stop_anything(store: SqliteStore, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_bytes(b"\xff\xfe\x00\nfine\n")
    with following(store, log):
        eventually(lambda: lines(store) == ["\ufffd\ufffd\x00", "fine"])


def test_folders_and_unreadable_paths_are_passed_over(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "folder.log").mkdir()
    (tmp_path / "loop.log").symlink_to(tmp_path / "loop.log")
    append(tmp_path / "good.log", "good")
    with following(store, tmp_path / "*.log"):
        eventually(lambda: lines(store) == ["good"])


@given(data=st.data(), texts=st.lists(st.text(alphabet="abü\r", max_size=10), max_size=20))
def test_however_a_file_grows_its_lines_are_the_same(
    data: st.DataObject, texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = "".join(text + "\n" for text in texts).encode()
    path = tmp_path_factory.mktemp("tail") / "x.log"
    path.touch()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=4)))
    found: list[str] = []
    tails = [Tail(str(path))]
    with ExitStack() as stack:
        stack.callback(lambda: [tail.close() for tail in tails])
        for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            with path.open("ab") as file:
                file.write(content[start:end])
            found += [line.text for line in tails[-1].read()]
            if data.draw(st.booleans()):
                tails.append(Tail(str(path)))
                tails[-1].resume(tails[-2].position)
    assert found == [text.rstrip("\r") for text in texts]


def test_a_json_line_is_kept_whole_with_its_time_and_fields() -> None:
    fields = {"level": "info", "trace_id": "ab", "request_id": 7, "span_id": None}
    line = json.dumps({"timestamp": "2026-01-02T03:04:05.123456789Z", **fields})
    record = parse(line, 1, {"service_name": "api"}, FIELDS, SCRUB)
    assert record.line == line
    assert dict(record.labels) == {"service_name": "api", "level": "info"}
    assert dict(record.metadata) == {"trace_id": "ab", "request_id": "7"}
    assert record.time_ns == 1_767_323_045_123_456_789


OTHER_LINES = ["plain text", "{broken", "[1]", '{"timestamp": "yesterday"}', '{"timestamp": 5}', "{" * 100_000]


@pytest.mark.parametrize("line", OTHER_LINES)
def test_any_other_line_has_its_time_of_arrival(line: str) -> None:
    record = parse(line, 42, {"a": "b"}, FIELDS, SCRUB)
    assert (record.line, record.time_ns, record.labels, record.metadata) == (line, 42, (("a", "b"),), ())


def test_metadata_is_scrubbed_and_the_line_is_not() -> None:
    import re

    scrub = Redactor(["span_*"], [re.compile(r"\w+@\w+")])
    record = parse('{"trace_id": "me@home", "span_id": "s"}', 1, {}, FIELDS, scrub)
    assert (dict(record.metadata), record.line) == ({"trace_id": "****"}, '{"trace_id": "me@home", "span_id": "s"}')


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5+01:00", -3_598_500_000_000),
        ("1970-01-01 00:00:00.000001Z", 1_000),
        ("1970-01-01t00:00:00.1234567891z", 123_456_789),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01", None),
        (5, None),
        (None, None),
    ],
)
def test_times_of_rfc_3339(text: Any, nanoseconds: int | None) -> None:
    assert time_ns(text) == nanoseconds


def test_the_server_follows_files_across_a_kill(embedded: Callable[..., Embedded], tmp_path: Path) -> None:
    log, day = tmp_path / "api.log", (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    rule = {"path": str(tmp_path / "*.log"), "labels": {"service_name": "api"}}
    server = embedded(log_files=[rule])
    written: list[str] = []

    def write(count: int) -> None:
        for _ in range(count):
            stamp = f"{day}T00:00:00.{len(written):06}Z"
            written.append(json.dumps({"timestamp": stamp, "level": "info", "trace_id": "ab" * 16, "n": len(written)}))
            append(log, written[-1])

    def stored() -> list[str]:
        window = f"start={day}T00:00:00Z&end={day}T01:00:00Z&limit=5000&direction=forward"
        query = "query=%7Bservice_name=%22api%22%7D%20%7C%20trace_id=%22" + "ab" * 16 + "%22"
        result = server.get("loki", f"/loki/api/v1/query_range?{query}&{window}").json["data"]["result"]
        return [value[1] for stream in result for value in stream["values"]]

    write(300)
    eventually(lambda: len(stored()) >= 100)
    server.kill()
    write(200)
    server.start()
    eventually(lambda: len(stored()) >= 500)
    write(1)
    eventually(lambda: len(stored()) >= 501)
    assert stored() == written
    assert log.stat().st_size == sum(len(line) + 1 for line in written)


def test_lines_of_another_time_are_left_out_and_counted(embedded: Callable[..., Embedded], tmp_path: Path) -> None:
    server = embedded(log_files=[{"path": str(tmp_path / "*.log"), "labels": {"service_name": "api"}}])
    for year in (1999, 2199):
        append(tmp_path / "api.log", json.dumps({"timestamp": f"{year}-01-01T00:00:00Z", "n": year}))
    append(tmp_path / "api.log", "no time")
    eventually(lambda: server.own('obsctl_items_accepted_total{signal="logs",transport="file"}') == 1)
    assert server.own('obsctl_log_lines_dropped_total{reason="time too old or too new"}') == 2
