"""``obsctl top`` on the screen: what is drawn in any size, whatever telemetry says, and what keys do."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from obsctl.clients.telemetry import TraceSummary
from obsctl.overview.document import MOST, document
from obsctl.overview.frame import AlertState, CallFigures, Frame, Listed, ServiceFigures
from obsctl.report.json import dumps
from obsctl.report.top_draw import PAPER_ROWS, board, paper, shares
from obsctl.report.top_rows import lists
from obsctl.report.top_state import TopState, TopView, press
from obsctl.report.top_terminal import keys_of
from obsctl.report.waterfall_canvas import Canvas

HOSTILE = ("api\x1b[2J\x9b1m", "[red]\n\r\t[/]", "\u202eevil\u2066", "名前" * 400, "a" * 5000, "\ud800", "", "e\u0301")
names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
figures = st.one_of(st.none(), st.floats(0, 1e9))
shares_failed = st.one_of(st.none(), st.floats(0, 1))


def frame(*, services: Any = (), calls: Any = (), alerts: Any = (), traces: Any = (), **more: Any) -> Frame:
    rows = {"services": services, "calls": calls, "alerts": alerts, "traces": traces}
    return Frame(
        "shop", "embedded", 1000.0, 1800.0, **{name: Listed(tuple(found)) for name, found in rows.items()} | more
    )


def trace(ident: int, name: str = "GET /", errors: int = 0) -> TraceSummary:
    return TraceSummary(f"{ident:032x}", "api", name, 1_000_000_000_000, 12_300_000, 3, errors)


frames = st.builds(
    frame,
    services=st.lists(st.builds(ServiceFigures, names, figures, shares_failed, figures), max_size=6),
    calls=st.lists(st.builds(CallFigures, names, names, st.tuples(names), figures, shares_failed, figures), max_size=6),
    alerts=st.lists(
        st.builds(
            AlertState,
            names,
            st.sampled_from(("firing", "pending")),
            st.floats(0, 1e12),
            st.dictionaries(names, names, max_size=2),
            names,
        ),
        max_size=6,
    ),
    traces=st.lists(
        st.builds(TraceSummary, names, names, names, *[st.integers(0, 2**64)] * 2, *[st.integers(0, 99)] * 2),
        max_size=6,
    ),
)


@given(frames, st.integers(20, 200), st.integers(0, 60), st.booleans(), names)
def test_no_telemetry_breaks_a_screen_of_any_size(
    shown: Frame, width: int, height: int, ascii_: bool, problem: str
) -> None:
    shown = replace(shown, calls=replace(shown.calls, problem=problem))
    canvas = Canvas(width, ascii_, {})
    drawn = board(lists(shown), TopState(), canvas, height)
    assert len(drawn) == height
    for line in (*drawn, *paper(shown, canvas)):
        text = "".join(piece for piece, _ in line)
        assert cell_len(text) <= width
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)
        assert not ascii_ or text.isascii()
    assert dumps(document(shown)).isprintable()


def texts(shown: Frame, state: TopState, width: int = 80, height: int = 24) -> list[str]:
    drawn = board([one.filtered(state.words) for one in lists(shown)], state, Canvas(width, False, {}), height)
    return ["".join(text for text, _ in line).rstrip() for line in drawn]


def test_what_is_wrong_is_marked_and_problems_are_said() -> None:
    shown = frame(
        services=[ServiceFigures("api", 12.345, 0.0123, 0.25)],
        alerts=[AlertState("Slow", "firing", 940.0, {"alertname": "Slow"}, "p95 is over 1 s")],
        traces=[trace(1, "POST /jobs", errors=2), trace(2)],
    )
    lines = texts(replace(shown, calls=Listed(problem="Prometheus API at http://a refused the connection")), TopState())
    assert f"{'api':50}   12.3 /s     1.2 %    250 ms" in lines
    assert "Prometheus API at http://a refused the connection" in lines
    assert "firing     1m    Slow  p95 is over 1 s" in lines
    assert [line.startswith("✖") for line in lines if "api: " in line] == [True, False]


def test_a_backend_that_could_not_be_asked_is_no_empty_list_and_its_sentence_is_whole() -> None:
    problem = "Prometheus API at http://127.0.0.1:9090 did not answer within 5 s"
    shown = frame()
    shown = replace(shown, services=Listed(problem=problem))
    lines = texts(shown, TopState(), width=40)
    assert " ".join(lines[1:3]) == problem
    assert "0" not in lines[0]
    assert document(shown)["services"] == {"rows": [], "total": None, "problem": problem, "note": None}
    assert document(shown)["calls"]["total"] == 0


def test_ten_thousand_services_are_scrolled_and_what_is_left_out_is_said() -> None:
    shown = frame(services=[ServiceFigures(f"s{n:05}") for n in range(10_000)], traces=[trace(1)])
    state = TopState(place=("Services", "s05000"))
    lines = texts(shown, state)
    assert any("of 10,000" in line for line in lines)
    assert any(line.startswith("s05000") for line in lines)
    assert any("api: GET /" in line for line in lines)
    printed = ["".join(text for text, _ in line) for line in paper(shown, Canvas(80, False, {}))]
    assert f"… {10_000 - PAPER_ROWS:,} more" in printed
    rows = document(shown)["services"]
    assert (len(rows["rows"]), rows["total"]) == (MOST, 10_000)


def test_there_are_two_columns_where_there_is_room() -> None:
    shown = frame(services=[ServiceFigures("api")], alerts=[], traces=[trace(1)])
    assert any("SERVICES" in line and "ALERTS" in line for line in texts(shown, TopState(), width=130))
    assert not any("SERVICES" in line and "ALERTS" in line for line in texts(shown, TopState(), width=119))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=5), st.integers(-3, 100))
def test_lines_are_shared_without_waste(wants: list[int], room: int) -> None:
    given_ = shares(wants, room)
    assert sum(given_) == max(0, min(room, sum(wants)))
    assert all(have <= want for have, want in zip(given_, wants, strict=True))
    hungry = [have for have, want in zip(given_, wants, strict=True) if have < want]
    assert not hungry or max(given_) - min(hungry) <= len(wants)


SHOWN = frame(
    services=[ServiceFigures("api"), ServiceFigures("web")],
    traces=[trace(1, "GET /a"), trace(2, "GET /b", errors=1)],
)


def pressed(keys: str | list[str], state: TopState = TopState(), *, lines: int = 0, page: int = 5) -> TopState:  # noqa: B008
    for key in keys:
        view = TopView.of([one.filtered(state.words) for one in lists(SHOWN)], lines, page)
        state = press(state, key, view)
    return state


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (["j"], ("Services", "web")),
        (["down", "j", "j"], ("Traces", f"{2:032x}")),
        (["j", "j", "j", "j", "j", "k"], ("Traces", f"{1:032x}")),
        (["tab"], ("Traces", f"{1:032x}")),
        (["tab", "tab"], ("Services", "api")),
        (["backtab"], ("Traces", f"{1:032x}")),
        (["G"], ("Traces", f"{2:032x}")),
        (["G", "g"], ("Services", "api")),
        (["pgdn"], ("Traces", f"{2:032x}")),
        (["end", "home"], ("Services", "api")),
    ],
)
def test_keys_move_the_cursor(keys: list[str], place: tuple[str, str]) -> None:
    assert pressed(keys).place == place


def test_enter_opens_the_trace_under_the_cursor_and_escape_leads_back_to_it() -> None:
    opened = pressed(["tab", "enter"])
    assert opened.trace_id == f"{1:032x}"
    assert pressed(["j", "j", "pgdn", "k"], opened, lines=100, page=10).scroll == 11
    assert pressed(["G"], opened, lines=100, page=10).scroll == 90
    back = pressed(["j", "esc"], opened, lines=100)
    assert (back.trace_id, back.scroll, back.place) == ("", 0, opened.place)
    assert pressed(["enter"]).trace_id == ""  # a service opens nothing


def test_a_filter_is_typed_kept_and_taken_away() -> None:
    typed = pressed(["/", *"failedq", "backspace"])
    assert (typed.words, typed.typing, typed.ended) == ("failed", True, False)
    kept = pressed(["enter"], typed)
    assert (kept.words, kept.typing) == ("failed", False)
    assert pressed(["j", "enter"], kept).trace_id == f"{2:032x}"
    assert pressed(["esc"], kept).words == pressed(["esc"], typed).words == ""


def test_help_and_the_end() -> None:
    assert pressed(["?"]).help
    assert not pressed(["?", "j"]).help
    assert pressed(["?", "q"]).ended
    assert pressed(["tab", "enter", "q"]).ended
    assert pressed("r").refresh == 1


@pytest.mark.parametrize(
    ("data", "keys", "rest"),
    [
        (b"jk\x1b[A\x1b[B\x1bOA", ["j", "k", "up", "down", "up"], b""),
        (
            b"\x1b[5~\x1b[6~\x1b[H\x1b[4~\x1b[Z\t\r\x7f",
            ["pgup", "pgdn", "home", "end", "backtab", "tab", "enter", "backspace"],
            b"",
        ),
        (b"\x1b", [], b"\x1b"),
        (b"\x1b[", [], b"\x1b["),
        (b"\x1bq", ["esc", "q"], b""),
        (b"\x1b[200~x\x1b[1;5A", ["x"], b""),  # what is not known is nothing
        ("é".encode(), ["é"], b""),
        ("é".encode()[:1], [], "é".encode()[:1]),
        (b"\xff\x00a", [], b"\xff\x00a"),  # waits for a character of four bytes
    ],
)
def test_keys_of_bytes(data: bytes, keys: list[str], rest: bytes) -> None:
    assert keys_of(data) == (keys, rest)


@given(st.binary(max_size=40))
def test_any_bytes_are_keys_or_wait(data: bytes) -> None:
    found, rest = keys_of(data)
    assert all(len(key) >= 1 for key in found)
    assert data.endswith(rest)
