"""Receiving OTLP for a while, in a server of its own that is gone afterwards."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from obsctl.discovery.observe import Counts, counts
from obsctl.endpoints import Endpoints, Role
from obsctl.errors import MissingPartError, StartError
from obsctl.events import Emit, Event, silent
from obsctl.ops.home import ProcessSite
from obsctl.ops.session import Session
from obsctl.ops.up import wait_ready
from obsctl.runtime.interrupts import noticing
from obsctl.runtime.ports import free_ports
from obsctl.runtime.state import prepare
from obsctl.spec.stack import DEFAULT_PORTS, Retention, Stack
from obsctl.wait import Deadline

READY_SECONDS = 30.0
TOLD_EVERY = 2.0
SETTLING = 1.5
"""Seconds after the end: what was sent by then is stored and counted."""

_OPEN = ("otlp_grpc", "otlp_http")
_KEPT = Retention(age=24 * 3600.0, size=256 * 1024**2)


@contextlib.contextmanager
def receiver(offset: int) -> Iterator[Endpoints]:
    """A server on this machine's usual OTLP ports, moved by ``offset``; its other ports are any. It keeps 256 MiB.

    StartError where a port is taken, with who has it.
    """
    with tempfile.TemporaryDirectory(prefix="obsctl-init-") as name:
        folder = Path(name).resolve()
        others = [key for key in DEFAULT_PORTS if key not in _OPEN]
        ports = {key: DEFAULT_PORTS[key] + offset for key in _OPEN} | dict(
            zip(others, free_ports(len(others)), strict=True)
        )
        stack = Stack("init", folder, (), ports=ports, port_offset=offset, retention=_KEPT)
        session = Session(ProcessSite.of(folder), stack=stack, reason="")
        prepare(session.runtime.home)
        try:
            _start(session)
            yield session.endpoints
        finally:
            session.runtime.down(silent, volumes=True)


def _start(session: Session) -> None:
    try:
        session.target.apply(silent)
    except MissingPartError:
        raise
    except StartError as error:
        hint = "stop it, or move both ports with --port-offset; a stack that runs here is asked with --stack FOLDER"
        raise StartError(error.message, hint=hint) from error
    wait_ready(session, READY_SECONDS, silent)


def listen(endpoints: Endpoints, seconds: float, emit: Emit) -> float:
    """Tell what arrives until the time is up or Ctrl-C comes; how long it was.

    Raises BackendError where the server does not answer any more.
    """
    begun = time.monotonic()
    grpc, http = endpoints.first(Role.OTLP_GRPC), endpoints.first(Role.OTLP_HTTP)
    where = " or ".join(f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint.url}" for endpoint in (grpc, http) if endpoint)
    emit(Event("noted", f"listening for {seconds:g} s, or until Ctrl-C", where))
    emit(Event("noted", "use the service now", "each request that it knows, a few times"))
    received: Mapping[str, Counts] = {}
    with noticing() as interrupted:
        deadline = Deadline.after(seconds, interrupted)
        while not deadline.passed:
            deadline.pause(TOLD_EVERY)
            received = _tell(endpoints, time.monotonic() - begun, received, emit)
    Deadline.after(SETTLING).pause(SETTLING)
    _tell(endpoints, time.monotonic() - begun, received, emit)
    return time.monotonic() - begun


def _tell(endpoints: Endpoints, seconds: float, before: Mapping[str, Counts], emit: Emit) -> Mapping[str, Counts]:
    """Say what has changed."""
    now = counts(endpoints, seconds)
    for name, received in now.items():
        if received != before.get(name):
            emit(Event("noted", name, str(received)))
    return now
