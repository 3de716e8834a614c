from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import pytest
from cramjam import snappy, zstd
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from obsctl.embedded.http.body import Bodies, BodyError, Inflater


def request(chunks: list[bytes], **headers: str) -> Request:
    """A request whose body arrives in pieces."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def read(bodies: Bodies, chunks: list[bytes], **headers: str) -> bytes:
    async def run() -> bytes:
        async with bodies.read(request(chunks, **headers)) as body:
            return body

    return asyncio.run(run())


def refused(bodies: Bodies, chunks: list[bytes], **headers: str) -> int:
    with pytest.raises(BodyError) as caught:
        read(bodies, chunks, **headers)
    return caught.value.status


PACKED: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "identity": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "zstd": ("zstd", zstd.compress),
    "snappy, a block": ("snappy", snappy.compress_raw),
    "snappy, frames": ("snappy", snappy.compress),
    "snappy, frames by their own name": ("x-snappy-framed", snappy.compress),
}
"""The header, and what packs a body for it."""


@given(
    content=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    encoding=st.sampled_from(sorted(PACKED)),
)
def test_a_body_is_the_same_however_it_arrives(content: bytes, cuts: list[int], encoding: str) -> None:
    name, pack = PACKED[encoding]
    packed = bytes(pack(content))
    edges = [0, *sorted(cuts), len(packed)]
    chunks = [packed[low:high] for low, high in pairwise(edges)]
    assert read(Bodies(400), chunks, content_encoding=name) == content
    if len(content) > 1:
        assert refused(Bodies(len(content) - 1), chunks, content_encoding=name) == 413


@given(content=st.binary(min_size=1, max_size=200), cut=st.integers(1, 200))
def test_a_cut_stream_is_never_taken_for_a_whole_one(content: bytes, cut: int) -> None:
    packed = gzip.compress(content)
    assert refused(Bodies(1000), [packed[: max(1, len(packed) - cut)]], content_encoding="gzip") == 400


@pytest.mark.parametrize("encoding", ["zstd", "snappy", "x-snappy-framed"])
def test_what_is_packed_at_once_is_bounded_and_refused_in_words(encoding: str) -> None:
    pack = zstd.compress if encoding == "zstd" else snappy.compress
    many = bytes(pack(bytes(1 << 24)))
    assert refused(Bodies(1 << 20), [many], content_encoding=encoding) == 413
    assert read(Bodies(1 << 24), [many], content_encoding=encoding) == bytes(1 << 24)
    for broken in (many[:-3], b"certainly not packed"):
        assert refused(Bodies(1 << 24), [broken], content_encoding=encoding) == 400
    bodies = Bodies(1 << 20)
    assert refused(bodies, [many], content_encoding=encoding) == 413
    assert read(bodies, [bytes(pack(bytes(1 << 20)))], content_encoding=encoding) == bytes(1 << 20)


def test_concatenated_members_are_one_stream() -> None:
    assert read(Bodies(100), [gzip.compress(b"one ") + gzip.compress(b"two")], content_encoding="gzip") == b"one two"


def test_an_inflater_gives_no_more_than_one_byte_over_the_limit() -> None:
    inflater = Inflater(31, 10)
    assert len(inflater.feed(gzip.compress(bytes(1 << 20)))) == 11
    assert inflater.feed(b"whatever comes then") == b""


def test_a_client_that_asks_first_is_answered_before_it_sends() -> None:
    assert refused(Bodies(10), [], expect="100-continue", content_length="11") == 413


def test_bodies_under_way_share_a_budget_that_comes_back() -> None:
    bodies = Bodies(100)

    async def run() -> None:
        async with AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(bodies.read(request([b"x" * 100])))
            with pytest.raises(BodyError) as caught:
                await stack.enter_async_context(bodies.read(request([b"x"])))
            assert (caught.value.status, caught.value.retry_after) == (503, 1)

    asyncio.run(run())
    assert read(bodies, [b"x" * 100]) == b"x" * 100
