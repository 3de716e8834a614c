from __future__ import annotations

import io
import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from obsctl.clients.telemetry import SpanEvent, SpanLink
from obsctl.errors import UsageError
from obsctl.report.safe import fit, plain_ascii, safe
from obsctl.report.waterfall import render_plain, show, show_json, waterfall
from obsctl.report.waterfall_canvas import PALETTE, Scale, axis, bar, duration, service_colours
from obsctl.report.waterfall_canvas import UNICODE as GLYPHS
from obsctl.trace.assemble import assemble
from tests.unit.trace.golden import DRAWINGS, GOLDEN
from tests.unit.trace.shop import MS, T0, TRACE, checkout, exception, log, span
from tests.unit.trace.test_trace_assemble import any_trace

TIMES = GLYPHS.times
HOSTILE = [
    *("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "a\nb\r\n", "a\tb", "\x00", "\x7f", "abc\u202egnp.exe"),
    *("\u2066x\u2069", "\u200b\u200d\ufeff", "\u2028\u2029", "\ud800", "\ue000", "\U000e0041", "\u00a0", "日本語" * 40),
    *("e\u0301" * 50, "👨\u200d👩\u200d👧", "x" * 1_000_000, "\x1b" * 100_000, ""),
]


def clean(text: str) -> bool:
    """Nothing in it that a terminal would act on."""
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in text)


def draw(tree, **more):
    return waterfall(tree, **{"width": 100, "colour": False, **more}).plain


@pytest.mark.parametrize("name", DRAWINGS)
def test_golden_drawings(name):
    assert DRAWINGS[name]() + "\n" == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_golden_file_has_its_drawing():
    assert {p.stem for p in GOLDEN.glob("*.txt")} == set(DRAWINGS)


@given(any_trace, st.integers(0, 200), st.booleans(), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_any_trace_fits_any_width(spans, width, ascii_, limit):
    text = draw(assemble(TRACE, spans), width=width, ascii=ascii_, limit=limit)
    assert max(cell_len(line) for line in text.split("\n")) <= max(40, width)
    assert not ascii_ or text.isascii()
    assert clean(text)


def hostile_tree(text):
    event = SpanEvent(text, T0, {text: text, "exception.message": text})
    spans = [
        span(1, None, text, text, 0, 10, error=text, attributes={"error.type": text, text: text}, events=(event,)),
        span(2, 1, text, text, 1, 2, error=text, events=(exception(1, text, text, text),)),
        span(3, text, "a", text, 1, 2, links=(SpanLink(text, text),)),
        span(4, 1, text, text, -5, 3, kind="server"),
    ]
    logs = [log(1, text, text, text, 1, k=text), replace(log(2, "ERROR", text, text), line=text)]
    return assemble(text, spans, logs)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("ascii_", [False, True])
def test_hostile_telemetry_never_reaches_the_terminal(text, ascii_):
    tree = hostile_tree(text)
    for width in (40, 80, 200):
        drawn = draw(tree, width=width, ascii=ascii_)
        assert clean(drawn)
        assert max(map(cell_len, drawn.split("\n"))) <= width
        assert len(drawn) < 20_000
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system=None, width=80).print(waterfall(tree, width=80, colour=True))
    assert clean(out.getvalue())
    assert json.dumps(tree.trace_id)


@given(st.text())
@example("\x1b[2J")
@settings(deadline=None)
def test_safe_text_is_printable_and_stays_so(text):
    once = safe(text)
    assert once.isprintable()
    assert safe(once) == once
    assert plain_ascii(once).isascii()
    assert safe(text, limit=3).isprintable()


def test_safe_shows_what_it_took_out():
    assert safe("a\x1b[1m\n\u202e\U000e0041\xa0é") == "a\\x1b[1m\\n\\u202e\\U000e0041 é"
    assert safe("a\nb", newlines=True) == "a\nb"
    assert safe("a\tb\n", tabs=True) == "a\tb\\n"
    assert safe("abcdef", limit=3) == "abc…"
    assert safe(12) == "12"


