"""What ``obsctl top`` shows of what there is: the cursor, the filter, the view; and what each key makes of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from obsctl.report.top_rows import TopList, TopRow

LONGEST_FILTER = 60


@dataclass(frozen=True)
class TopState:
    """``place`` is (list, row) under the cursor, by name and key; ``at`` its number among all rows.

    ``trace_id`` is the trace that is shown, "" while the lists are; ``scroll`` the first line of it on the screen.
    """

    place: tuple[str, str] = ("", "")
    at: int = 0
    words: str = ""
    typing: bool = False
    help: bool = False
    trace_id: str = ""
    scroll: int = 0
    refresh: int = 0
    ended: bool = False


@dataclass(frozen=True)
class TopView:
    """What the keys move in: the rows of all lists in their order, and the lines of the trace that is shown."""

    rows: tuple[tuple[str, TopRow], ...] = ()
    lines: int = 0
    page: int = 1

    @classmethod
    def of(cls, shown: Sequence[TopList], lines: int, page: int) -> TopView:
        """The rows of lists that are filtered already."""
        return cls(tuple((one.name, row) for one in shown for row in one.rows), lines, max(1, page))


def place_of(state: TopState, view: TopView) -> int:
    """The number of the row under the cursor: the same row where it still is, else the one that took its place."""
    for number, (name, row) in enumerate(view.rows):
        if (name, row.key) == state.place:
            return number
    return min(state.at, max(0, len(view.rows) - 1))


def press(state: TopState, key: str, view: TopView) -> TopState:
    """The state after a key: ``up``, ``enter``, … or the character that was typed."""
    if state.typing:
        return _typed(state, key)
    if key == "q":
        return replace(state, ended=True)
    if state.help:
        return replace(state, help=False)
    if key == "?":
        return replace(state, help=True)
    if key == "r":
        return replace(state, refresh=state.refresh + 1)
    return _in_trace(state, key, view) if state.trace_id else _in_lists(state, key, view)


def _typed(state: TopState, key: str) -> TopState:
    if key in ("enter", "esc"):
        return replace(state, typing=False, words=state.words if key == "enter" else "")
    if key == "backspace":
        return replace(state, words=state.words[:-1])
    if len(key) == 1 and key.isprintable() and len(state.words) < LONGEST_FILTER:
        return replace(state, words=state.words + key)
    return state


def _in_trace(state: TopState, key: str, view: TopView) -> TopState:
    if key in ("esc", "left", "backspace", "h"):
        return replace(state, trace_id="", scroll=0)
    return replace(state, scroll=_moved(state.scroll, key, view.page, max(0, view.lines - view.page)))


def _in_lists(state: TopState, key: str, view: TopView) -> TopState:
    if key == "/":
        return replace(state, typing=True)
    if key == "esc":
        return replace(state, words="")
    here = place_of(state, view)
    if key == "enter":
        trace_id = view.rows[here][1].trace_id if view.rows else ""
        return replace(_at(state, view, here), trace_id=trace_id, scroll=0)
    if key in ("tab", "backtab"):
        return _at(state, view, _next_list(view, here, forward=key == "tab"))
    return _at(state, view, _moved(here, key, view.page, max(0, len(view.rows) - 1)))


def _moved(at: int, key: str, page: int, last: int) -> int:
    steps = {"down": 1, "j": 1, "up": -1, "k": -1, "pgdn": page, " ": page, "pgup": -page, "home": -last, "end": last}
    steps |= {"g": -last, "G": last}
    return min(max(0, at + steps.get(key, 0)), last)


def _next_list(view: TopView, here: int, *, forward: bool) -> int:
    """The first row of the list after or before the one of this row, around the end."""
    first = {name: number for number, (name, _) in reversed(list(enumerate(view.rows)))}
    order = sorted(first.values())
    if not order:
        return 0
    own = order.index(first[view.rows[here][0]])
    return order[(own + (1 if forward else -1)) % len(order)]


def _at(state: TopState, view: TopView, number: int) -> TopState:
    if not view.rows:
        return state
    name, row = view.rows[number]
    return replace(state, place=(name, row.key), at=number)
