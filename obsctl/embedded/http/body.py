"""Request bodies: decompressed while they arrive, never larger in memory than the limit, nor too many at once."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from cramjam import DecompressionError, snappy, zstd
from starlette.requests import Request

_WINDOW = {"gzip": 31, "deflate": 15}
"""``wbits`` of zlib: a gzip member, and the zlib stream that HTTP calls deflate (RFC 9110, 8.4.1.2)."""

_DISCARDED = 4
"""How many times the limit is read and thrown away before the connection is cut."""

_TOGETHER = 4
"""How many times the limit all bodies under way may hold."""

_FRAMES = b"\xff\x06\x00\x00sNaPpY"
"""What a framed snappy stream begins with; a block in snappy's raw format cannot."""

_FIRST_BUFFER = 64 * 1024
_BUFFER_FULL = "failed to write whole buffer"
"""How cramjam says that there is more than the buffer holds."""

ENCODINGS = ("identity", *_WINDOW, "zstd", "snappy", "x-snappy-framed")
"""gzip and deflate are inflated while they arrive; the others, which OpenTelemetry's Collector sends, at once."""


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
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding == "snappy":
            unpack = self._unpacked_snappy
        elif encoding in ("zstd", "x-snappy-framed"):
            unpack = partial(self._unpacked_stream, (zstd if encoding == "zstd" else snappy).decompress_into)
        else:
            async with self._read(request, encoding) as body:
                yield body
            return
        async with self._unpacking(request, unpack) as body:
            yield body

    @asynccontextmanager
    async def read_snappy(self, request: Request) -> AsyncIterator[bytes]:
        """The same for a body in snappy's block format, whatever its header says: remote write, Loki's protobuf push.

        Raises:
            BodyError: as ``read``; 400 when it is not snappy.
        """
        async with self._unpacking(request, self._unpacked_block) as body:
            yield body

    @asynccontextmanager
    async def _unpacking(self, request: Request, unpack: Callable[[bytes], bytes]) -> AsyncIterator[bytes]:
        async with self._read(request, "identity") as packed:
            body = unpack(packed)
            self._room -= len(body)
            try:
                yield body
            finally:
                self._room += len(body)

    def _unpacked_snappy(self, packed: bytes) -> bytes:
        """A framed stream or a raw block: senders give both this name."""
        if not packed or packed.startswith(_FRAMES):
            return self._unpacked_stream(snappy.decompress_into, packed)
        return self._unpacked_block(packed)

    def _unpacked_block(self, packed: bytes) -> bytes:
        """A raw block of snappy. It says its size, which is allocated at once, so the limit is checked first."""
        try:
            self._check_room(snappy.decompress_raw_len(packed))
            return bytes(snappy.decompress_raw(packed))
        except DecompressionError as error:
            raise BodyError(400, str(error)) from error

    def _unpacked_stream(self, unpack_into: Callable[[bytes, bytearray], int], packed: bytes) -> bytes:
        """Frames that do not say their size: into a buffer that grows up to the limit."""
        if not packed:
            return b""
        size = min(self._limit, max(_FIRST_BUFFER, 4 * len(packed)))
        while True:
            self._check_room(size)
            buffer = bytearray(size)
            try:
                return bytes(memoryview(buffer)[: unpack_into(packed, buffer)])
            except (DecompressionError, OSError) as error:
                if _BUFFER_FULL not in str(error):
                    raise BodyError(400, f"the body cannot be decompressed: {error}") from error
                if size >= self._limit:
                    raise self._too_large() from error
            size = min(self._limit, 4 * size)

    def _check_room(self, size: int) -> None:
        if size > self._limit:
            raise self._too_large()
        if size > self._room:
            raise self._too_many()

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
