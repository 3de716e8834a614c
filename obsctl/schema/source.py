"""What every source of settings becomes before it is read: a tree of nodes, which know their lines where there are any.

YAML files and JSON documents are the two sources. Types read nodes and never know which of the two it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from obsctl.json_types import Json
from obsctl.schema.text import quoted

Scalar: TypeAlias = str | int | float | bool | None

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SourceNode:
    """A scalar, a tuple of nodes, or a mapping of nodes, and the line it is on (from 1; 0 where there are no lines).

    ``text`` is a scalar as written. ``ambiguous`` marks a bare scalar that YAML 1.1 and 1.2 read differently.
    ``key_lines`` are the lines of a mapping's keys. ``size`` and ``height`` count the nodes and levels of YAML below.
    """

    value: Scalar | tuple[SourceNode, ...] | Mapping[str, SourceNode]
    line: int = 0
    text: str = ""
    ambiguous: bool = False
    key_lines: Mapping[str, int] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    @property
    def items(self) -> tuple[SourceNode, ...]:
        """The nodes of a list; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def entries(self) -> Mapping[str, SourceNode]:
        """The nodes of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}


def from_json(document: object) -> SourceNode:
    """The nodes of a JSON value. They have no lines."""
    if isinstance(document, dict):
        return SourceNode({str(key): from_json(value) for key, value in document.items()})
    if isinstance(document, list):
        return SourceNode(tuple(from_json(item) for item in document))
    if document is None or isinstance(document, str | int | float | bool):
        return SourceNode(document, text=str(document))
    raise TypeError(f"{type(document).__name__} is not JSON")


def plain(node: SourceNode) -> Json:
    """A node as lists, dictionaries and scalars."""
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.items]
    return {key: plain(item) for key, item in node.entries.items()} if isinstance(node.value, Mapping) else node.value


@dataclass(frozen=True)
class Spot:
    """Where something is: its line, and its path in the file such as ``services[0].name`` ("" for the root)."""

    line: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class SourceCursor:
    """A node and its path in the file. Checks across keys walk with it to the key that is wrong."""

    node: SourceNode
    path: str = ""

    def given(self, key: str) -> bool:
        """Whether the file has the key."""
        return key in self.node.entries

    def at(self, *steps: str | int) -> SourceCursor:
        """The cursor of a part, by keys and indexes. A step that the file does not have ends the walk."""
        return self._walk(steps)[0]

    def spot(self, *steps: str | int) -> Spot:
        """Where a part is: the line of its key, or of the item."""
        part, line = self._walk(steps)
        return Spot(line, part.path)

    def _walk(self, steps: Sequence[str | int]) -> tuple[SourceCursor, int]:
        here, line = self, self.node.line
        for step in steps:
            if isinstance(step, int) and step < len(here.node.items):
                here = SourceCursor(here.node.items[step], f"{here.path}[{step}]")
                line = here.node.line
            elif isinstance(step, str) and here.given(step):
                line = here.node.key_lines.get(step, 0)
                here = SourceCursor(here.node.entries[step], joined(here.path, step))
            else:
                break
        return here, line

    def each(self, key: str, values: Sequence[T]) -> Iterator[tuple[T, SourceCursor]]:
        """The values of the list under a key, each with its cursor."""
        return ((value, self.at(key, i)) for i, value in enumerate(values))


def joined(path: str, name: str) -> str:
    """The path of a key below a path."""
    part = name if re.fullmatch(r"[\w-]+", name) else f"[{quoted(name)}]"
    return f"{path}{part}" if part.startswith("[") else f"{path}.{part}".lstrip(".")
