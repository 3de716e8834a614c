"""What a spec wants on a runtime: one class for each runtime, with the type of desired state that this one takes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from obsctl import __version__
from obsctl.events import Emit, Event
from obsctl.ops.deploy import Deployment, composed, deployment
from obsctl.render.containers import Composition
from obsctl.render.desired import COMPOSE_FILE, OUTPUT, Desired, Process
from obsctl.render.ondisk import Change
from obsctl.render.remote import remote_endpoints
from obsctl.render.stack import embedded
from obsctl.runtime.base import Operation
from obsctl.runtime.docker.runtime import DockerRuntime
from obsctl.runtime.embedded import EmbeddedRuntime
from obsctl.runtime.remote import RemoteRuntime
from obsctl.spec.stack import Stack

_EDITED = "is edited: it is used as it is; `obsctl render --force` takes what the spec gives"
_EDITED_COMPOSE_FILE = "is edited: `docker compose` follows it, obsctl follows obsctl.yaml"


class DesiredState(Protocol):
    """What desired states of all runtimes have in common."""

    @property
    def bind(self) -> str:
        """The address of this machine on which the stack listens."""
        ...

    @property
    def port_offset(self) -> int:
        """The part of each port that was added to what the spec says."""
        ...

    @property
    def ports(self) -> Mapping[str, Mapping[str, int]]:
        """Component -> its ports on this machine, by the spec's keys; in start order."""
        ...

    @property
    def modules(self) -> Mapping[str, str]:
        """Process -> the Python module that it runs; empty for containers."""
        ...


class RuntimeTarget(Protocol):
    """What a spec wants on a runtime: planned, written and applied without the caller knowing of what kind it is."""

    @property
    def desired(self) -> DesiredState:
        """The stack as it should be."""
        ...

    def file_changes(self) -> Sequence[Change]:
        """What ``write_files`` would do to the files in ``deploy/``."""
        ...

    def write_files(self, emit: Emit) -> None:
        """Bring the files in ``deploy/`` up to date. Files that the user edited are kept, and named."""
        ...

    def plan(self) -> tuple[Operation, ...]:
        """What ``apply`` would do, once the files are written. Changes nothing."""
        ...

    def apply(self, emit: Emit) -> tuple[str, ...]:
        """Make it so; the names that were started. Interrupted or failed: what this call started is gone again."""
        ...


def with_secrets(desired: Desired, environment: Mapping[str, str]) -> Desired:
    """The same, made anew where a secret of the environment is another one.

    Raises UsageError for a secret that is not there.
    """
    return replace(desired, processes=tuple(_with_secrets(process, environment) for process in desired.processes))


def _with_secrets(process: Process, environment: Mapping[str, str]) -> Process:
    values = [text.value(environment) for text in process.secrets]  # one that is missing is an error now
    named = [value for text, value in zip(process.secrets, values, strict=True) if text.source == "env"]
    if not named:
        return process
    digest = hashlib.sha256("\0".join(named).encode()).hexdigest()[:8]
    return replace(process, env={**process.env, "OBSCTL_SECRETS": digest})


@dataclass(frozen=True)
class ContainerTarget:
    """A spec on the Docker runtime."""

    runtime: DockerRuntime
    stack: Stack

    @cached_property
    def desired(self) -> Composition:
        """The stack as containers."""
        return composed(self.stack)

    @property
    def _deployment(self) -> Deployment:
        return deployment(self.runtime.root, self.desired)

    def file_changes(self) -> Sequence[Change]:
        """Files that are missing, differ or are obsolete; edited ones are kept."""
        return [change for change in self._deployment.changes if change.state not in ("same", "edited")]

    def write_files(self, emit: Emit) -> None:
        """Write the configuration of the containers, which mount it from ``deploy/``."""
        files = self._deployment
        for path in files.write():
            emit(Event("noted", f"{OUTPUT}/{path}", "made a random password"))
        for change in files.kept:
            note = _EDITED_COMPOSE_FILE if change.path == COMPOSE_FILE else _EDITED
            emit(Event("noted", f"{OUTPUT}/{change.path}", note))

    def plan(self) -> tuple[Operation, ...]:
        """Steps for images, networks, volumes and containers."""
        return self.runtime.plan(self.desired, self._deployment.pending)

    def apply(self, emit: Emit) -> tuple[str, ...]:
        """Start what is missing, replace what changed."""
        return self.runtime.apply(self.desired, emit)


@dataclass(frozen=True)
class ProcessTarget:
    """A spec on the embedded runtime, which writes the files of a process when it starts it."""

    runtime: EmbeddedRuntime
    stack: Stack

    @cached_property
    def desired(self) -> Desired:
        """The stack as local processes."""
        return with_secrets(embedded(self.stack, version=__version__), os.environ)

    def file_changes(self) -> Sequence[Change]:
        """None: there is no ``deploy/``."""
        return ()

    def write_files(self, emit: Emit) -> None:
        """Nothing to write."""

    def plan(self) -> tuple[Operation, ...]:
        """Steps for processes."""
        return self.runtime.plan(self.desired)

    def apply(self, emit: Emit) -> tuple[str, ...]:
        """Start what is missing, replace what changed."""
        return self.runtime.apply(self.desired, emit)


@dataclass(frozen=True)
class RemoteTarget:
    """A spec whose stack somebody else runs: endpoints without processes."""

    runtime: RemoteRuntime
    stack: Stack

    @cached_property
    def desired(self) -> Desired:
        """Who answers; nothing of it is started here."""
        return Desired(self.stack.name, self.runtime.home, self.stack.bind, 0, (), remote_endpoints(self.stack))

    def file_changes(self) -> Sequence[Change]:
        """None."""
        return ()

    def write_files(self, emit: Emit) -> None:
        """Nothing to write."""

    def plan(self) -> tuple[Operation, ...]:
        """Always a UsageError."""
        return self.runtime.plan(self.desired)

    def apply(self, emit: Emit) -> tuple[str, ...]:
        """Always a UsageError."""
        return self.runtime.apply(self.desired, emit)
