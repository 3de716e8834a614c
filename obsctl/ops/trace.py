"""``trace``: everything the backends hold about one request."""

from __future__ import annotations

from pathlib import Path

from obsctl.clients.logql import LogqlClient
from obsctl.clients.traces import traces_client
from obsctl.endpoints import Endpoints, Role
from obsctl.errors import NotFoundError, StartError
from obsctl.ops.home import open_home
from obsctl.ops.last_run import recall
from obsctl.trace.fetch import Sources, find
from obsctl.trace.ident import LAST, read_ident
from obsctl.trace.model import TraceTree
from obsctl.wait import Deadline

_UNSAMPLED = (
    "the flags of this traceparent are 00: its caller did not sample the trace, so services that respect that record "
    "nothing of it; send 01 to have it recorded, or raise the sampler's ratio where the trace begins"
)


def trace(folder: Path, ident: str, *, wait: float) -> TraceTree:
    """The assembled trace of a trace id, a request id, or ``last``; waits up to ``wait`` seconds for it to settle."""
    meant = read_ident(ident)
    home = open_home(folder)
    last = recall(home.runtime.home) if ident == LAST else None
    sources = _sources(home.running())
    deadline = Deadline.after(wait)
    try:
        return find(ident, sources, last=last, wait=deadline).tree()
    except NotFoundError as error:
        if not meant.unsampled:
            raise
        raise NotFoundError(error.message, hint=_UNSAMPLED) from error


def _sources(endpoints: Endpoints) -> Sources:
    traces, logs = endpoints.first(Role.TRACES), endpoints.first(Role.LOGS)
    if traces is None:
        raise StartError("this stack has no backend that answers trace queries", hint="add one to obsctl.yaml")
    return Sources(traces_client(traces), LogqlClient(logs.url, access=logs.access) if logs else None)
