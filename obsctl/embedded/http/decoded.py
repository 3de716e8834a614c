"""The result of decoding one request: a batch to store, and the items that had to be rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from obsctl.embedded.records import Batch

_NAMED = 5
"""Reasons that a partial-success message lists; the rest is summed up."""


@dataclass(frozen=True)
class DecodeResult:
    """``count`` items were in the request; ``rejected`` of them can never be stored, for these reasons.

    Where an item becomes several samples, ``owners`` has the number of the item for each sample of the batch, and -1
    for a sample that is of none.
    """

    batch: Batch
    count: int
    rejected: int = 0
    message: str = ""
    owners: Sequence[int] = ()


@dataclass
class Rejections:
    """Counts items by the reason why they cannot be stored."""

    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str, items: int = 1) -> None:
        """Reject items."""
        self.reasons[reason] += items

    @property
    def total(self) -> int:
        """How many items were rejected."""
        return self.reasons.total()

    @property
    def message(self) -> str:
        """One sentence for the partial-success answer."""
        most = self.reasons.most_common(_NAMED)
        others = self.total - sum(count for _, count in most)
        parts = [f"{count} x {reason}" for reason, count in most] + ([f"{others} for other reasons"] if others else [])
        return "; ".join(parts)
