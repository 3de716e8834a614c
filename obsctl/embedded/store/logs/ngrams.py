"""Which runs of four bytes occur in a text, as a table of bits: rules texts out that cannot be in it.

A text of n bytes has n - 3 runs, all of which must be there, so that a false "yes" is rare for all but short texts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_LENGTH = 4
_MOST_BITS = 1 << 18
_LEAST_BITS = 1 << 10
_SPARSE = 4
"""Bits for each run that occurs."""
_MULTIPLIER = np.uint32(2_654_435_761)
_SHIFT = np.uint32(14)

Hashes = npt.NDArray[np.uint32]


def hashes(text: bytes) -> Hashes:
    """The hash of every run, of 18 bits; none for a shorter text."""
    if len(text) < _LENGTH:
        return np.zeros(0, dtype=np.uint32)
    data = np.frombuffer(text, dtype=np.uint8).astype(np.uint32)
    runs = data[:-3] | data[1:-2] << np.uint32(8) | data[2:-1] << np.uint32(16) | data[3:] << np.uint32(24)
    found: Hashes = (runs * _MULTIPLIER) >> _SHIFT
    return found


def build(text: bytes) -> bytes:
    """The table of a text, as small as its contents allow."""
    flags = np.zeros(_MOST_BITS, dtype=np.bool_)
    flags[hashes(text)] = True
    wanted = max(_LEAST_BITS, int(np.count_nonzero(flags)) * _SPARSE)
    while len(flags) // 2 >= wanted:
        half = len(flags) // 2
        flags = flags[:half] | flags[half:]
    return np.packbits(flags, bitorder="little").tobytes()


def may_hold(table: bytes, wanted: Hashes) -> bool:
    """Whether the text of a table may have all these runs."""
    places = wanted & np.uint32(len(table) * 8 - 1)
    bits = np.frombuffer(table, dtype=np.uint8)[places >> np.uint32(3)]
    return bool(np.all(bits >> (places & np.uint32(7)).astype(np.uint8) & np.uint8(1)))
