"""Samples of several series of one metric as one compressed page.

Times become differences of differences, whole-numbered values differences, other values the XOR with the one before;
all are mostly zero bytes in real series. Bytes of equal weight are then laid side by side, which lets zstd squeeze long
runs. A page is decoded as a whole, with a few array operations however many series it holds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from cramjam import DecompressionError, zstd

PAGE_SAMPLES = 16_384
"""The most samples of a page."""

_HEADER = struct.Struct("<IIII")
"""Samples, series, values kept apart, bytes after decompression."""
_LEVEL = 3
_WHOLE = float(1 << 53)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Samples as columns: series number, time in ms, value."""

    series: Numbers
    times: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, chosen: slice | Bools | Ints) -> Rows:
        return Rows(self.series[chosen], self.times[chosen], self.values[chosen])


NO_ROWS = Rows(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64))


def ordered(rows: Rows, rank: Ints) -> Rows:
    """Sorted by series and time; of several at one time the first one given stays. ``rank`` of series by number."""
    order = np.lexsort((rows.times, rank[rows.series]))
    rows = rows[order]
    again = (rows.series[1:] == rows.series[:-1]) & (rows.times[1:] == rows.times[:-1])
    return rows[np.concatenate(([True], ~again))] if again.any() else rows


def split(rows: Rows) -> Iterator[Rows]:
    """Rows in equal parts, none larger than a page."""
    parts = max(-(-len(rows) // PAGE_SAMPLES), 1)
    edges = [len(rows) * part // parts for part in range(parts + 1)]
    return (rows[low:high] for low, high in pairwise(edges))


def encode(rows: Rows) -> tuple[bytes, bytes]:
    """The series of a page (int32) and its packed samples. ``rows`` are ``ordered`` and not empty."""
    starts = np.flatnonzero(np.concatenate(([True], rows.series[1:] != rows.series[:-1])))
    counts = np.diff(starts, append=len(rows)).astype(np.int32)
    whole = _is_whole(rows.values)
    apart = np.flatnonzero(~whole) if 8 * np.count_nonzero(whole) >= 7 * len(rows) else None
    if apart is None:
        bits = rows.values.view(np.int64)
        values, kept = bits.copy(), len(rows)
        values[1:] ^= bits[:-1]
        extra = b""
    else:
        values, kept = _zigzag(_differences(_filled(rows.values, whole), starts)), len(apart)
        extra = apart.astype(np.int32).tobytes() + rows.values[apart].tobytes()
    times = _zigzag(_twice(rows.times, starts))
    plain = counts.tobytes() + extra + _planes(times) + _planes(values)
    header = _HEADER.pack(len(rows), len(starts), kept if apart is not None else len(rows) + 1, len(plain))
    return rows.series[starts].tobytes(), header + bytes(zstd.compress(plain, _LEVEL))


def decode(members: bytes, data: bytes) -> Rows:
    """The rows of a page. ``ValueError`` when it is damaged."""
    try:
        total, series, apart, size = _HEADER.unpack_from(data)
        if not 0 < total <= PAGE_SAMPLES or len(members) != 4 * series or size > 64 * PAGE_SAMPLES:
            raise ValueError("its head makes no sense")
        plain = memoryview(bytes(zstd.decompress(data[_HEADER.size :], size)))
        return _unpacked(np.frombuffer(members, dtype=np.int32), plain, total, apart)
    except (DecompressionError, struct.error, ValueError) as error:
        raise ValueError(f"a page of samples cannot be read: {error}") from error


def _unpacked(members: Numbers, plain: memoryview, total: int, apart: int) -> Rows:
    counts = np.frombuffer(plain, dtype=np.int32, count=len(members))
    position = 4 * len(members)
    if int(counts.sum()) != total:
        raise ValueError("its counts do not add up")
    starts = np.concatenate(([0], np.cumsum(counts[:-1], dtype=np.int64)))
    is_whole = apart <= total
    kept = apart if is_whole else 0
    where = np.frombuffer(plain, dtype=np.int32, count=kept, offset=position)
    exact = np.frombuffer(plain, dtype=np.float64, count=kept, offset=position + 4 * kept)
    position += 12 * kept
    packed_times = _words(plain, total, position)
    packed = _words(plain, total, position + 8 * total)
    times = _sums(_sums(_unzigzag(packed_times), starts, counts, twice=True), starts, counts)
    if is_whole:
        values = _sums(_unzigzag(packed), starts, counts).astype(np.float64)
        values[where] = exact
    else:
        values = np.bitwise_xor.accumulate(packed).view(np.float64)
    return Rows(np.repeat(members, counts), times, values)


def _is_whole(values: Floats) -> Bools:
    """Values that an integer holds exactly; minus zero is none."""
    with np.errstate(invalid="ignore"):  # the staleness marker is a signalling NaN
        whole: Bools = (np.abs(values) < _WHOLE) & (np.floor(values) == values)
        found: Bools = whole & ~((values == 0) & np.signbit(values))
    return found


def _filled(values: Floats, whole: Bools) -> Ints:
    """Values as integers; where there is none, the one before."""
    last = np.maximum.accumulate(np.where(whole, np.arange(len(values)), 0))
    return np.where(whole[last], values[last], 0.0).astype(np.int64)


def _differences(numbers: Ints, starts: Ints) -> Ints:
    """To the number before, and at the start of a series to the start of the one before it."""
    found = np.diff(numbers, prepend=0)
    found[starts] = np.diff(numbers[starts], prepend=0)
    return found


def _twice(times: Ints, starts: Ints) -> Ints:
    """Differences of differences; the first difference of a series stays as it is."""
    once = _differences(times, starts)
    within = once.copy()
    within[starts] = 0
    found = np.diff(within, prepend=0)
    found[starts] = once[starts]
    return found


def _sums(numbers: Ints, starts: Ints, counts: Numbers, *, twice: bool = False) -> Ints:
    """The inverse of ``_differences``; with ``twice`` the inner half of that of ``_twice``."""
    running = np.cumsum(numbers)
    first = numbers[starts] if twice else np.cumsum(numbers[starts])
    found: Ints
    if not twice:
        found = running - np.repeat(running[starts] - first, counts)
        return found
    found = running - np.repeat(running[starts], counts)
    found[starts] = first
    return found


def _zigzag(numbers: Ints) -> Ints:
    """Small numbers of either sign as small numbers without one."""
    return (numbers << 1) ^ (numbers >> 63)


def _unzigzag(words: Ints) -> Ints:
    return (words >> 1) & np.int64((1 << 63) - 1) ^ -(words & 1)


def _planes(words: Ints) -> bytes:
    return words.view(np.uint8).reshape(-1, 8).T.tobytes()


def _words(plain: memoryview, total: int, position: int) -> Ints:
    planes = np.frombuffer(plain, dtype=np.uint8, count=8 * total, offset=position).reshape(8, total)
    return np.ascontiguousarray(planes.T).view(np.int64).reshape(total)
