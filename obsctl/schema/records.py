"""Mappings with known keys, declared once: a class whose fields say type, default, unit and meaning of their keys.

::

    @record("retention")
    class Retention:
        age: float = key(duration("1m", "10y"), "Older data is removed.", default=AsWritten("24h"))

Loading, messages, JSON Schema and the tables of the documentation derive from that. A class may have a method
``check_keys(cursor, findings)``, which looks at the keys together once all of them could be read. Fields that are no
keys have a default, and are not read; those made by ``place()`` get the place of the mapping.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, dataclass_transform, overload, runtime_checkable

from obsctl.errors import Place
from obsctl.json_types import Json
from obsctl.schema.findings import Findings
from obsctl.schema.source import Scalar, SourceCursor, SourceNode
from obsctl.schema.types import AlreadyReported, ValidationError, ValueType, read_or_report

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
PlaceOrNone = TypeVar("PlaceOrNone", Place, None)

REQUIRED = object()
"""The default of a key that has none."""


class AsWritten(str):
    """A default as it is written in the file: the key's type reads it, and the reference shows it."""

    __slots__ = ()


@dataclass(frozen=True, eq=False, repr=False)
class Key(Generic[T_co]):
    """One key of a mapping. ``field`` is the name of the value's attribute.

    ``written`` is the default as it would be written, ``shown`` what happens without the key, in words.
    """

    name: str
    type: ValueType[T_co]
    meaning: str
    default: object = None
    written: Scalar = None
    shown: str = ""
    field: str = ""

    @property
    def required(self) -> bool:
        """Whether the mapping must have it."""
        return self.default is REQUIRED


@runtime_checkable
class SelfChecking(Protocol):
    """A record that looks at its keys together."""

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """Note what is wrong with the keys together; ``cursor`` is at the record."""
        ...


@overload
def key(value_type: ValueType[T], meaning: str, *, name: str = "") -> T: ...
@overload
def key(value_type: ValueType[T], meaning: str, *, default: None, name: str = "", shown: str = "") -> T | None: ...
@overload
def key(value_type: ValueType[T], meaning: str, *, default: AsWritten, name: str = "") -> T: ...
@overload
def key(value_type: ValueType[T], meaning: str, *, default: T, name: str = "", shown: str = "") -> T: ...
def key(
    value_type: ValueType[object], meaning: str, *, default: object = REQUIRED, name: str = "", shown: str = ""
) -> object:
    """A field of a record that is a key of the file.

    ``name`` is the key where it is not the field's name; ``shown`` says in words what happens without it.
    """
    written = default if isinstance(default, str | int | float) and default != "" else None
    if isinstance(default, AsWritten):
        default = value_type.read(SourceCursor(SourceNode(str(default), 1, default)), Findings())
    metadata = {"key": Key(name, value_type, meaning, default, written, shown)}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def place(*, default: PlaceOrNone) -> Place | PlaceOrNone:
    """A field that holds the place of the mapping in its file. It does not count when values are compared."""
    field: Place | PlaceOrNone = dataclasses.field(default=default, metadata={"place": True}, compare=False)
    return field


@dataclass(frozen=True, eq=False, repr=False)
class _Declaration:
    """What the decorator says of a class, and its keys."""

    title: str
    keys: tuple[Key[object], ...]
    places: tuple[str, ...]
    single: str
    others: ValueType[object] | None


_DECLARATIONS: dict[type, _Declaration] = {}


@dataclass_transform(frozen_default=True, field_specifiers=(key, place, dataclasses.field))
def record(
    title: str, *, single: str = "", others: ValueType[object] | None = None, kw_only: bool = False
) -> Callable[[type[T]], type[T]]:
    """Make a class a frozen dataclass that can be read from a mapping; messages call the mapping ``title``.

    ``single`` names the key that a bare text stands for (``http`` = ``{name: http}``). ``others`` is the type of keys
    that are not listed; without it they are mistakes.
    """

    def declare(cls: type[T]) -> type[T]:
        made: type[T] = dataclass(frozen=True, kw_only=kw_only)(cls)
        _DECLARATIONS[made] = _Declaration(title, *_fields(made), single, others)
        return made

    return declare


def _fields(cls: type) -> tuple[tuple[Key[object], ...], tuple[str, ...]]:
    """The keys of a dataclass, and its fields that hold places."""
    fields = dataclasses.fields(cls)
    keys = (
        dataclasses.replace(entry, name=entry.name or field.name, field=field.name)
        for field in fields
        if (entry := field.metadata.get("key"))
    )
    return tuple(keys), tuple(field.name for field in fields if "place" in field.metadata)


