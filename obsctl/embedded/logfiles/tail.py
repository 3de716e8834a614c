"""Reading one growing file line by line, through truncation and rotation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from obsctl.embedded.records import LINE_BYTES, FilePosition

_READ_BYTES = 1 << 20
_HEAD_BYTES = 64


@dataclass(frozen=True)
class TailedLine:
    """One line without its end; ``cut`` when it was longer than the limit."""

    text: str
    cut: bool


class Tail:
    """An open file and how far it was read; ``at_end`` when the last read found no more.

    ``name`` is the path to report where the file was opened under another one.
    """

    def __init__(self, path: str, *, name: str = "") -> None:
        self.path = name or path
        self._file: BinaryIO = Path(path).open("rb", buffering=0)  # noqa: SIM115 - lives as long as the tail
        status = os.fstat(self._file.fileno())
        self.identity = (status.st_dev, status.st_ino)
        self.at_end = False
        self._head = b""
        self._offset = 0
        self._read_to = 0
        self._partial = b""
        self._length = 0

    def resume(self, left: FilePosition) -> None:
        """Go on from a position, if this is still the file that it was taken from."""
        same = (left.device, left.inode) == self.identity
        long_enough = os.fstat(self._file.fileno()).st_size >= left.offset
        if same and long_enough and os.pread(self._file.fileno(), len(left.head), 0) == left.head:
            self._head, self._offset = left.head, left.offset
            self._begin()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @property
    def position(self) -> FilePosition:
        """Where the first line begins that was not given out yet."""
        return FilePosition(self.path, *self.identity, self._offset, self._head)

    @property
    def replaced(self) -> bool:
        """Whether the path leads to another file by now, or to none."""
        try:
            status = Path(self.path).stat()
        except OSError:
            return True
        return (status.st_dev, status.st_ino) != self.identity

    def read(self, *, final: bool = False) -> list[TailedLine]:
        """The next complete lines, up to about a megabyte; with ``final`` also one that has no end."""
        if self._truncated():
            self._head, self._offset = b"", 0
            self._begin()
        data = os.pread(self._file.fileno(), _READ_BYTES, self._read_to)
        if len(self._head) < _HEAD_BYTES:
            self._head = os.pread(self._file.fileno(), _HEAD_BYTES, 0)
        self._read_to += len(data)
        self.at_end = len(data) < _READ_BYTES
        return list(self._lines(data, final and self.at_end))

    def _lines(self, data: bytes, final: bool) -> Iterator[TailedLine]:
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._append(piece)
            self._offset += 1
            yield self._line()
        self._append(rest)
        if final and self._length:
            yield self._line()

    def _append(self, piece: bytes) -> None:
        """Add to the line at hand, no more of it than will be given out."""
        self._length += len(piece)
        self._partial += piece[: max(0, LINE_BYTES - len(self._partial))]

    def _line(self) -> TailedLine:
        line = TailedLine(self._partial.decode("utf-8", "replace").rstrip("\r"), self._length > LINE_BYTES)
        self._offset += self._length
        self._partial, self._length = b"", 0
        return line

    def _begin(self) -> None:
        self._read_to = self._offset
        self._partial, self._length = b"", 0

    def _truncated(self) -> bool:
        """Whether the file was cut, or cut and written anew, since the last look."""
        if os.fstat(self._file.fileno()).st_size < self._read_to:
            return True
        return os.pread(self._file.fileno(), len(self._head), 0) != self._head


def renamed(position: FilePosition) -> str | None:
    """Where a file that was being read is now, if it was moved within its folder (rotation while we were away)."""
    try:
        with os.scandir(Path(position.path).parent) as entries:
            for entry in entries:
                if entry.inode() == position.inode and entry.path != position.path and entry.is_file():
                    return entry.path
    except OSError:
        return None
    return None
