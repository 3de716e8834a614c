"""What a runtime can do. It starts and observes; it never judges whether what runs is any good."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from obsctl.endpoints import Endpoints
from obsctl.events import Emit, LogText
from obsctl.render.desired import Desired

Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Observed:
    """One process or container as it is. Times are seconds since the epoch; ``memory`` is resident bytes.

    Of containers only: ``image``, ``health`` (empty where nothing in the image checks it), how often it was restarted
    since it was made, and the engine's own words for its state in ``detail``.
    """

    name: str
    state: Literal["running", "dead"]
    fingerprint: str
    pid: int = 0
    started_at: float = 0.0
    memory: int = 0
    image: str = ""
    health: str = ""
    restarts: int = 0
    detail: str = ""


class Runtime(Protocol):
    """Where a stack runs."""

    name: str

    def observe(self) -> tuple[Observed, ...]:
        """Everything of this stack that runs, or ran and died."""
        ...

    def apply(self, desired: Desired, emit: Emit) -> tuple[str, ...]:
        """Make it so; the names that were started. Interrupted or failed: what this call started is gone again."""
        ...

    def endpoints(self) -> Endpoints:
        """The endpoints of what was applied last; empty when nothing was."""
        ...

    def logs(self, names: Sequence[str], *, follow: bool, cancelled: Cancelled, tail: int) -> Iterator[LogText]:
        """Output of the named processes (all, when empty): the last ``tail`` lines each, then what comes."""
        ...

    def stop(self, names: Sequence[str], emit: Emit) -> tuple[str, ...]:
        """Stop the named processes; the names that ran."""
        ...

    def down(self, emit: Emit, *, volumes: bool) -> tuple[str, ...]:
        """Stop everything; with ``volumes`` remove what it stored. The names that ran."""
        ...
