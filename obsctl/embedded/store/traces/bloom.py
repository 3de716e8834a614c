"""Bloom filters over byte strings: never a false "no", a false "yes" about once in a hundred times."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

import numpy as np

_BITS = 10
"""Bits for every member."""
_PROBES = 6


def build(members: Collection[bytes]) -> bytes:
    """A filter of these members."""
    size = max(8, -(-len(members) * _BITS // 8))
    bits = np.zeros(size * 8, dtype=np.uint8)
    if members:
        hashes = np.frombuffer(b"".join(map(_digest, members)), dtype="<u4").reshape(-1, 2).astype(np.uint64)
        probes = np.arange(_PROBES, dtype=np.uint64)
        bits[(hashes[:, :1] + probes * hashes[:, 1:]) % np.uint64(size * 8)] = 1
    return np.packbits(bits, bitorder="little").tobytes()


def probes(member: bytes) -> tuple[int, int]:
    """What ``may_hold`` wants to know of a member, worked out once for many filters."""
    digest = _digest(member)
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def may_hold(found: bytes, wanted: tuple[int, int]) -> bool:
    """Whether a filter may have a member."""
    size = len(found) * 8
    first, step = wanted
    places = ((first + probe * step) % size for probe in range(_PROBES))
    return all(found[place >> 3] >> (place & 7) & 1 for place in places)


def may_hold_any(found: bytes, wanted: Iterable[tuple[int, int]]) -> bool:
    """Whether a filter may have one of some members."""
    return any(may_hold(found, one) for one in wanted)


def _digest(member: bytes) -> bytes:
    return hashlib.blake2b(member, digest_size=8).digest()
