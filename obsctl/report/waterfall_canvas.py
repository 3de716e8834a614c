"""What a waterfall is drawn with: glyphs, service colours, durations, bars and the time axis. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len

from obsctl.report.safe import fit, plain_ascii, safe

Line = list[tuple[str, str]]
"""One line as (text, rich style) pieces."""

PALETTE = (
    *("cyan", "green", "magenta", "blue", "yellow", "bright_cyan"),
    *("bright_green", "bright_magenta", "bright_blue", "bright_yellow"),
)


@dataclass(frozen=True)
class Glyphs:
    """The characters of a drawing. ``branch``, ``last``, ``pipe`` and ``blank`` are the connectors of a tree."""

    error: str = "✖"
    fine: str = "✔"
    orphan: str = "⌁"
    cycle: str = "↺"
    duplicate: str = "⧉"
    log: str = "◆"
    event: str = "◇"
    link: str = "↗"
    branch: str = "├─ "
    last: str = "└─ "
    pipe: str = "│ "
    blank: str = "  "
    deep: str = "⋯"
    full: str = "█"
    part: str = "▒"
    least: str = "▏"
    tick: str = "╵"
    dot: str = "·"
    times: str = "\N{MULTIPLICATION SIGN}"
    arrow: str = "→"
    upstream: str = "↳"
    ellipsis: str = "…"
    micro: str = "µs"


UNICODE = Glyphs()
ASCII = Glyphs(
    error="x",
    fine="+",
    orphan="?",
    cycle="@",
    duplicate="2",
    log="*",
    event="o",
    link="^",
    branch="|- ",
    last="`- ",
    pipe="| ",
    deep="~",
    full="#",
    part="=",
    least=".",
    tick="'",
    dot="-",
    times="x",
    arrow="->",
    upstream="^",
    ellipsis="...",
    micro="us",
)


@dataclass(frozen=True)
class Canvas:
    """Width in cells, glyphs, and how to write what telemetry says."""

    width: int
    ascii: bool
    colours: Mapping[str, str]

    @property
    def glyphs(self) -> Glyphs:
        """The glyphs to draw with."""
        return ASCII if self.ascii else UNICODE

    def text(self, value: object, limit: int = 160) -> str:
        """Text from outside, safe for the terminal and no longer than ``limit`` characters of the original."""
        clean = safe(value, limit=limit)
        return plain_ascii(clean) if self.ascii else clean

    def fit(self, text: str, cells: int) -> str:
        """Exactly so many cells."""
        return fit(text, cells, ellipsis=self.glyphs.ellipsis)

    def cut(self, line: Line) -> Line:
        """A line that ends where the width does, without blanks at its end."""
        left, pieces = self.width, []
        for text, style in line:
            cells = cell_len(text)
            pieces.append((text if cells <= left else self.fit(text, left), style))
            left = max(0, left - cells)
        while pieces and not pieces[-1][0].rstrip():
            pieces.pop()
        return [*pieces[:-1], (pieces[-1][0].rstrip(), pieces[-1][1])] if pieces else []

    def colour(self, service: str) -> str:
        """The style of a service."""
        return self.colours.get(service, "")

    def duration(self, ns: int) -> str:
        """A duration in at most seven characters, three digits: ``812ms``, ``1.23s``, ``2m03s``."""
        return duration(ns, self.glyphs.micro)

    def offset(self, ns: int) -> str:
        """A time relative to the start of the trace: ``+331ms``."""
        return f"{'-' if ns < 0 else '+'}{self.duration(abs(ns))}"


def service_colours(services: Iterable[str]) -> dict[str, str]:
    """A colour for each service: by its name, moved on where two of one trace would share it."""
    taken: dict[str, str] = {}
    for service in sorted(services):
        begin = zlib.crc32(service.encode("utf-8", "replace")) % len(PALETTE)
        wheel = [PALETTE[(begin + i) % len(PALETTE)] for i in range(len(PALETTE))]
        taken[service] = next((c for c in wheel if c not in taken.values()), wheel[0])
    return taken


def duration(ns: int, micro: str = "µs") -> str:
    """Nanoseconds for people, in at most seven characters."""
    for unit, size in (("ns", 1), (micro, 10**3), ("ms", 10**6), ("s", 10**9)):
        value = ns / size
        if value < (59.95 if unit == "s" else 999.5):
            return f"{value:.3g}{unit}"
    seconds = round(ns / 10**9)
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    hours = seconds // 3600
    return f"{hours}h{seconds % 3600 // 60:02d}m" if hours < 100 else f"{hours // 24}d"


@dataclass(frozen=True)
class Scale:
    """Time to cells: ``start_ns`` is the left edge of cell 0, ``end_ns`` the right edge of cell ``cells - 1``."""

    start_ns: int
    end_ns: int
    cells: int

    @property
    def length_ns(self) -> int:
        """What the whole width stands for; at least 1."""
        return max(1, self.end_ns - self.start_ns)

    def reach(self, start_ns: int, end_ns: int) -> tuple[int, int]:
        """The cells (first, one past the last) that a stretch touches; at least one, all inside."""
        first = self.cell(start_ns)
        last = -(-(end_ns - self.start_ns) * self.cells // self.length_ns)
        return first, min(self.cells, max(last, first + 1))

    def cell(self, at_ns: int) -> int:
        """The cell of a time."""
        return min(max(0, (at_ns - self.start_ns) * self.cells // self.length_ns), self.cells - 1)

    def middle(self, cell: int) -> int:
        """The time in the middle of a cell."""
        return self.start_ns + (2 * cell + 1) * self.length_ns // (2 * self.cells)

    def is_less_than_a_cell(self, ns: int) -> bool:
        """Whether a duration is too short for a cell of its own."""
        return ns * self.cells < self.length_ns


Stretch = tuple[int, int]
"""Start and end in nanoseconds."""


def bar(scale: Scale, spans: Iterable[Stretch], critical: Iterable[Stretch], glyphs: Glyphs) -> dict[int, str]:
    """Glyphs by cell for spans (of one row), and for the parts of them on the critical path.

    A cell is critical when its middle is, as far as the span reaches; the longest critical part has a cell in any case.
    Spans less than a cell apart are drawn as one.
    """
    near = scale.length_ns // scale.cells
    stretches = list(spans)
    parts = _joined(critical, near if len(stretches) > 1 else 0)
    cells: dict[int, str] = {}
    for start, end in _joined(stretches, near):
        if scale.is_less_than_a_cell(end - start):
            cells.setdefault(scale.cell((start + end) // 2), glyphs.least)
            continue
        inside = [part for part in parts if part[0] < end and part[1] > start]
        reach = range(*scale.reach(start, end))
        looks = {cell: min(max(scale.middle(cell), start), end - 1) for cell in reach}
        full = {cell for cell, at in looks.items() if any(s <= at < e for s, e in inside)}
        if inside and not full:
            begin, stop = max(inside, key=lambda part: part[1] - part[0])
            full = {min(reach, key=lambda cell: abs(looks[cell] - (begin + stop) // 2))}
        cells.update({cell: glyphs.full if cell in full else glyphs.part for cell in reach})
    return cells


def _joined(stretches: Iterable[Stretch], near: int) -> list[Stretch]:
    """Stretches in time order; those that overlap or are closer than ``near`` become one."""
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if joined and start - joined[-1][1] < near:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def axis(scale: Scale, canvas: Canvas) -> str:
    """Ticks at round times, each with its label to the right, at least 11 cells apart."""
    step = _round_step(scale.length_ns * 11 // max(1, scale.cells) + 1)
    line = [" "] * scale.cells
    for at in range(0, scale.length_ns, step):
        label = canvas.glyphs.tick + ("0" if not at else canvas.duration(at))
        cell = at * scale.cells // scale.length_ns
        if cell + len(label) <= scale.cells:
            line[cell : cell + len(label)] = label
    return "".join(line)


def _round_step(least: int) -> int:
    """The smallest 1, 2 or 5 times a power of ten that is at least this."""
    power: int = 10 ** (len(str(least)) - 1)
    return next(m for m in (power, 2 * power, 5 * power, 10 * power) if m >= least)
