"""Samples of one series as one compressed blob.

Times become differences of differences, values the XOR with the one before; both are mostly zero bytes in real series.
Bytes of equal weight are then laid side by side, which lets zlib squeeze long runs.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from obsctl.embedded.store.base import Points

_HEADER = struct.Struct("<I")


def encode(points: Points) -> bytes:
    """Pack points, which are not empty and in time order. NaN bit patterns survive."""
    times = np.diff(points.times, prepend=0)
    times[1:] = np.diff(times)
    values = points.values.view(np.uint64).copy()
    values[1:] ^= points.values.view(np.uint64)[:-1]
    planes = _transpose(times.view(np.uint64)) + _transpose(values)
    return _HEADER.pack(len(times)) + zlib.compress(planes, 1)


def decode(data: bytes) -> Points:
    """The points that were packed."""
    (count,) = _HEADER.unpack_from(data)
    planes = np.frombuffer(zlib.decompress(data[_HEADER.size :]), dtype=np.uint8).reshape(2, 8, count)
    words = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(np.uint64).reshape(2, count)
    times = np.cumsum(np.cumsum(words[0].view(np.int64)))
    return Points(times, np.bitwise_xor.accumulate(words[1]).view(np.float64))


def merge(parts: list[Points]) -> Points:
    """One run of points in time order; of several at one time the first one given stays."""
    if len(parts) == 1:
        return parts[0]
    times = np.concatenate([part.times for part in parts])
    values = np.concatenate([part.values for part in parts])
    unique, first = np.unique(times, return_index=True)
    return Points(unique, values[first])


def between(points: Points, start: int, end: int) -> Points:
    """The points with ``start <= time <= end``."""
    low = int(np.searchsorted(points.times, start, "left"))
    high = int(np.searchsorted(points.times, end, "right"))
    return Points(points.times[low:high], points.values[low:high])


def _transpose(words: npt.NDArray[np.uint64]) -> bytes:
    return words.view(np.uint8).reshape(-1, 8).T.tobytes()
