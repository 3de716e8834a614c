"""What makes the requests of one run recognisable: ids, trace context, the marker that stands for personal data."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

VENDOR = "obsctl"
"""Our key in ``tracestate`` and the start of every request id."""


@dataclass(frozen=True)
class Identity:
    """The ids of one request. ``headers`` carry them (W3C Trace Context level 1, sampled)."""

    trace_id: str
    parent_id: str
    request_id: str
    trace_state: str

    def headers(self, request_id_header: str) -> Mapping[str, str]:
        """The headers that carry it."""
        carried = {request_id_header: self.request_id} if request_id_header else {}
        return {"traceparent": f"00-{self.trace_id}-{self.parent_id}-01", "tracestate": self.trace_state, **carried}


class Identities:
    """Makes the ids of one run; the same ``seed`` gives the same ids, none gives fresh ones."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids must be unique, not secret
        self.run = self._hex(12)
        self.canary = f"canary-{self._hex(16)}"
        self._made = 0

    def next(self) -> Identity:
        """The identity of the next request."""
        self._made += 1
        request_id = f"{VENDOR}-{self.run}-{self._made}"
        return Identity(self._hex(32), self._hex(16), request_id, f"{VENDOR}={self.run}")

    def _hex(self, digits: int) -> str:
        """Random lower-case hex, never all zero, which trace context forbids."""
        return f"{self._random.randrange(1, 16**digits):0{digits}x}"
