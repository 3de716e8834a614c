"""The reference of the files, made from the key tables: JSON Schemas for editors and tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from obsctl.spec.contract_keys import CONTRACT, FAMILY
from obsctl.spec.kinds import Key, Kind, ListOf, MapOf, OneOrMore, Record
from obsctl.spec.slo_keys import SloEntry
from obsctl.spec.stack_keys import STACK

FILES: Mapping[str, Record] = {"obsctl.yaml": STACK, "contract.yaml": CONTRACT, "families": FAMILY}
"""What can be written, by the name of its schema."""


def json_schema(file: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of one of ``FILES``. It knows keys and types; checks across keys are obsctl's own."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"obsctl: {file}",
        **FILES[file].schema(),
    }


def tables(file: str) -> str:
    """Markdown: a table of keys for the file and for every mapping in it."""
    return "\n".join("\n".join(_table(path, record)) for path, record in _records("", FILES[file]))


def _records(path: str, record: Record) -> Iterator[tuple[str, Record]]:
    """The record and those below it, each with its path in the file."""
    yield path, record
    for key in record.keys:
        inner, suffix = _inside(key.kind)
        if inner:
            yield from _records(f"{path}.{key.name}{suffix}".lstrip("."), inner)


def _inside(kind: Kind) -> tuple[Record | None, str]:
    """The record that a kind holds, and what its path adds."""
    if isinstance(kind, Record):
        return kind, ""
    if isinstance(kind, SloEntry):
        return kind.record, ""
    if isinstance(kind, ListOf | OneOrMore):
        return _inside(kind.item)[0], "[]"
    return (_inside(kind.item)[0], ".<name>") if isinstance(kind, MapOf) else (None, "")


def _table(path: str, record: Record) -> Iterator[str]:
    yield f"### {f'`{path}`' if path else 'The file'}\n"
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for key in record.keys:
        yield f"| `{key.name}` | {_cell(key.kind.expected)} | {_cell(_default(key))} | {_cell(key.doc)} |"
    yield ""


def _default(key: Key) -> str:
    return "**required**" if key.required else key.shown or "none"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
