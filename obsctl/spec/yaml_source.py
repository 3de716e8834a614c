"""YAML text as a tree of nodes that remember their lines.

Built from parser events and not from PyYAML's loaders, for three reasons: every node keeps its line, nothing recurses
on the nesting of the input, and scalars are read the way people mean them (``on`` is text and ``22:22`` is no number).
Where YAML readers disagree the node says so in ``ambiguous``, and whoever wants text there refuses it.

Bounds on a file: 1 MiB, 20,000 nodes with aliases counted at their full size, 32 levels of nesting.

Specs may not have everything that YAML has; files of other programs are read in their dialect (``YamlDialect``).
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml

from obsctl.errors import Place, SpecError
from obsctl.schema.findings import Findings
from obsctl.schema.records import RecordType
from obsctl.schema.source import Scalar, SourceCursor, SourceNode
from obsctl.schema.text import quoted
from obsctl.schema.types import AlreadyReported, ValidationError
from obsctl.spec.yaml_syntax import control_character, syntax_error

MAX_BYTES = 1024 * 1024
MAX_NODES = 20_000
MAX_DEPTH = 32

T = TypeVar("T")

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAG = "tag:yaml.org,2002:"
_CORE_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_INT = r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)\Z"
_TAGGED = {
    f"{_TAG}int": re.compile(_INT),
    f"{_TAG}float": re.compile(
        rf"{_INT}|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z|[-+]?\.(?i:inf)\Z|\.(?i:nan)\Z"
    ),
    f"{_TAG}bool": re.compile(r"(true|True|TRUE|false|False|FALSE)\Z"),
    f"{_TAG}null": re.compile(r"(|~|null|Null|NULL)\Z"),
}
"""What a scalar with such a tag must be, as in Go's YAML package."""
_AMBIGUOUS = re.compile(
    r"(yes|no|on|off)\Z|[-+]?0[0-9_]+\Z|[-+]?[1-9][0-9]*_[0-9_]*\Z|[-+]?0x[0-9a-f_]+\Z|<<\Z", re.IGNORECASE
)


@dataclass(frozen=True)
class YamlDialect:
    """What a reader takes. The default is for specs: one document, no merge keys, no tags.

    ``merge_keys`` reads ``<<``; the keys of a mapping come before those that it merges, and earlier ones before later
    ones. ``core_tags`` takes ``!!str`` and its kind on scalars and collections. ``first_document`` ends at the second
    one. ``empty`` takes a file without a value for null.
    """

    max_nodes: int = MAX_NODES
    merge_keys: bool = False
    core_tags: bool = False
    first_document: bool = False
    empty: bool = False


SPEC_DIALECT = YamlDialect()


def read_yaml(path: Path, file: str) -> SourceNode:
    """The root node of a YAML file; ``file`` is how errors name it.

    Raises SpecError with a line where there is one: unreadable, too big, not UTF-8, not YAML, or beyond the bounds.
    """
    return parse_yaml(_read_text(path, file), file)


def parse_yaml(text: str, file: str, dialect: YamlDialect = SPEC_DIALECT) -> SourceNode:
    """The root node of YAML text. Raises SpecError as ``read_yaml`` does."""
    builder = _Builder(file, dialect)
    try:
        for event in _events(text):
            builder.take(event)
            if dialect.first_document and isinstance(event, yaml.DocumentEndEvent):
                break
    except yaml.YAMLError as problem:
        raise syntax_error(problem, text, file) from problem
    if builder.root is None and dialect.empty:
        return SourceNode(None, 1)
    if builder.root is None:
        raise SpecError("the file is empty", place=Place(file), hint="Write at least `version: 1`.")
    return builder.root


