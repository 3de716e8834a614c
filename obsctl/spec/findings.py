"""Collecting what is wrong with a file, so that one run tells all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from obsctl.errors import Place, SpecError
from obsctl.spec.words import printable, quoted
from obsctl.spec.yaml_source import Node


@dataclass(frozen=True)
class Spot:
    """Where something is: its line, and its path in the file such as ``services[0].name`` ("" for the root)."""

    line: int
    path: str = ""


@dataclass
class Findings:
    """The mistakes of one file (and of files it names), in the order in which they were found."""

    file: str
    errors: list[SpecError] = field(default_factory=list)

    def add(self, spot: Spot, message: str, hint: str = "") -> None:
        """Note a mistake. The sentence starts with the path of the key that is wrong."""
        text = printable(f"{spot.path}: {message}" if spot.path else message)
        self.errors.append(SpecError(text, place=Place(self.file, spot.line), hint=printable(hint)))

    def extend(self, error: SpecError) -> None:
        """Take over the mistakes of another file."""
        self.errors.extend(error.parts)

    def raise_any(self) -> None:
        """Raise everything found so far as one SpecError, in the order of the lines; nothing found, nothing raised."""
        if self.errors:
            self.errors.sort(
                key=lambda e: (e.place is None or e.place.file != self.file, e.place.line if e.place else 0)
            )
            raise SpecError.together(self.errors)


def shown_path(path: Path) -> str:
    """A path as a person would type it, relative where it is below the working directory, and safe to print."""
    try:
        text = str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        text = str(path)
    return printable(text)


def described(node: Node) -> str:
    """What a node holds, in words."""
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return node.text
    if isinstance(value, int | float):
        return f"the number {node.text}"
    if isinstance(value, str):
        return quoted(value)
    return "a mapping" if isinstance(value, Mapping) else "a list"
