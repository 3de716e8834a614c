"""The result of decoding one request: a batch to store, and the items that had to be rejected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from obsctl.embedded.records import Batch

_NAMED = 5
"""Reasons that a partial-success message lists; the rest is summed up."""


@dataclass(frozen=True)
class DecodeResult:
    """``count`` items were in the request; ``rejected`` of them can never be stored, for these reasons."""

    batch: Batch
    count: int
    rejected: int = 0
    message: str = ""


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