def read_record(path: Path, record: RecordType[T], findings: Findings) -> tuple[T, SourceCursor]:
    """The value of a file whose root is a mapping, and the cursor at the root.

    Raises SpecError with every mistake in the keys it could find.
    """
    cursor = SourceCursor(read_yaml(path, findings.file))
    with contextlib.suppress(AlreadyReported):
        try:
            return record.read(cursor, findings), cursor
        except ValidationError:
            message = f"expected {record.expected} at the top, such as `{record.keys[0].name}: …`"
            findings.add(cursor.spot(), message)
    findings.raise_any()
    raise AssertionError("a record that cannot be read says why")


def _events(text: str) -> Iterator[yaml.Event]:
    parsed: Iterator[yaml.Event] = yaml.parse(text, Loader=_PARSER)
    return parsed


def _read_text(path: Path, file: str) -> str:
    place = Place(file)
    try:
        if path.is_dir():
            raise SpecError("a folder is in the place of the file", place=place)
        if path.exists() and not path.is_file():
            raise SpecError("not a regular file", place=place)
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise SpecError(f"cannot be read: {reason}", place=place) from problem
    if len(data) > MAX_BYTES:
        raise SpecError("larger than 1 MiB", place=place, hint="A spec holds settings; keep data elsewhere.")
    return _decode(data, file)


def _decode(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise SpecError("not UTF-8 text", place=Place(file, line), hint="Save the file as UTF-8.") from problem
    found = control_character(text)
    if found is not None:
        line = text.count("\n", 0, found) + 1
        raise SpecError(f"control character U+{ord(text[found]):04X}", place=Place(file, line), hint="Remove it.")
    return text


@dataclass
class _Open:
    """A list or mapping whose end has not been seen yet."""

    line: int
    mapping: bool
    anchor: str | None
    items: list[SourceNode] = field(default_factory=list)
    entries: dict[str, SourceNode] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)
    key: str | None = None
    merging: bool = False
    merged: list[SourceNode] = field(default_factory=list)
    merged_line: int = 0
    """The line of the merge key, if there is one."""


