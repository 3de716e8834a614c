"""The types of values that keys hold. A type reads a node into a value, says what it wants, and knows its JSON Schema.

Scalar types are data: what they expect, a function that parses a node, and a schema fragment. Containers note the
mistakes of their parts and go on, so that one run finds them all. Types are not compared or printed: without methods
for that, every program that reads settings starts sooner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from obsctl.json_types import Json
from obsctl.schema.findings import Findings, described
from obsctl.schema.source import SourceCursor, SourceNode, Spot, joined
from obsctl.schema.text import nearest, quoted

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Option = TypeVar("Option", bound=str)


class ValidationError(Exception):
    """A node is not of its type. Without a message the reader says what was expected and what it got."""

    def __init__(self, message: str = "", hint: str = "", *, expected: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.expected = expected


class AlreadyReported(Exception):  # noqa: N818 - a signal between a record and its container
    """A value has mistakes in it, which findings have already."""


class ValueType(Protocol[T_co]):
    """A type of value."""

    @property
    def expected(self) -> str:
        """What the type wants, as in "a list"."""
        ...

    def read(self, cursor: SourceCursor, findings: Findings) -> T_co:
        """The value of a node. Raises ValidationError for the node itself; mistakes of its parts go to ``findings``."""
        ...

    def schema(self) -> dict[str, Json]:
        """JSON Schema of what the type accepts."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class ScalarType(Generic[T_co]):
    """A scalar: ``parse`` gives its value or raises ValidationError. ``unit`` is what a bare number counts."""

    expected: str
    parse: Callable[[SourceNode], T_co]
    json: Mapping[str, Json] = field(default_factory=dict)
    unit: str = ""

    def read(self, cursor: SourceCursor, findings: Findings) -> T_co:  # noqa: ARG002
        """The value of the scalar."""
        return self.parse(cursor.node)

    def schema(self) -> dict[str, Json]:
        """The scalar's own fragment."""
        return dict(self.json)


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Generic[Option]):
    """One of a few words. They are looked up when they are needed: some stand in files."""

    options: Callable[[], Sequence[Option]]

    @property
    def expected(self) -> str:
        """The words."""
        return "one of " + ", ".join(self.options())

    def read(self, cursor: SourceCursor, findings: Findings) -> Option:  # noqa: ARG002
        """The word."""
        node, options = cursor.node, self.options()
        text = node.text if isinstance(node.value, bool | int | float) else node.value
        for option in options:
            if option == text:
                return option
        wanted = " or ".join(filter(None, [", ".join(options[:-1]), options[-1]]))
        close = nearest(text, options) if isinstance(text, str) else ""
        raise ValidationError(f"expected {wanted}, got {described(node)}{close}")

    def schema(self) -> dict[str, Json]:
        """The words."""
        return {"enum": [str(option) for option in self.options()]}


def choice(*options: Option) -> Choice[Option]:
    """One of a few words."""
    return Choice(lambda: options)


@dataclass(frozen=True, eq=False, repr=False)
class ListOf(Generic[T_co]):
    """A list of one type, read as a tuple of values. A single value is not taken for a list of one."""

    item: ValueType[T_co]
    expected: str = "a list"
    empty: bool = True

    def read(self, cursor: SourceCursor, findings: Findings) -> tuple[T_co, ...]:
        """The values that could be read; the others are in ``findings``."""
        if not isinstance(cursor.node.value, tuple):
            raise ValidationError
        if not cursor.node.value and not self.empty:
            raise ValidationError("must not be empty", "Give at least one.")
        parts = (cursor.at(i) for i in range(len(cursor.node.items)))
        return tuple(value for part in parts for value in read_or_report(self.item, part, findings))

    def schema(self) -> dict[str, Json]:
        """An array."""
        return {"type": "array", "items": self.item.schema(), **({} if self.empty else {"minItems": 1})}


@dataclass(frozen=True, eq=False, repr=False)
class OneOrMore(Generic[T_co]):
    """A value or a list of values, read as a tuple either way."""

    item: ValueType[T_co]

    @property
    def expected(self) -> str:
        """What the item is, or a list."""
        return f"{self.item.expected}, or a list"

    def read(self, cursor: SourceCursor, findings: Findings) -> tuple[T_co, ...]:
        """The value or the values."""
        if isinstance(cursor.node.value, tuple):
            return ListOf(self.item, empty=False).read(cursor, findings)
        return (self.item.read(cursor, findings),)

    def schema(self) -> dict[str, Json]:
        """The item, or an array of it."""
        return {"anyOf": [self.item.schema(), ListOf(self.item, empty=False).schema()]}