@given(st.text(st.characters(categories=("L", "N", "P"))), st.integers(0, 30))
@settings(deadline=None)
def test_fit_is_exact(text, cells):
    assert cell_len(fit(text, cells)) == cells


def test_colour_is_an_addition_never_the_message():
    tree = assemble(TRACE, *checkout())
    plain, coloured = waterfall(tree, width=100, colour=False), waterfall(tree, width=100, colour=True)
    assert plain.plain == coloured.plain == draw(tree)
    assert not plain.spans
    assert any("red" in str(s.style) for s in coloured.spans)


def test_service_colours_depend_on_names_alone_and_differ():
    services = [f"s{i}" for i in range(len(PALETTE))]
    colours = service_colours(services)
    assert colours == service_colours(reversed(services))
    assert len(set(colours.values())) == len(PALETTE)
    assert len(service_colours([f"s{i}" for i in range(40)])) == 40


def test_narrow_terminals_lose_bars_first_then_self_times():
    tree = assemble(TRACE, *checkout())
    assert "█" in draw(tree, width=72)
    assert "█" not in draw(tree, width=71)
    assert "SELF" in draw(tree, width=60)
    assert "SELF" not in draw(tree, width=59)


def test_repeated_siblings_fold_but_never_a_failed_one():
    spans = [span(1, None, "a", "root", 0, 1000)]
    spans += [span(i, 1, "db", "SELECT", i, i + 1, error="deadlock" if i == 7 else "") for i in range(2, 22)]
    text = draw(assemble(TRACE, spans))
    assert f"SELECT {TIMES}19" in text
    assert text.count("✖ deadlock") == 1
    assert text.count("─ SELECT") == 2


def test_whole_subtrees_fold_only_off_the_critical_path():
    spans = [span(1, None, "a", "root", 0, 1000), span(2, 1, "a", "slow", 0, 1000)]
    for i in range(10, 20):
        spans += [span(i, 1, "b", "item", i, i + 5), span(i + 100, i, "b", "part", i, i + 1)]
    text = draw(assemble(TRACE, spans))
    assert f"item {TIMES}10" in text
    assert "part" not in text
    assert "22 spans" in text


def test_a_cut_keeps_failures_and_says_what_is_missing():
    spans = [span(1, None, "a", "root", 0, 5000)]
    spans += [span(i, 1, "a", f"child {i}", i, i + 1, error="boom" if i == 4321 else "") for i in range(2, 5000)]
    text = draw(assemble(TRACE, spans), limit=10)
    assert "✖ └─ child 4321" in text or "✖ ├─ child 4321" in text
    assert "root +4,989…" in text
    assert "… 4,989 more spans, not drawn; draw more with --limit" in text


def test_a_fail_ten_thousand_levels_down_is_still_told():
    n = 10_000
    spans = [
        span(i, i - 1 if i > 1 else None, "a", f"level {i}", 0, 3 * n - i, error="boom" if i == n else "")
        for i in range(1, n + 1)
    ]
    text = draw(assemble(TRACE, spans))
    assert " +9,800…" in text
    assert "⋯" in text
    assert text.split("ERRORS")[1].count("boom") == 1
    assert max(map(cell_len, text.split("\n"))) <= 100


def test_errors_of_one_kind_are_told_once():
    spans = [span(1, None, "a", "root", 0, 100)]
    spans += [span(i, 1, "b", "call", i, i + 1, error="refused") for i in range(2, 9)]
    spans += [span(i, 1, "b", f"other {i}", i, i + 1, error=f"reason {i}") for i in range(20, 30)]
    told = draw(assemble(TRACE, spans)).split("ERRORS")[1]
    assert told.count("refused") == 1
    assert f"call {TIMES}7" in told
    assert "6 more kinds" in told


