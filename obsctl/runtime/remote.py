"""A stack that somebody else runs: it is asked, and never started, stopped or changed."""

# ruff: noqa: ARG002 - what a runtime is asked for matters not where nothing is done

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from obsctl.endpoints import Endpoints
from obsctl.errors import UsageError
from obsctl.events import Emit, LogText
from obsctl.render.desired import Desired
from obsctl.runtime.base import Cancelled, Observed, Operation, Runtime
from obsctl.runtime.state import StateFile


class RemoteRuntime(Runtime[Desired]):
    """The stack of ``runtime: remote``. Nothing of it is recorded here but the last run of ``verify``."""

    name = "remote"
    supervised = True
    foreign = True

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = StateFile(home)

    def observe(self, *, memory: bool = True) -> tuple[Observed, ...]:
        """Nothing: processes of others cannot be seen from here."""
        return ()

    def endpoints(self) -> Endpoints:
        """None: nothing is ever applied."""
        return Endpoints()

    def require(self) -> None:
        """Always a UsageError."""
        raise _refusal()

    def is_there(self) -> bool:
        """False: another runtime may start a stack of its own in this folder."""
        return False

    def plan(self, desired: Desired) -> tuple[Operation, ...]:
        """Always a UsageError."""
        raise _refusal()

    def apply(self, desired: Desired, emit: Emit) -> tuple[str, ...]:
        """Always a UsageError."""
        raise _refusal()

    def undo(self, names: Sequence[str], emit: Emit) -> None:
        """Nothing was done."""

    def logs(self, names: Sequence[str], *, follow: bool, cancelled: Cancelled, tail: int) -> Iterator[LogText]:
        """Nothing: the output of others' processes cannot be read from here."""
        return iter(())

    def log_names(self) -> list[str]:
        """None."""
        return []

    def exit_log(self, name: str, count: int) -> list[str]:
        """Nothing."""
        return []

    def orphans(self) -> tuple[int, ...]:
        """None."""
        return ()

    def stop(self, names: Sequence[str], emit: Emit) -> tuple[str, ...]:
        """Always a UsageError."""
        raise _refusal()

    def down(self, emit: Emit, *, volumes: bool) -> tuple[str, ...]:
        """Nothing of it runs here."""
        return ()


def _refusal() -> UsageError:
    return UsageError(
        "this stack is somebody else's (`runtime: remote`): obsctl asks it, and starts or stops nothing",
        hint="`obsctl verify`, `trace` and `status` look at it; `--runtime embedded` starts one of your own",
    )
