"""The hash by which ``limit_ratio`` chooses series: XXH64 (its specification: github.com/Cyan4973/xxHash) of a label
set, laid out as Prometheus keeps it: each name and value after its length.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from obsctl.languages.labels import Labels

_MASK = 2**64 - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_STRIPE = 32


@lru_cache(maxsize=50_000)
def label_hash(labels: Labels) -> int:
    """64 bits of a label set."""
    return xxh64(b"".join(_sized(text.encode("utf-8", "replace")) for pair in labels for text in pair))


def _sized(text: bytes) -> bytes:
    size = len(text)
    return (bytes((size,)) if size < 255 else b"\xff" + size.to_bytes(3, "little")) + text


def xxh64(data: bytes) -> int:
    """XXH64 with seed 0."""
    whole = len(data) // _STRIPE * _STRIPE
    found = _stripes(data[:whole]) if whole else _P5
    found = (found + len(data)) & _MASK
    rest = data[whole:]
    while len(rest) >= 8:
        found = (_rotated(found ^ _round(0, struct.unpack_from("<Q", rest)[0]), 27) * _P1 + _P4) & _MASK
        rest = rest[8:]
    if len(rest) >= 4:
        found = (_rotated(found ^ struct.unpack_from("<I", rest)[0] * _P1 & _MASK, 23) * _P2 + _P3) & _MASK
        rest = rest[4:]
    for byte in rest:
        found = _rotated(found ^ byte * _P5 & _MASK, 11) * _P1 & _MASK
    for shift, prime in ((33, _P2), (29, _P3)):
        found = (found ^ found >> shift) * prime & _MASK
    return found ^ found >> 32


def _stripes(data: bytes) -> int:
    lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
    for words in struct.iter_unpack("<4Q", data):
        lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
    found = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
    for lane in lanes:
        found = ((found ^ _round(0, lane)) * _P1 + _P4) & _MASK
    return found


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _MASK