def test_notes_are_capped_and_counted():
    logs = [log(i, "ERROR" if i == 50 else "INFO", "a", f"line {i}", 1) for i in range(60)]
    events = tuple(SpanEvent(f"event {i}", T0 + i * MS) for i in range(10))
    tree = assemble(
        TRACE, [span(1, None, "a", "x", 0, 100, events=events, links=(SpanLink(TRACE, "a" * 16),) * 9)], logs
    )
    text = draw(tree)
    assert "… 56 more log lines" in text
    assert "ERROR line 50" in text
    assert "… 6 more events" in text
    assert "… 5 more links" in text


@pytest.mark.parametrize(
    ("logs", "shown"),
    [("all", "IWE"), ("none", ""), ("debug", "DIWE"), ("warn", "WE"), ("ERROR", "E"), ("info", "IWE")],
)
def test_which_log_lines_are_shown(logs, shown):
    lines = [log(1, level, "a", f"message {level[0]}", 1) for level in ("DEBUG", "INFO", "WARN", "ERROR")]
    text = draw(assemble(TRACE, [span(1, None, "a", "x", 0, 10)], lines), logs=logs)
    assert [letter for letter in "DIWE" if f"message {letter}" in text] == list(shown)


def test_an_unknown_choice_of_log_lines_is_a_usage_error():
    with pytest.raises(UsageError, match="'loud' is no choice"):
        draw(assemble(TRACE, []), logs="loud")


def test_notes_stand_between_the_children_of_their_time():
    spans = [span(1, None, "a", "root", 0, 100), span(2, 1, "a", "early", 10, 20), span(3, 1, "a", "late", 60, 70)]
    text = draw(assemble(TRACE, spans, [log(40, "INFO", "a", "between", 1)]))
    assert text.index("early") < text.index("between") < text.index("late")


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0ns"), (999, "999ns"), (1_234, "1.23µs"), (999_600, "1ms"), (12_300_000, "12.3ms"), (812_000_000, "812ms"),
     (1_234_000_000, "1.23s"), (59_990_000_000, "1m00s"), (123_000_000_000, "2m03s"), (3_720_000_000_000, "1h02m"),
     (2**64, "213503d")],
)  # fmt: skip
def test_durations(ns, text):
    assert duration(ns) == text


@given(st.integers(0, 2**64))
@settings(deadline=None)
def test_durations_are_short(ns):
    assert len(duration(ns)) <= 7


@given(st.integers(1, 10**12), st.integers(1, 200), st.integers(0, 10**12), st.integers(0, 10**12))
@settings(deadline=None)
def test_bars_stay_in_their_cells(length, cells, start, more):
    scale = Scale(0, length, cells)
    start, end = start % length, min(length, start % length + more)
    drawn = bar(scale, [(start, end)], [(start, end)], GLYPHS)
    assert drawn
    assert all(0 <= cell < cells for cell in drawn)
    assert set(drawn.values()) in ({GLYPHS.full}, {GLYPHS.least})
    assert set(bar(scale, [(start, end)], [], GLYPHS).values()) in ({GLYPHS.part}, {GLYPHS.least})


def test_a_short_part_of_the_critical_path_is_seen():
    drawn = bar(Scale(0, 1000, 10), [(0, 1000)], [(301, 302)], GLYPHS)
    assert [cell for cell, glyph in drawn.items() if glyph == GLYPHS.full] == [3]


@given(st.integers(1, 2**64), st.integers(1, 300))
@settings(deadline=None)
def test_the_axis_is_as_wide_as_the_bars(length, cells):
    from obsctl.report.waterfall_canvas import Canvas

    assert len(axis(Scale(0, length, cells), Canvas(100, ascii=False, colours={}))) == cells


def test_show_writes_plain_text_into_a_pipe(capsys):
    tree = assemble(TRACE, *checkout())
    show(tree)
    assert capsys.readouterr().out == render_plain(tree, 120) + "\n"
    show(tree, width=60, ascii=True, logs="none")
    assert capsys.readouterr().out.isascii()
    show_json(tree)
    assert json.loads(capsys.readouterr().out)["trace_id"] == TRACE
