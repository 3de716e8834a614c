"""OTLP histograms, explicit and exponential, as counts by upper bound.

Source: OpenTelemetry metrics data model, "Histogram" and "ExponentialHistogram". Exponential buckets become classic
ones: they are merged to scale ``_FINEST`` (bounds a factor of 2^(1/4) apart) and to at most ``_MOST`` of them. That is
exact, for the bounds of a coarser scale are among those of a finer one.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint, HistogramDataPoint

_FINEST = 2
_MOST = 64
_SCALES = range(-10, 21)
_LARGEST = 2_000
"""Buckets that a point may come with. A bucket is a series, so there is an end to them."""

_TOO_LARGE = f"histogram point with more than {_LARGEST} buckets"


@dataclass(frozen=True)
class Distribution:
    """Observations by upper bound of their bucket (finite bounds, rising); those in no such bucket are above all.

    ``sum`` is None when the sender does not know it.
    """

    counts: Mapping[float, int]
    count: int
    sum: float | None


def explicit(point: HistogramDataPoint) -> Distribution:
    """A histogram point that has no fault."""
    counts = {
        bound: count
        for bound, count in zip(point.explicit_bounds, point.bucket_counts, strict=False)
        if not math.isinf(bound)
    }
    return Distribution(counts, point.count, point.sum if point.HasField("sum") else None)


def distribution(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> Distribution:
    """A point that has no fault."""
    return explicit(point) if isinstance(point, HistogramDataPoint) else exponential(point)


def exponential(point: ExponentialHistogramDataPoint) -> Distribution:
    """An exponential histogram point that has no fault."""
    scale = min(point.scale, _FINEST)
    sides = [_trimmed(side, point.scale - scale) for side in (point.negative, point.positive)]
    while sum(len(side) for side in sides) > _MOST:
        sides, scale = [_merged(side, 1) for side in sides], scale - 1
    negative, positive = sides
    counts: dict[float, int] = defaultdict(int)
    for index, count in sorted(negative.items(), reverse=True):
        counts[max(-_bound(index, scale), -sys.float_info.max)] += count
    if point.zero_count or negative:
        counts[point.zero_threshold] += point.zero_count
    for index, count in sorted(positive.items()):
        bound = _bound(index + 1, scale)
        if not math.isinf(bound):
            counts[bound] += count
    return Distribution(dict(sorted(counts.items())), point.count, point.sum if point.HasField("sum") else None)


def fault(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> str:
    """Why a histogram point cannot be stored; empty when it can."""
    if isinstance(point, ExponentialHistogramDataPoint):
        if max(len(point.negative.bucket_counts), len(point.positive.bucket_counts)) > _LARGEST:
            return _TOO_LARGE
        return "" if point.scale in _SCALES else f"exponential histogram point of scale {point.scale}"
    if len(point.bucket_counts) > _LARGEST:
        return _TOO_LARGE
    counts, bounds = len(point.bucket_counts), list(point.explicit_bounds)
    if counts and counts != len(bounds) + 1:
        return "histogram point whose bucket counts do not fit its bounds"
    if any(low >= high for low, high in pairwise(bounds)) or any(map(math.isnan, bounds)):
        return "histogram point whose bounds do not rise"
    return ""


def _trimmed(side: ExponentialHistogramDataPoint.Buckets, shift: int) -> dict[int, int]:
    """Buckets by index, all from the first to the last that is not empty, merged ``shift`` times."""
    counts: Sequence[int] = side.bucket_counts
    used = [place for place, count in enumerate(counts) if count]
    if not used:
        return {}
    return _merged({side.offset + place: counts[place] for place in range(used[0], used[-1] + 1)}, shift)


def _merged(side: Mapping[int, int], shift: int) -> dict[int, int]:
    found: dict[int, int] = defaultdict(int)
    for index, count in side.items():
        found[index >> shift] += count
    return dict(found)


def _bound(index: int, scale: int) -> float:
    """The lower bound of a bucket, 2^(index / 2^scale)."""
    try:
        return float(2.0 ** math.ldexp(index, -scale))
    except OverflowError:
        return math.inf
