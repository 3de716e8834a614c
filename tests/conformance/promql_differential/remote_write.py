"""Remote write 1.0: samples as protobuf in snappy's block format, both written by hand (only literals)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from tests.conformance.promql_differential.dataset import Series

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "obsctl-tests",
}
_WINDOW_MS = 1_800_000
_LITERAL = 60_000


def requests(series: Sequence[Series]) -> Iterator[bytes]:
    """Bodies of requests, in order of time: a server takes nothing much older than the newest sample it has."""
    times = [time for _, points in series for time in points]
    for start in range(min(times), max(times) + 1, _WINDOW_MS):
        end = start + _WINDOW_MS
        yield request([(labels, {t: v for t, v in points.items() if start <= t < end}) for labels, points in series])


def request(series: Sequence[Series]) -> bytes:
    """The body of one request. Series without samples are left out."""
    parts = (_timeseries(labels, list(points.items())) for labels, points in series)
    return snappy(b"".join(_field(1, part) for part in parts if part))


def _timeseries(labels: dict[str, str], points: Sequence[tuple[int, float]]) -> bytes:
    if not points:
        return b""
    pairs = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in sorted(labels.items()))
    samples = (b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(time) for time, value in sorted(points))
    return b"".join(_field(1, pair) for pair in pairs) + b"".join(_field(2, sample) for sample in samples)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def snappy(data: bytes) -> bytes:
    """Snappy's block format without compression."""
    return _varint(len(data)) + b"".join(_literals(data[i : i + _LITERAL] for i in range(0, len(data), _LITERAL)))


def _literals(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"\xf4" + struct.pack("<H", len(piece) - 1) + piece
