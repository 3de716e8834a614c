"""Inputs that were real once: bytes, texts and JSON documents, changed a little or a lot."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

TOKENS = (
    *(
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc3\x28",
        b"\x80" * 11,
        b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\\ud800",
    ),
    *(
        b"NaN",
        b"-Inf",
        b"1e400",
        b"-1",
        b"9" * 25,
        b"0x",
        b"1_000",
        b"999999y",
        b"null",
        b"{}",
        b"[]",
        b'""',
        b"[[[[[[",
    ),
    *(
        b'"',
        b"'",
        b"`",
        b"\\",
        b"{",
        b"}",
        b"(",
        b")",
        b"|",
        b"=~",
        b"#",
        b"\r\n",
        b"\n",
        b"\t",
        b"%",
        b"..",
        b"$",
        b"@",
    ),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 2**64, 10**30, 1.5, 1e308, "", "x", "\x00", "é😀", "9" * 30),
    *([], {}, [None], [[[]]], {"": ""}, {"kvlistValue": {"values": [{}]}}, "NaN", "1754000000000000000", "\ud800"),
)


class Mutator:
    """Changes seeds. The same ``seed`` gives the same inputs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._changes: tuple[Callable[[bytearray], None], ...] = (
            *(self._flip, self._replace, self._insert, self._remove, self._repeat, self._token, self._cut, self._swap),
        )

    def data(self, seeds: Sequence[bytes]) -> bytes:
        """Bytes of one seed, or of two, with a few changes."""
        data = bytearray(self.random.choice(seeds))
        if self.random.random() < 0.1:
            other = self.random.choice(seeds)
            data[self._at(data) :] = other[self._at(other) :]
        for _ in range(self.random.choice((0, 1, 1, 1, 2, 3, 8))):
            self.random.choice(self._changes)(data)
        return bytes(data)

    def text(self, seeds: Sequence[str]) -> str:
        """A text of one seed, or of two, with a few changes."""
        return self.data([seed.encode("utf-8", "surrogatepass") for seed in seeds]).decode("utf-8", "surrogateescape")

    def document(self, seeds: Sequence[bytes]) -> bytes:
        """JSON with another shape somewhere; one in four as text with changes."""
        if self.random.random() < 0.25:
            return self.data(seeds)
        document = json.loads(self.random.choice(seeds))
        for _ in range(self.random.choice((1, 1, 2, 4))):
            document = self._reshaped(document)
        return json.dumps(document).encode()

    def _reshaped(self, value: Any) -> Any:
        if isinstance(value, dict) and value and self.random.random() < 0.8:
            key = self.random.choice(list(value))
            changed = dict(value)
            if self.random.random() < 0.1:
                changed[self.random.choice(list(value)) + "x"] = changed.pop(key)
            else:
                changed[key] = self._reshaped(value[key])
            return changed
        if isinstance(value, list) and value and self.random.random() < 0.8:
            at = self.random.randrange(len(value))
            again = value[: self.random.choice((0, 0, 1))]
            return [*value[:at], self._reshaped(value[at]), *value[at + 1 :], *again]
        return self.random.choice(VALUES)

    def _at(self, data: bytes | bytearray) -> int:
        return self.random.randint(0, len(data))

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)

    def _replace(self, data: bytearray) -> None:
        if data:
            data[self.random.randrange(len(data))] = self.random.randrange(256)

    def _insert(self, data: bytearray) -> None:
        at = self._at(data)
        data[at:at] = self.random.randbytes(self.random.choice((1, 1, 2, 4, 16)))

    def _remove(self, data: bytearray) -> None:
        at = self._at(data)
        del data[at : at + self.random.choice((1, 1, 2, 8, 64))]

    def _repeat(self, data: bytearray) -> None:
        at = self._at(data)
        piece = bytes(data[at : at + self.random.choice((1, 4, 16, 64))])
        data[at:at] = piece * self.random.choice((1, 1, 2, 20, 200))

    def _token(self, data: bytearray) -> None:
        at = self._at(data)
        data[at:at] = self.random.choice(TOKENS)

    def _cut(self, data: bytearray) -> None:
        del data[self._at(data) :]

    def _swap(self, data: bytearray) -> None:
        first, second = sorted((self._at(data), self._at(data)))
        data[first:second] = data[first:second][::-1]
