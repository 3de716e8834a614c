"""``| json name="a.b[0]"``: expressions as paths, and the values of several paths in one pass over a line.

The pass knows keys by their level only and does not check the rest of the line, as the library that Loki uses. A path
step is a key, or ``[0]`` for a place in an array.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from obsctl.embedded.query.logql.json_text import (
    JsonTextError,
    JsonValue,
    block_end,
    items,
    string_end,
    token,
    unescaped,
    value_at,
)
from obsctl.languages.errors import QueryError

Path = tuple[str, ...]
See = Callable[[int, JsonValue], None]
"""Takes the number of a path and its value."""

_STEP = re.compile(r'\[\s*(\d+)\s*\]|\[\s*"([^"\]]*)["\]]\s*\]|(\.?)\s*([A-Za-z_][A-Za-z0-9_]*)', re.ASCII)
_SPACE = re.compile(r"[ \t\n]*")
_STRUCTURE = re.compile(r'["{}\[\]]')
_STRUCTURE_OR_COLON = re.compile(r'["{}\[:]')
_LONGEST_INDEX = 18


def parse_path(expression: str) -> Path:
    """``a.b[0]["c d"]`` as steps. ``QueryError`` when it is no such expression."""
    steps: list[str] = []
    position = _skipped(expression, 0)
    while position < len(expression):
        found = _STEP.match(expression, position)
        if not found or (found[4] and bool(found[3]) != bool(steps)) or len(found[1] or "") > _LONGEST_INDEX:
            raise _unreadable(expression, f"syntax error: unexpected {expression[position]!r} at {position + 1}")
        index, key, _, field = found.groups()
        steps.append(f"[{int(index)}]" if index else key if field is None else field)
        position = _skipped(expression, found.end())
    if not steps:
        raise _unreadable(expression, "syntax error: unexpected $end, expecting LSB or FIELD")
    return tuple(steps)


def _skipped(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _unreadable(expression: str, problem: str) -> QueryError:
    return QueryError(f"cannot parse expression [{expression}]: {problem}")


def find(text: str, paths: Sequence[Path], see: See) -> None:
    """Report the first value of every path that is there.

    Raises:
        JsonTextError: a value could not be read; what was reported before it counts.
    """
    _Search(text, paths, see).run()


class _Search:
    """One pass over a line."""

    def __init__(self, text: str, paths: Sequence[Path], see: See) -> None:
        self.text, self.paths, self.see = text, paths, see
        self.open = set(range(len(paths)))
        self.longest = max(map(len, paths))
        self.keys = [""] * self.longest
        self.level = 0

    def run(self) -> None:
        position = 0
        while self.open and (found := _STRUCTURE.search(self.text, position)):
            position = found.end()
            match found[0]:
                case "{":
                    self.level += 1
                case '"':
                    position = self.string(position)
                case "[":
                    position = self.array(found.start())
                case _:
                    self.level -= 1

    def string(self, position: int) -> int:
        """A string from behind its first quote; when it is a key, what stands there. Where to go on."""
        end = string_end(self.text, position)
        after = token(self.text, end) if end >= 0 else -1
        if after < 0:
            return len(self.text)
        if self.text[after] != ":":
            return after
        key = unescaped(self.text[position : end - 1])
        if key is None:
            return len(self.text)
        if self.level <= self.longest:
            self.key(key, after + 1)
        return after + 1

    def key(self, key: str, position: int) -> None:
        if self.level < 1:
            raise JsonTextError("Malformed JSON error")
        self.keys[self.level - 1] = key
        here = tuple(self.keys[: self.level])
        for index in [index for index in sorted(self.open) if self.paths[index] == here]:
            self.open.discard(index)
            self.see(index, value_at(self.text, position))

    def array(self, start: int) -> int:
        """An array; when a path leads into it, its values. Where to go on."""
        if self.level < 0:
            raise JsonTextError("Malformed JSON error")
        wanted = {index: place for index in sorted(self.open) if (place := self.place(index)) is not None}
        if not wanted:
            end = block_end(self.text, start)
            return len(self.text) if end < 0 else end
        self.level += 1
        end = start
        for number, (value, after) in enumerate(items(self.text, start)):
            end = after
            for index in [index for index, place in wanted.items() if place == number]:
                if value is not None:
                    self.open.discard(index)
                    self.inside(index, value)
        return end

    def place(self, index: int) -> int | None:
        """Which value of the array here a path asks for."""
        path, level = self.paths[index], self.level
        here = len(path) > level and path[level][:1] == "[" and path[:level] == tuple(self.keys[:level])
        return _index(path[level]) if here else None

    def inside(self, index: int, value: JsonValue) -> None:
        start = search(value.text, self.paths[index][self.level :])
        if start < 0:
            return
        if value.kind == "string":
            self.see(index, JsonValue("string", value.text[start:], value.end))
        else:
            self.see(index, value_at(value.text, start))


def _index(step: str) -> int:
    return int(step[1:-1]) if re.fullmatch(r"\[\d{1,18}\]", step, re.ASCII) else 0


def search(text: str, path: Sequence[str]) -> int:
    """Where the value of a path begins in a value; -1 when it is not there."""
    return _Descent(text, path).run() if path else 0


class _Descent:
    """One path through one value."""

    def __init__(self, text: str, path: Sequence[str]) -> None:
        self.text, self.path = text, path
        self.matched = self.level = 0
        self.here = True
        self.found = -1

    def run(self) -> int:
        position = 0
        while position >= 0 and (found := _STRUCTURE_OR_COLON.search(self.text, position)):
            position = self.step(found[0], found.start())
        return self.found

    def step(self, what: str, start: int) -> int:
        """Take one character that counts. Where to go on; -1 at the end."""
        if what == '"':
            return self.string(start + 1)
        if what == "{" and self.here:
            self.level += 1
        elif what == "}":
            self.level -= 1
            self.matched -= self.level == self.matched
        elif what == "[" and self.matched == self.level and self.path[self.level][:1] == "[":
            self.found = _in_array(self.text, start, self.path[self.level :])
            return -1
        else:
            return -1 if what == ":" else block_end(self.text, start)
        return start + 1

    def string(self, position: int) -> int:
        end = string_end(self.text, position)
        after = token(self.text, end) if end >= 0 else -1
        if after < 0 or self.text[after] != ":":
            return after
        key = unescaped(self.text[position : end - 1])
        if key is None or not 1 <= self.level <= len(self.path):
            return -1
        self.here = key == self.path[self.level - 1]
        if self.here and self.matched == self.level - 1:
            self.matched += 1
            if self.matched == len(self.path):
                self.found = after + 1
                return -1
        return after + 1


def _in_array(text: str, start: int, path: Sequence[str]) -> int:
    """The same from an array on whose place the first step names."""
    if not re.fullmatch(r"\[\d{1,18}\]", path[0], re.ASCII):
        return -1
    for number, (value, end) in enumerate(items(text, start)):
        if number == _index(path[0]) and value is not None:
            begin = end - len(value.text) - (2 if value.kind == "string" else 0)
            found = search(text[begin:end], path[1:])
            return begin + found if found >= 0 else -1
    return -1
