"""Plain values -> YAML text that a person can read. Pure; the same values, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from obsctl.json_types import Json

Path = tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """How parts of a document are written. A part is named by its keys, ``services/*/image``; ``*`` is any key.

    ``plain`` texts need no quotes, ``inline`` mappings and lists stand on the line of their key, ``spaced`` ones have a
    blank line between their entries (``""`` is the document itself). ``anchors`` maps a part to the anchor that it
    gets, ``above`` a part to the comment on the line before it, ``beside`` a part to what ends its line.
    """

    plain: Collection[str] = ()
    inline: Collection[str] = ()
    spaced: Collection[str] = ()
    anchors: Mapping[str, str] = field(default_factory=dict)
    above: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)


def yaml_text(value: Mapping[str, Json], comment: str, style: Style | None = None) -> str:
    """A mapping of mappings, lists, texts and numbers as a YAML document, with a comment on top."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    lines = _Writer(style or Style()).mapping(value, ())
    return head + "".join(f"{line}\n" if line else "\n" for line in lines)


class _Writer:
    """Writes values in one style. List items have the path of their list."""

    def __init__(self, style: Style) -> None:
        self._plain, self._inline_parts, self._spaced = map(_flags, (style.plain, style.inline, style.spaced))
        self._anchors, self._above, self._beside = map(_Patterns, (style.anchors, style.above, style.beside))

    def mapping(self, value: Mapping[str, Json], path: Path) -> Iterator[str]:
        spaced = self._spaced[path]
        for number, (key, inner) in enumerate(value.items()):
            part = (*path, key)
            if number and spaced:
                yield ""
            if comment := self._above[part]:
                yield f"# {comment}"
            anchor = self._anchors[part]
            first, *rest = self._entry(f"{key}: &{anchor}" if anchor else f"{key}:", inner, part)
            yield first + self._beside[part]
            yield from rest

    def _sequence(self, value: Sequence[Json], path: Path) -> Iterator[str]:
        for inner in value:
            if isinstance(inner, Mapping) and inner:
                lines = list(self.mapping(inner, path))
                yield f"- {lines[0]}"
                yield from _indented(lines[1:])
            else:
                yield from self._entry("-", inner, path)

    def _entry(self, lead: str, value: Json, path: Path) -> Iterator[str]:
        """A value behind its key or its dash: on the same line if it is short, below it if not."""
        if isinstance(value, Mapping | list | tuple) and value and not self._inline_parts[path]:
            yield lead
            yield from _indented(
                self.mapping(value, path) if isinstance(value, Mapping) else self._sequence(value, path)
            )
        elif isinstance(value, str) and "\n" in value:
            yield f"{lead} |-"
            yield from _indented(value.splitlines())
        else:
            yield lead if value is None else f"{lead} {self._inline(value, path)}"

    def _inline(self, value: Json, path: Path) -> str:
        if isinstance(value, Mapping):
            entries = (f"{key}: {self._inline(inner, (*path, key))}" for key, inner in value.items())
            return f"{{{', '.join(entries)}}}"
        if isinstance(value, list | tuple):
            return f"[{', '.join(self._inline(inner, path) for inner in value)}]"
        plain = isinstance(value, str) and bool(self._plain[path])
        return str(value) if plain else json.dumps(value, ensure_ascii=False)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" if line else "" for line in lines)


class _Patterns:
    """Texts by the pattern of the part that they are about."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._by_depth: dict[int, list[tuple[Path, str]]] = {}
        for pattern, text in texts.items():
            parts = tuple(pattern.split("/")) if pattern else ()
            self._by_depth.setdefault(len(parts), []).append((parts, text))

    def __getitem__(self, path: Path) -> str:
        """The text of the first pattern that matches; "" where none does."""
        for parts, text in self._by_depth.get(len(path), ()):
            if all(part in ("*", key) for part, key in zip(parts, path, strict=True)):
                return text
        return ""


def _flags(patterns: Iterable[str]) -> _Patterns:
    return _Patterns(dict.fromkeys(patterns, "yes"))
