"""The kinds of values that keys hold. A kind reads a node into a value, says what it wants, and knows its JSON Schema.

A leaf is data: what it expects, a function that reads it, and a schema fragment. Containers (list, map, record) note
the mistakes of their parts and go on, so that one run finds them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from obsctl.spec.findings import Findings, Spot, described
from obsctl.spec.words import nearest, quoted
from obsctl.spec.yaml_source import Node


class Unfit(Exception):  # noqa: N818 - a signal between a reader and its container
    """A node does not fit. Without a message the container says what was expected and what it got."""

    def __init__(self, message: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Kind(Protocol):
    """A kind of value."""

    @property
    def expected(self) -> str:
        """What the kind wants, as in "a list"."""
        ...

    def read(self, node: Node, path: str, findings: Findings) -> Any:
        """The value of a node. Raises Unfit for the node itself; mistakes of its parts go to ``findings``."""
        ...

    def schema(self) -> dict[str, Any]:
        """JSON Schema of what the kind accepts."""
        ...


@dataclass(frozen=True)
class Leaf:
    """A scalar: ``parse`` gives its value or raises Unfit."""

    expected: str
    parse: Callable[[Node], Any]
    json: Mapping[str, Any] = field(default_factory=dict)

    def read(self, node: Node, path: str, findings: Findings) -> Any:  # noqa: ARG002
        """The value of the scalar."""
        return self.parse(node)

    def schema(self) -> dict[str, Any]:
        """The leaf's own fragment."""
        return dict(self.json)


@dataclass(frozen=True)
class ListOf:
    """A list of one kind, read as a tuple of values. A single value is not taken for a list of one."""

    item: Kind
    what: str = "a list"
    empty: bool = True

    @property
    def expected(self) -> str:
        """What the list holds."""
        return self.what

    def read(self, node: Node, path: str, findings: Findings) -> tuple[Any, ...]:
        """The values that could be read; the others are in ``findings``."""
        if not isinstance(node.value, tuple):
            raise Unfit
        if not node.value and not self.empty:
            raise Unfit("must not be empty", "Give at least one.")
        read = [attempt(self.item, n, f"{path}[{i}]", findings) for i, n in enumerate(node.items)]
        return tuple(value for ok, value in read if ok)

    def schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "items": self.item.schema(), **({} if self.empty else {"minItems": 1})}


@dataclass(frozen=True)
class OneOrMore:
    """A value or a list of values, read as a tuple either way."""

    item: Kind

    @property
    def expected(self) -> str:
        """What the item is, or a list."""
        return f"{self.item.expected}, or a list"

    def read(self, node: Node, path: str, findings: Findings) -> tuple[Any, ...]:
        """The value or the values."""
        if isinstance(node.value, tuple):
            return ListOf(self.item, empty=False).read(node, path, findings)
        return (self.item.read(node, path, findings),)

    def schema(self) -> dict[str, Any]:
        """The item, or an array of it."""
        return {"anyOf": [self.item.schema(), ListOf(self.item, empty=False).schema()]}


@dataclass(frozen=True)
class MapOf:
    """A mapping from free names to one kind. ``names`` must match fully; ``naming`` says so in words."""

    item: Kind
    what: str = "a mapping"
    names: str = r".+"
    naming: str = "not empty"

    @property
    def expected(self) -> str:
        """What the mapping holds."""
        return self.what

    def read(self, node: Node, path: str, findings: Findings) -> dict[str, Any]:
        """Name -> value for what could be read; the others are in ``findings``."""
        if not isinstance(node.value, Mapping):
            raise Unfit
        values: dict[str, Any] = {}
        for name, child in node.entries.items():
            if not re.fullmatch(self.names, name):
                findings.add(Spot(node.key_lines[name], path), f"name {quoted(name)} is not {self.naming}")
                continue
            ok, value = attempt(self.item, child, joined(path, name), findings)
            if ok:
                values[name] = value
        return values

    def schema(self) -> dict[str, Any]:
        """An object with free keys."""
        return {"type": "object", "additionalProperties": self.item.schema()}


@dataclass(frozen=True)
class Key:
    """One key of a record. ``default`` is the value without it, ``shown`` the default in words for the reference."""

    name: str
    kind: Kind
    doc: str
    default: Any = None
    required: bool = False
    shown: str = ""


