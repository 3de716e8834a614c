"""What one run of ``verify`` sent: each probe request with its own trace id and request id.

``traffic`` makes these values; ``checks`` compare the backends with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ProbeRequest:
    """One request that was sent in this run. Times in seconds since the epoch; ids in lower-case hex.

    ``parent_id`` is the span id that was injected, so the root of the service's trace is its child. ``answer`` is the
    decoded JSON body or None, ``received_bytes`` the size of the body on the wire. ``error`` says what went wrong with
    the step, as the end of a sentence about it: no answer at all (then ``status`` is 0), another status than expected,
    a value that never came.
    """

    step: str
    method: str
    route: str
    url: str
    trace_id: str
    parent_id: str
    request_id: str
    trace_state: str
    sent_at: float
    seconds: float
    status: int = 0
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: object = None
    error: str = ""
    received_bytes: int = 0
    protocol: str = "http"
    """``http`` or ``grpc``; the headers of the answer to a call of gRPC are its metadata."""

    @property
    def request(self) -> str:
        """``METHOD /route``, the key that trace rules use."""
        return f"{self.method} {self.route}"


@dataclass(frozen=True)
class Expectation:
    """Series that must have risen by exactly ``by`` since the baseline, summed over everything with these labels.

    ``driven`` maps those labels that tell a property of a request to it: a service may write them in its own notation.
    """

    metric: str
    labels: Mapping[str, str]
    by: int
    driven: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProbeRun:
    """The probe requests of one run. ``baseline`` is each component's exposition text before the first request,
    ``pushed`` the same of the series that it had pushed by then, as they were stored.

    ``window`` is 0 for a run that sent its requests. A passive run sends none: its ``requests`` are the ones that
    others sent in the last ``window`` seconds, as their traces tell them.
    """

    id: str
    canary: str
    started_at: float
    ended_at: float
    requests: tuple[ProbeRequest, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    baseline: Mapping[str, str] = field(default_factory=dict)
    pushed: Mapping[str, str] = field(default_factory=dict)
    window: float = 0.0

    @property
    def passive(self) -> bool:
        """Whether nothing was sent: what others sent is looked at."""
        return self.window > 0
