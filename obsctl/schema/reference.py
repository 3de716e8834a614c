"""The reference of a file, made from the declaration of its keys: a JSON Schema for editors, tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from obsctl.json_types import Json
from obsctl.schema.records import Key, KnownKeys, RecordType
from obsctl.schema.types import ListOf, MapOf, OneOrMore, ScalarType, TextOr, ValueType


class Keyed(Protocol):
    """A type whose values are mappings with known keys."""

    @property
    def keys(self) -> Sequence[Key[object]]:
        """The keys, in the order of the reference."""
        ...

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the mapping."""
        ...


def json_schema(title: str, root: Keyed) -> dict[str, Json]:
    """JSON Schema (2020-12) of a file. It knows keys and types; checks across keys are obsctl's own."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **root.schema()}


def tables(root: Keyed) -> str:
    """Markdown: a table of keys for the file and for every mapping in it; one for all places of the same mapping."""
    return "\n".join("\n".join(_table(shown)) for shown in mappings(root))


def mappings(root: Keyed) -> Sequence[ShownMapping]:
    """Every mapping of a file once, in the order of the file."""
    found: dict[object, ShownMapping] = {}
    _collect("", root, found)
    return tuple(found.values())


@dataclass(frozen=True)
class ShownMapping:
    """A mapping, and the paths in the file where it stands."""

    keyed: Keyed
    paths: list[str]


def _collect(path: str, keyed: Keyed, found: dict[object, ShownMapping]) -> None:
    """The mapping and those below it, in the order of the file."""
    identity = keyed.cls if isinstance(keyed, RecordType) else keyed
    if identity in found:
        found[identity].paths.append(path)
        return
    found[identity] = ShownMapping(keyed, [path])
    for entry in keyed.keys:
        inner, suffix = _inside(entry.type)
        if inner:
            _collect(f"{path}.{entry.name}{suffix}".lstrip("."), inner, found)


def _inside(value_type: ValueType[object]) -> tuple[Keyed | None, str]:
    """The mapping with known keys that a type holds, and what its path adds."""
    match value_type:
        case RecordType() | KnownKeys():
            return value_type, ""
        case TextOr(other=other):
            return _inside(other)[0], ""
        case ListOf(item=item) | OneOrMore(item=item):
            return _inside(item)[0], "[]"
        case MapOf(item=item):
            return _inside(item)[0], ".<name>"
    return None, ""


def _table(shown: ShownMapping) -> Iterator[str]:
    path, *others = shown.paths
    yield f"### {f'`{path}`' if path else 'The file'}\n"
    if others:
        yield f"The same keys stand in {', '.join(f'`{other}`' for other in others)}.\n"
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for entry in shown.keyed.keys:
        cells = (f"`{entry.name}`", _value(entry.type), _default(entry), entry.meaning)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _value(value_type: ValueType[object]) -> str:
    unit = value_type.unit if isinstance(value_type, ScalarType) else ""
    return f"{value_type.expected} ({unit})" if unit else value_type.expected


def _default(entry: Key[object]) -> str:
    if entry.required:
        return "**required**"
    written = str(entry.written).lower() if isinstance(entry.written, bool) else entry.written
    return entry.shown or ("none" if written is None else str(written))
