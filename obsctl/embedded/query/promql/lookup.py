"""Samples -> values at steps: the half of an engine that touches stored points. Vectorised over series and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from obsctl.embedded.query.vectors.values import Bools, Floats, Ints, Vector, Windows
from obsctl.embedded.records import STALE_BITS
from obsctl.embedded.store.base import Samples
from obsctl.languages.labels import Labels

_WIDEST = 2**62


@dataclass(frozen=True)
class SampleBlock:
    """Samples of some series, one series after another; those of series s are ``[bounds[s]:bounds[s + 1]]``."""

    labels: Sequence[Labels]
    times: Ints
    values: Floats
    bounds: Ints

    @classmethod
    def of(cls, labels: Sequence[Labels], samples: Samples) -> SampleBlock:
        """The series of a row each that have samples."""
        used = np.diff(samples.bounds) > 0
        if used.all():
            return cls(labels, samples.times, samples.values, samples.bounds)
        bounds = np.append(samples.bounds[:-1][used], samples.bounds[-1])
        return cls([labels[row] for row in np.flatnonzero(used).tolist()], samples.times, samples.values, bounds)

    def fresh(self) -> SampleBlock:
        """Without staleness markers."""
        stale = is_stale(self.values)
        if not stale.any():
            return self
        gone = np.concatenate(([0], np.cumsum(stale)))
        return SampleBlock(self.labels, self.times[~stale], self.values[~stale], self.bounds - gone[self.bounds])

    def after(self, moments: Ints) -> Ints:
        """For every series and moment, the position of the first sample that is later (S, M)."""
        series, size = len(self.labels), len(self.times)
        if not size or not len(moments):
            return np.repeat(self.bounds[:-1, None], len(moments), axis=1)
        low = min(int(self.times.min()), int(moments.min()))
        width = max(int(self.times.max()), int(moments.max())) - low + 1
        if series * width >= _WIDEST:
            rows = (self.times[self.bounds[s] : self.bounds[s + 1]] for s in range(series))
            found = np.array([np.searchsorted(row, moments, side="right") for row in rows])
            return found.reshape(series, len(moments)) + self.bounds[:-1, None]
        # One search for all: the times of each series lie in a stretch of their own.
        stretch = np.arange(series, dtype=np.int64) * width
        keys = self.times - low + np.repeat(stretch, np.diff(self.bounds))
        return np.searchsorted(keys, (moments - low)[None, :] + stretch[:, None], side="right")


def is_stale(values: Floats) -> Bools:
    """Which values are the staleness marker (an ordinary NaN is not)."""
    stale: Bools = np.ascontiguousarray(values).view(np.int64) == STALE_BITS
    return stale


def latest(block: SampleBlock, moments: Ints, lookback: int) -> tuple[Vector, Ints]:
    """At each moment the newest sample in ``(moment - lookback, moment]`` unless it is stale; and its time (S, M)."""
    shape = (len(block.labels), len(moments))
    if not len(block.times):
        return Vector(block.labels, np.zeros(shape), np.zeros(shape, dtype=np.bool_)), np.zeros(shape, dtype=np.int64)
    index = block.after(moments) - 1
    found = index >= block.bounds[:-1, None]
    index = np.maximum(index, 0)
    values, times = block.values[index], block.times[index]
    found &= (times > (moments - lookback)[None, :]) & ~is_stale(values)
    return Vector(block.labels, values, found), times


def windows(block: SampleBlock, ends: Ints, width: int) -> Windows:
    """The windows ``(end - width, end]`` of every series; ``block`` has no staleness markers."""
    starts = ends - width
    first, last = block.after(starts), block.after(ends)
    return Windows(block.labels, block.times, block.values, first, last, starts, ends)