@dataclass(frozen=True)
class Parsed:
    """A record that was read: its values by key, and its node, so that later checks can point at a line."""

    values: Mapping[str, Any]
    node: Node
    path: str

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def given(self, key: str) -> bool:
        """Whether the file has the key."""
        return key in self.node.entries

    def spot(self, *steps: str | int) -> Spot:
        """Where a part is. A step that the file does not have ends the walk at what is there."""
        node, path, line = self.node, self.path, self.node.line
        for step in steps:
            if isinstance(step, int):
                if step >= len(node.items):
                    break
                node, path = node.items[step], f"{path}[{step}]"
                line = node.line
            else:
                if step not in node.entries:
                    break
                line = node.key_lines[step]
                node, path = node.entries[step], joined(path, step)
        return Spot(line, path)


@dataclass(frozen=True)
class Record:
    """A mapping with known keys. ``single`` names the key that a bare text stands for (``http`` = ``{name: http}``).

    ``others`` is the kind of keys that are not listed; without it they are mistakes. ``check`` looks at the keys
    together once all of them could be read.
    """

    title: str
    keys: tuple[Key, ...]
    single: str = ""
    others: Kind | None = None
    check: Callable[[Parsed, Findings], None] | None = None

    @property
    def expected(self) -> str:
        """The record in words."""
        return f"a mapping with the keys of {self.title}" + (" or a name" if self.single else "")

    def read(self, node: Node, path: str, findings: Findings) -> Parsed:
        """The record's values. Unknown, missing and unfit keys are in ``findings``."""
        if self.single and isinstance(node.value, str):
            node = Node({self.single: node}, node.line, key_lines={self.single: node.line})
        if not isinstance(node.value, Mapping):
            raise Unfit
        before = len(findings.errors)
        self._unknown(node, path, findings)
        values = {key.name: self._value(key, node, path, findings) for key in self.keys}
        parsed = Parsed(values, node, path)
        if self.check and len(findings.errors) == before:
            self.check(parsed, findings)
        return parsed

    def _unknown(self, node: Node, path: str, findings: Findings) -> None:
        known = [key.name for key in self.keys]
        for name in node.entries:
            if name in known:
                continue
            if self.others:
                attempt(self.others, node.entries[name], joined(path, name), findings)
            else:
                message = f"unknown key {quoted(name)} in {path or self.title}{nearest(name, known)}"
                findings.add(Spot(node.key_lines[name]), message, f"Known keys: {', '.join(known)}.")

    def _value(self, key: Key, node: Node, path: str, findings: Findings) -> Any:
        child = node.entries.get(key.name)
        if child is None:
            if key.required:
                message = f'key "{key.name}" is missing' + ("" if path else f" in {self.title}")
                findings.add(Spot(node.line, path), message, f"Add `{key.name}:`. {key.doc}")
            return key.default
        ok, value = attempt(key.kind, child, joined(path, key.name), findings, node.key_lines[key.name])
        return value if ok else key.default

    def schema(self) -> dict[str, Any]:
        """An object with these keys and no others."""
        properties = {key.name: {**key.kind.schema(), "description": key.doc} for key in self.keys}
        required = [key.name for key in self.keys if key.required]
        others = self.others.schema() if self.others else False
        shape: dict[str, Any] = {"type": "object", "additionalProperties": others, "properties": properties}
        if required:
            shape["required"] = required
        return {"anyOf": [{"type": "string"}, shape]} if self.single else shape


def attempt(kind: Kind, node: Node, path: str, findings: Findings, line: int | None = None) -> tuple[bool, Any]:
    """Read a node; a misfit goes to ``findings``. The value counts only if the first part is true."""
    try:
        return True, kind.read(node, path, findings)
    except Unfit as misfit:
        message = misfit.message or f"expected {kind.expected}, got {described(node)}"
        empty = node.value is None
        hint = misfit.hint or ("Give it a value, or remove the key." if empty else "")
        findings.add(Spot(line if empty and line else node.line, path), message, hint)
        return False, None


def joined(path: str, name: str) -> str:
    part = name if re.fullmatch(r"[\w-]+", name) else f"[{quoted(name)}]"
    return f"{path}{part}" if part.startswith("[") else f"{path}.{part}".lstrip(".")
