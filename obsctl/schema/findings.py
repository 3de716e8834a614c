"""Collecting what is wrong with a file, so that one run tells all of it, and the words in which it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from obsctl.errors import Place, SpecError
from obsctl.schema.source import SourceCursor, SourceNode, Spot
from obsctl.schema.text import nearest, printable, quoted


class Findings:
    """The mistakes of one file (and of files it names), in the order in which they were found.

    ``file`` is how messages name it. ``null_is_absent`` says whether an optional key with null counts as left out.
    """

    null_is_absent = False

    def __init__(self, file: str = "") -> None:
        self.file = file
        self.errors: list[SpecError] = []

    def add(self, spot: Spot, message: str, hint: str = "") -> None:
        """Note a mistake. The sentence starts with the path of the key that is wrong."""
        text = printable(f"{spot.path}: {message}" if spot.path else message)
        self.errors.append(SpecError(text, place=Place(self.file, spot.line), hint=printable(hint)))

    def misfit(self, spot: Spot, expected: str, node: SourceNode, hint: str = "") -> None:
        """A value is not of its type."""
        self.add(spot, f"expected {expected}, got {described(node)}", hint)

    def missing(self, cursor: SourceCursor, title: str, key: str, meaning: str) -> None:
        """A mapping, which messages call ``title``, lacks a required key."""
        message = f'key "{key}" is missing' + ("" if cursor.path else f" in {title}")
        self.add(cursor.spot(), message, f"Add `{key}:`. {meaning}")

    def unknown(self, cursor: SourceCursor, title: str, key: str, known: Sequence[str]) -> None:
        """A mapping has a key that nobody reads."""
        message = f"unknown key {quoted(key)} in {cursor.path or title}{nearest(key, known)}"
        self.add(Spot(cursor.spot(key).line), message, f"Known keys: {', '.join(known)}.")

    def mapping(self, title: str, *, or_name: bool) -> str:
        """What is expected where a mapping with the keys of ``title`` is."""
        return f"a mapping with the keys of {title}" + (" or a name" if or_name else "")

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


def described(node: SourceNode) -> str:
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
