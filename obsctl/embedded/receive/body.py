"""Request bodies: decompressed while they arrive, and never larger in memory than the limit."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

_WINDOW = {"gzip": 31, "deflate": 15}
"""``wbits`` of zlib: a gzip member, and the zlib stream that HTTP calls deflate (RFC 9110, 8.4.1.2)."""

_DISCARDED = 4
"""How many times the limit is read and thrown away before the connection is cut."""

ENCODINGS = ("identity", *_WINDOW)


@dataclass(frozen=True)
class BodyError(Exception):
    """The body cannot be taken; ``status`` is the HTTP status for it."""

    status: int
    message: str

    def __str__(self) -> str:
        return self.message


async def read_body(chunks: AsyncIterator[bytes], encoding: str, limit: int) -> bytes:
    """The decompressed body.

    Raises:
        BodyError: 413 when there are more than ``limit`` bytes, compressed or not; 415 for an unknown
            encoding; 400 for a broken or cut stream.
    """
    if encoding not in ENCODINGS:
        raise BodyError(415, f"content encoding {encoding[:40]!r} is not supported, use one of {', '.join(ENCODINGS)}")
    inflater = Inflater(_WINDOW[encoding], limit) if encoding in _WINDOW else None
    parts: list[bytes] = []
    size = arrived = 0
    async for chunk in chunks:
        arrived += len(chunk)
        part = inflater.feed(chunk) if inflater else chunk
        size += len(part)
        if size > limit or arrived > limit:
            await _discard(chunks, _DISCARDED * limit)
            raise too_large(limit)
        parts.append(part)
    if inflater and not inflater.complete:
        raise BodyError(400, f"the {encoding} stream ends too early")
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _discard(chunks: AsyncIterator[bytes], limit: int) -> None:
    """Read on without keeping anything: a client that still writes would not see the answer."""
    discarded = 0
    async for chunk in chunks:
        discarded += len(chunk)
        if discarded > limit:
            return


def too_large(limit: int) -> BodyError:
    """The 413 of a body over the limit."""
    return BodyError(413, f"the body is larger than {limit} bytes after decompression")


class Inflater:
    """Streaming decompression that stops one byte past the limit. Concatenated members are one stream."""

    def __init__(self, window: int, limit: int) -> None:
        self._window = window
        self._room = limit
        self._stream = zlib.decompressobj(window)
        self._begun = False

    @property
    def complete(self) -> bool:
        """Whether the last member has ended (or nothing came at all)."""
        return self._stream.eof or not self._begun

    def feed(self, data: bytes) -> bytes:
        """Decompress the next piece; gives at most one byte more than the limit in total."""
        parts: list[bytes] = []
        while data and self._room >= 0:
            if self._stream.eof:
                self._stream = zlib.decompressobj(self._window)
            self._begun = True
            try:
                part = self._stream.decompress(data, self._room + 1)
            except zlib.error as error:
                raise BodyError(400, f"the body cannot be decompressed: {error}") from error
            self._room -= len(part)
            parts.append(part)
            data = self._stream.unused_data or self._stream.unconsumed_tail
        return b"".join(parts)
