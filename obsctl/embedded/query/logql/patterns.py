"""Patterns of captures and literals: ``<ip> - <_> "<method> <path>"`` (the ``pattern`` parser, and ``|>``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from obsctl.languages.errors import QueryError

_CAPTURE = re.compile(r"<([A-Za-z_][A-Za-z0-9_]*)>", re.ASCII)
UNNAMED = "_"


@dataclass(frozen=True)
class Capture:
    """Takes everything up to the next literal; ``_`` throws it away."""

    name: str

    def __str__(self) -> str:
        return f"<{self.name}>"


@dataclass(frozen=True)
class Pattern:
    """Captures and literals in order."""

    text: str
    parts: tuple[Capture | str, ...]

    @classmethod
    def parsed(cls, text: str) -> Pattern:
        """``QueryError`` when two captures touch."""
        parts: list[Capture | str] = []
        position = 0
        for found in _CAPTURE.finditer(text):
            if found.start() > position:
                parts.append(text[position : found.start()])
            elif parts:
                raise QueryError(f"found consecutive capture '{parts[-1]}{found[0]}': invalid expression")
            parts.append(Capture(found[1]))
            position = found.end()
        return cls(text, (*parts, *([text[position:]] if position < len(text) else [])))

    @property
    def names(self) -> list[str]:
        """Names of the captures that have one."""
        return [part.name for part in self.parts if isinstance(part, Capture) and part.name != UNNAMED]

    def check_captures(self) -> None:
        """``QueryError`` unless it names at least one capture, and none twice."""
        if not self.names:
            raise QueryError("at least one capture is required")
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        if twice:
            raise QueryError(f"duplicate capture name ({twice}): invalid expression")

    def check_filter(self) -> None:
        """``QueryError`` when it names a capture: a filter only skips."""
        if self.names:
            raise QueryError(f"named captures are not allowed: found '<{self.names[0]}>'")

    def captures(self, line: str) -> Iterator[tuple[str, str]]:
        """Names and what they stand for. A capture without its literal behind it takes the rest, and is the last."""
        position, waiting = 0, ""
        for part in self.parts:
            if isinstance(part, Capture):
                waiting = part.name
                continue
            at = line.find(part, position)
            if not waiting and at != 0:
                return
            if at < 0:
                break
            if waiting and waiting != UNNAMED:
                yield waiting, line[position:at]
            position, waiting = at + len(part), ""
        if waiting and waiting != UNNAMED and line:
            yield waiting, line[position:]

    def fits(self, line: str) -> bool:
        """Whether the whole line is made like this; no capture is empty, and each literal is looked for only once."""
        if not line or not self.parts:
            return not line and not self.parts
        position = 0
        for index, part in enumerate(self.parts):
            if isinstance(part, str):
                at = line.find(part, position)
                if at < 0 or (at > 0 if index == 0 else at == position):
                    return False
                position = at + len(part)
        return isinstance(self.parts[-1], Capture) == (position < len(line))