@dataclass(frozen=True, eq=False, repr=False)
class MapOf(Generic[T_co]):
    """A mapping from free names to one type. ``names`` must match fully; ``naming`` says so in words."""

    item: ValueType[T_co]
    expected: str = "a mapping"
    names: str = r".+"
    naming: str = "not empty"

    def read(self, cursor: SourceCursor, findings: Findings) -> Mapping[str, T_co]:
        """Name -> value for what could be read; the others are in ``findings``."""
        if not isinstance(cursor.node.value, Mapping):
            raise ValidationError
        values: dict[str, T_co] = {}
        for name in cursor.node.entries:
            if not re.fullmatch(self.names, name):
                spot = Spot(cursor.spot(name).line, cursor.path)
                findings.add(spot, f"name {quoted(name)} is not {self.naming}")
                continue
            values.update((name, value) for value in read_or_report(self.item, cursor.at(name), findings))
        return values

    def schema(self) -> dict[str, Json]:
        """An object with free keys."""
        naming: dict[str, Json] = {"propertyNames": {"pattern": f"^(?:{self.names})$"}}
        free = self.names == r".+"
        return {"type": "object", "additionalProperties": self.item.schema(), **({} if free else naming)}


@dataclass(frozen=True, eq=False, repr=False)
class TextOr(Generic[T_co]):
    """A text that stands for something elsewhere, or a mapping that is the thing itself."""

    text: ValueType[str]
    other: ValueType[T_co]
    expected: str

    def read(self, cursor: SourceCursor, findings: Findings) -> str | T_co:
        """The text, or the value."""
        if isinstance(cursor.node.value, str):
            return self.text.read(cursor, findings)
        if not isinstance(cursor.node.value, Mapping):
            raise ValidationError
        return self.other.read(cursor, findings)

    def schema(self) -> dict[str, Json]:
        """Either of the two."""
        return {"anyOf": [self.text.schema(), self.other.schema()]}


@dataclass(frozen=True, eq=False, repr=False)
class Deferred(Generic[T_co]):
    """A type that is only known later: a record that holds others of its own kind."""

    of: Callable[[], ValueType[T_co]]
    expected: str

    def read(self, cursor: SourceCursor, findings: Findings) -> T_co:
        """The value, as the type reads it."""
        return self.of().read(cursor, findings)

    def schema(self) -> dict[str, Json]:
        """An object: a schema that named its own parts would have no end."""
        return {"type": "object"}


@dataclass(frozen=True, eq=False, repr=False)
class JsonType:
    """Any JSON value. Bare scalars that YAML readers disagree about are refused, since a body must be exact."""

    text: ValueType[str]
    expected: str = "a JSON value"

    def read(self, cursor: SourceCursor, findings: Findings) -> Json:
        """The value, containers as lists and dictionaries."""
        node = cursor.node
        if isinstance(node.value, tuple):
            return [self._part(cursor.at(i), findings) for i in range(len(node.items))]
        if isinstance(node.value, Mapping):
            return {
                name: self._part(SourceCursor(part, joined(cursor.path, name)), findings)
                for name, part in node.entries.items()
            }
        return self.text.read(cursor, findings) if isinstance(node.value, str) else node.value

    def _part(self, cursor: SourceCursor, findings: Findings) -> Json:
        return next(iter(read_or_report(self, cursor, findings)), None)

    def schema(self) -> dict[str, Json]:
        """Anything goes."""
        return {}


def read_or_report(
    value_type: ValueType[T], cursor: SourceCursor, findings: Findings, key_line: int | None = None
) -> Sequence[T]:
    """The value of a node, or nothing and what is wrong with it in ``findings``.

    ``key_line`` is the line of the node's key, which stands in for the line of a value that is not there.
    """
    try:
        return (value_type.read(cursor, findings),)
    except AlreadyReported:
        return ()
    except ValidationError as error:
        absent = cursor.node.value is None
        spot = Spot(key_line if absent and key_line else cursor.node.line, cursor.path)
        hint = error.hint or ("Give it a value, or remove the key." if absent else "")
        if error.message:
            findings.add(spot, error.message, hint)
        else:
            findings.misfit(spot, error.expected or value_type.expected, cursor.node, hint)
        return ()