class _Builder:
    """Takes parser events one by one and ends with ``root``. Fails at the first breach of a bound."""

    def __init__(self, file: str, dialect: YamlDialect) -> None:
        self.root: SourceNode | None = None
        self._file = file
        self._dialect = dialect
        self._open: list[_Open] = []
        self._anchors: dict[str, SourceNode | None] = {}
        self._count = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case yaml.ScalarEvent():
                self._check_tag(event, line)
                self._add(_scalar(event, line), event.anchor)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._check_tag(event, line)
                self._begin(isinstance(event, yaml.MappingStartEvent), event.anchor, line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()
            case yaml.AliasEvent():
                self._alias(event.anchor, line)
            case yaml.DocumentStartEvent() if self.root is not None:
                self._fail("a second document starts here", line, "Keep one document in the file; remove the `---`.")

    def _begin(self, mapping: bool, anchor: str | None, line: int) -> None:
        parent = self._open[-1] if self._open else None
        if parent and parent.mapping and not parent.merging:
            if parent.key is None:
                self._fail("a key must be text, not a list or a mapping", line)
            line = parent.key_lines[parent.key or ""]
        if len(self._open) >= MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH} levels", line)
        if anchor:
            self._anchors[anchor] = None
        self._open.append(_Open(line, mapping, anchor))

    def _end(self) -> None:
        done = self._open.pop()
        self._merge(done)
        below = tuple(done.entries.values()) if done.mapping else tuple(done.items)
        node = SourceNode(
            done.entries if done.mapping else below,
            done.line,
            key_lines=done.key_lines,
            size=1 + sum(n.size for n in below),
            height=1 + max((n.height for n in below), default=0),
        )
        self._count -= node.size - 1  # the parts were counted when they were added
        self._add(node, done.anchor)

    def _alias(self, anchor: str | None, line: int) -> None:
        if anchor is None or anchor not in self._anchors:
            self._fail(f'nothing is anchored as "&{anchor}" above this line', line)
        node = self._anchors[anchor]
        if node is None:
            self._fail(f'"*{anchor}" stands inside of what it refers to', line)
        self._add(replace(node, line=line), None)

    def _add(self, node: SourceNode, anchor: str | None) -> None:
        """Put a finished node where it belongs: under its key, in its list, or at the root."""
        self._count += node.size
        if self._count > self._dialect.max_nodes:
            self._fail(f"more than {self._dialect.max_nodes} values (aliases count in full)", node.line)
        if len(self._open) + node.height > MAX_DEPTH + 1:
            self._fail(f"nested deeper than {MAX_DEPTH} levels", node.line)
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
        elif not self._open[-1].mapping:
            self._open[-1].items.append(node)
        else:
            self._add_to_mapping(self._open[-1], node)

    def _add_to_mapping(self, mapping: _Open, node: SourceNode) -> None:
        if mapping.merging:
            mapping.merging = False
            mapping.merged += self._merged_mappings(node)
            self._count -= node.size
            return
        if mapping.key is not None:
            mapping.entries[mapping.key] = node
            mapping.key = None
            return
        if isinstance(node.value, tuple | Mapping):
            self._fail("a key must be text, not a list or a mapping", node.line)
        key = node.text
        if key == "<<" and node.ambiguous:
            if not self._dialect.merge_keys:
                self._fail("merge keys (`<<`) are not supported", node.line, "Write the keys out.")
            if mapping.merged_line:
                self._fail(
                    f"`<<` is already given on line {mapping.merged_line}", node.line, "Merge a list of mappings."
                )
            mapping.merging, mapping.merged_line = True, node.line
            return
        if key in mapping.key_lines:
            self._fail(f"key {quoted(key)} is already given on line {mapping.key_lines[key]}", node.line, "Keep one.")
        mapping.key = key
        mapping.key_lines[key] = node.line

    def _merged_mappings(self, node: SourceNode) -> list[SourceNode]:
        """The mappings that stand behind ``<<``: one, or a list of them."""
        mappings = list(node.items) if isinstance(node.value, tuple) else [node]
        if not all(isinstance(mapping.value, Mapping) for mapping in mappings):
            self._fail("`<<` merges mappings, and this is none", node.line, "Write `<<: *anchor` of a mapping.")
        return mappings

    def _merge(self, done: _Open) -> None:
        """Take over the keys of merged mappings that the mapping does not have itself."""
        for source in done.merged:
            for key, node in source.entries.items():
                if key not in done.entries:
                    done.entries[key] = node
                    done.key_lines[key] = source.key_lines[key]
                    self._count += node.size

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
        if event.tag is None:
            return
        own = event.tag.startswith("!")  # a tag that nobody defines says nothing to Go's YAML package
        if not self._dialect.core_tags or not (own or event.tag in _CORE_TAGS):
            self._fail(f"tag {quoted(event.tag)} is not allowed", line, "Remove the tag; put text in quotes.")
        fits = _TAGGED.get(event.tag)
        if isinstance(event, yaml.ScalarEvent) and fits and not fits.match(event.value):
            self._fail(f"{quoted(event.value)} is not what its tag says", line, "Remove the tag.")

    def _fail(self, message: str, line: int, hint: str = "") -> NoReturn:
        raise SpecError(message, place=Place(self._file, line), hint=hint)


def _scalar(event: yaml.ScalarEvent, line: int) -> SourceNode:
    text: str = event.value
    typed = event.tag is not None and event.tag != f"{_TAG}str"
    if not event.implicit[0] and not typed:  # quoted, a block, or said to be text
        return SourceNode(text, line, text)
    return SourceNode(_resolve(text), line, text, ambiguous=bool(_AMBIGUOUS.match(text)))


def _resolve(text: str) -> Scalar:
    """A bare scalar by the YAML 1.2 core schema, except that only finite decimal numbers are numbers."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _WHOLE.match(text):
        return int(text)
    if len(text) <= 40 and _DECIMAL.match(text) and math.isfinite(number := float(text)):
        return number
    return text