@dataclass(frozen=True, eq=False, repr=False)
class RecordType(Generic[T]):
    """The type whose values are of a class made by ``record``."""

    cls: type[T]

    @property
    def _declaration(self) -> _Declaration:
        return _DECLARATIONS[self.cls]

    @property
    def title(self) -> str:
        """What messages call the mapping."""
        return self._declaration.title

    @property
    def keys(self) -> Sequence[Key[object]]:
        """The keys, in the order of the reference."""
        return self._declaration.keys

    @property
    def expected(self) -> str:
        """The mapping in words."""
        return Findings().mapping(self.title, or_name=bool(self._declaration.single))

    def read(self, cursor: SourceCursor, findings: Findings) -> T:
        """The value. Unknown, missing and wrong keys are in ``findings``."""
        declared = self._declaration
        if declared.single and isinstance(cursor.node.value, str):
            line = cursor.node.line
            node = SourceNode({declared.single: cursor.node}, line, key_lines={declared.single: line})
            cursor = SourceCursor(node, cursor.path)
        if not isinstance(cursor.node.value, Mapping):
            raise ValidationError(expected=findings.mapping(declared.title, or_name=bool(declared.single)))
        before = len(findings.errors)
        values = read_keys(cursor, findings, declared.title, declared.keys, declared.others)
        if len(findings.errors) > before:
            raise AlreadyReported
        here = dict.fromkeys(declared.places, Place(findings.file, cursor.node.line))
        value = self.cls(**values, **here)
        if isinstance(value, SelfChecking):
            value.check_keys(cursor, findings)
        if len(findings.errors) > before:
            raise AlreadyReported
        return value

    def schema(self) -> dict[str, Json]:
        """An object with these keys and no others."""
        shape = keys_schema(self.keys, self._declaration.others)
        return {"anyOf": [{"type": "string"}, shape]} if self._declaration.single else shape


@dataclass(frozen=True, eq=False, repr=False)
class KnownKeys(Generic[T]):
    """A mapping with known keys of one type, read as a mapping of those that the file has. The keys may be data."""

    title: str
    lookup: Callable[[], Iterable[Key[T]]]

    @property
    def keys(self) -> Sequence[Key[T]]:
        """The keys, in the order of the reference."""
        return tuple(self.lookup())

    @property
    def expected(self) -> str:
        """The mapping in words."""
        return Findings().mapping(self.title, or_name=False)

    def read(self, cursor: SourceCursor, findings: Findings) -> Mapping[str, T]:
        """Key -> value. Unknown, missing and wrong keys are in ``findings``."""
        if not isinstance(cursor.node.value, Mapping):
            raise ValidationError(expected=findings.mapping(self.title, or_name=False))
        return read_keys(cursor, findings, self.title, self.keys)

    def schema(self) -> dict[str, Json]:
        """An object with these keys and no others."""
        return keys_schema(self.keys)


def read_keys(
    cursor: SourceCursor,
    findings: Findings,
    title: str,
    keys: Sequence[Key[T]],
    others: ValueType[object] | None = None,
) -> dict[str, T]:
    """The values of the keys that a mapping has, by field. What is wrong is in ``findings``."""
    known = {entry.name: entry for entry in keys}
    for name in cursor.node.entries:
        if name in known:
            continue
        if others:
            read_or_report(others, cursor.at(name), findings)
        else:
            findings.unknown(cursor, title, name, tuple(known))
    values: dict[str, T] = {}
    for entry in keys:
        node = cursor.node.entries.get(entry.name)
        if node is None or (node.value is None and findings.null_is_absent and not entry.required):
            if entry.required:
                findings.missing(cursor, title, entry.name, entry.meaning)
            continue
        line = cursor.node.key_lines.get(entry.name)
        for value in read_or_report(entry.type, cursor.at(entry.name), findings, line):
            values[entry.field or entry.name] = value
    return values


def keys_schema(keys: Iterable[Key[object]], others: ValueType[object] | None = None) -> dict[str, Json]:
    """JSON Schema of a mapping with these keys."""
    keys = tuple(keys)
    shape: dict[str, Json] = {
        "type": "object",
        "additionalProperties": others.schema() if others else False,
        "properties": {entry.name: _property(entry) for entry in keys},
    }
    required: list[Json] = [entry.name for entry in keys if entry.required]
    return {**shape, "required": required} if required else shape


def _property(entry: Key[object]) -> dict[str, Json]:
    default: dict[str, Json] = {} if entry.written is None else {"default": entry.written}
    return {**entry.type.schema(), "description": entry.meaning, **default}
