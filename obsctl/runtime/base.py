"""What a runtime can do. It starts and observes; it never judges whether what runs is any good."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from obsctl.endpoints import Endpoints
from obsctl.events import Emit, LogText
from obsctl.runtime.state import StateFile

Cancelled = Callable[[], bool]
Desired_contra = TypeVar("Desired_contra", contravariant=True)
Kind = Literal["pull", "build", "network", "volume", "create", "replace", "start", "resume", "stop", "keep", "orphan"]


@dataclass(frozen=True)
class Operation:
    """One thing to do, and why. A ``replace`` ends what runs and starts it anew.

    ``keep`` and ``orphan`` say what is left as it is; ``name`` is in the user's words.
    """

    kind: Kind
    name: str
    cause: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.cause}"


@dataclass(frozen=True)
class Observed:
    """One process or container as it is. Times are seconds since the epoch; ``memory`` is resident bytes.

    ``paused`` is a container whose processes the engine has frozen: they neither answer nor end until it goes on.

    Of containers only: ``image``, ``health`` (empty where nothing in the image checks it), how often it was restarted
    since it was made, and the engine's own words for its state in ``detail``.
    """

    name: str
    state: Literal["running", "paused", "dead"]
    fingerprint: str
    pid: int = 0
    started_at: float = 0.0
    memory: int = 0
    image: str = ""
    health: str = ""
    restarts: int = 0
    detail: str = ""


class StackRuntime(Protocol):
    """Where a stack runs: what can be asked and done without knowing what the stack should be.

    ``home`` is the state folder. ``supervised`` says that an engine keeps track of what runs, so that nothing of the
    stack can run unrecorded. ``foreign`` says that somebody else runs it: it can be asked, and nothing else.
    """

    name: str
    supervised: bool
    foreign: bool
    home: Path
    state: StateFile

    def observe(self, *, memory: bool = True) -> tuple[Observed, ...]:
        """Everything of this stack that runs, or ran and died. Without ``memory`` it may be quicker."""
        ...

    def require(self) -> None:
        """Nothing, or a StartError where nothing at all can be run."""
        ...

    def is_there(self) -> bool:
        """Whether it has this stack, so that no other runtime may start it."""
        ...

    def undo(self, names: Sequence[str], emit: Emit) -> None:
        """Take back what the last ``apply`` made, of which ``names`` were started."""
        ...

    def endpoints(self) -> Endpoints:
        """The endpoints of what was applied last; empty when nothing was."""
        ...

    def logs(self, names: Sequence[str], *, follow: bool, cancelled: Cancelled, tail: int) -> Iterator[LogText]:
        """Output of the named processes (all, when empty): the last ``tail`` lines each, then what comes."""
        ...

    def log_names(self) -> list[str]:
        """What has output that can be read."""
        ...

    def exit_log(self, name: str, count: int) -> list[str]:
        """The last ``count`` lines that a process has printed since it was started."""
        ...

    def orphans(self) -> tuple[int, ...]:
        """Pids of processes of this stack that nothing records."""
        ...

    def stop(self, names: Sequence[str], emit: Emit) -> tuple[str, ...]:
        """Stop the named processes; the names that ran."""
        ...

    def down(self, emit: Emit, *, volumes: bool) -> tuple[str, ...]:
        """Stop everything; with ``volumes`` remove what it stored. The names that ran."""
        ...


class Runtime(StackRuntime, Protocol[Desired_contra]):
    """A runtime with the type of the values that say what should run on it."""

    def plan(self, desired: Desired_contra) -> tuple[Operation, ...]:
        """What ``apply`` would do. Changes nothing."""
        ...

    def apply(self, desired: Desired_contra, emit: Emit) -> tuple[str, ...]:
        """Make it so; the names that were started. Interrupted or failed: what this call started is gone again."""
        ...
