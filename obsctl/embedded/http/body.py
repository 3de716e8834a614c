"""Request bodies: decompressed while they arrive, never larger in memory than the limit, nor too many at once."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cramjam import DecompressionError, snappy
from starlette.requests import Request

_WINDOW = {"gzip": 31, "deflate": 15}
"""``wbits`` of zlib: a gzip member, and the zlib stream that HTTP calls deflate (RFC 9110, 8.4.1.2)."""

_DISCARDED = 4
"""How many times the limit is read and thrown away before the connection is cut."""

_TOGETHER = 4
"""How many times the limit all bodies under way may hold."""

ENCODINGS = ("identity", *_WINDOW)


class BodyError(Exception):
    """The body cannot be read; ``status`` is the HTTP status for it, ``retry_after`` the seconds to wait, if any."""

    def __init__(self, status: int, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


class Bodies:
    """Reads request bodies for one event loop. A body counts until its request is answered."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = _TOGETHER * limit

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The decompressed body.

        Raises:
            BodyError: 413 when there are more than ``limit`` bytes, compressed or not; 415 for an unknown encoding;
                400 for a broken or cut stream; 503 when too many large bodies are under way.
        """
        async with self._read(request, request.headers.get("content-encoding", "identity").strip().lower()) as body:
            yield body

    @asynccontextmanager
    async def read_snappy(self, request: Request) -> AsyncIterator[bytes]:
        """The same for a body in snappy's block format, whatever its header says: remote write, Loki's protobuf push.

        Raises:
            BodyError: as ``read``; 400 when it is not snappy.
        """
        async with self._read(request, "identity") as packed:
            size = _unpacked_size(packed)
            if size > self._limit:
                raise self._too_large()
            if size > self._room:
                raise self._too_many()
            self._room -= size
            try:
                yield _unpacked(packed)
            finally:
                self._room += size

    @asynccontextmanager
    async def _read(self, request: Request, encoding: str) -> AsyncIterator[bytes]:
        if encoding not in ENCODINGS:
            offered = ", ".join(ENCODINGS)
            raise BodyError(415, f"content encoding {encoding[:40]!r} is not supported, use one of {offered}")
        length = request.headers.get("content-length", "")
        if "expect" in request.headers and length.isdigit() and int(length) > self._limit:
            raise self._too_large()  # the client asks before it sends
        parts: list[bytes] = []
        try:
            async for part in self._parts(request.stream(), encoding):
                self._room -= len(part)
                parts.append(part)
                if self._room < 0:
                    raise self._too_many()
            yield parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            self._room += sum(map(len, parts))

    async def _parts(self, chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
        inflater = Inflater(_WINDOW[encoding], self._limit) if encoding in _WINDOW else None
        size = arrived = 0
        async for chunk in chunks:
            arrived += len(chunk)
            part = inflater.feed(chunk) if inflater else chunk
            size += len(part)
            if size > self._limit or arrived > self._limit:
                await _discard(chunks, _DISCARDED * self._limit)
                raise self._too_large()
            yield part
        if inflater and not inflater.complete:
            raise BodyError(400, f"the {encoding} stream ends too early")

    def _too_large(self) -> BodyError:
        return BodyError(413, f"the body is larger than {self._limit} bytes after decompression")

    def _too_many(self) -> BodyError:
        return BodyError(503, "too many large requests at once", retry_after=1)


def _unpacked_size(packed: bytes) -> int:
    """The size that a snappy block claims. Unpacking allocates that much at once, so the limit is checked first."""
    try:
        return snappy.decompress_raw_len(packed)
    except DecompressionError as error:
        raise BodyError(400, str(error)) from error


def _unpacked(packed: bytes) -> bytes:
    try:
        return bytes(snappy.decompress_raw(packed))
    except DecompressionError as error:
        raise BodyError(400, str(error)) from error


async def _discard(chunks: AsyncIterator[bytes], limit: int) -> None:
    """Read on without keeping anything: a client that still writes would not see the answer."""
    discarded = 0
    async for chunk in chunks:
        discarded += len(chunk)
        if discarded > limit:
            return


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
