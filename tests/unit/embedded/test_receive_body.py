from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import pytest
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


@given(
    content=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    encoding=st.sampled_from(["identity", "gzip", "deflate"]),
)
def test_a_body_is_the_same_however_it_arrives(content: bytes, cuts: list[int], encoding: str) -> None:
    packed = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding](content)
    edges = [0, *sorted(cuts), len(packed)]
    chunks = [packed[low:high] for low, high in pairwise(edges)]
    assert read(Bodies(300), chunks, content_encoding=encoding) == content
    if len(content) > 1:
        assert refused(Bodies(len(content) - 1), chunks, content_encoding=encoding) == 413


@given(content=st.binary(min_size=1, max_size=200), cut=st.integers(1, 200))
def test_a_cut_stream_is_never_taken_for_a_whole_one(content: bytes, cut: int) -> None:
    packed = gzip.compress(content)
    assert refused(Bodies(1000), [packed[: max(1, len(packed) - cut)]], content_encoding="gzip") == 400


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
