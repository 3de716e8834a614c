"""``trace``: everything the backends hold about one request."""

from __future__ import annotations

from pathlib import Path

from obsctl.clients.logql import LogqlClient
from obsctl.clients.traces import traces_client
from obsctl.endpoints import Endpoints, Role
from obsctl.errors import StartError
from obsctl.ops.home import open_home
from obsctl.ops.last_run import recall
from obsctl.trace.fetch import Sources, fetch, resolve
from obsctl.trace.ident import LAST, read_ident
from obsctl.trace.model import TraceTree
from obsctl.wait import Deadline


def trace(folder: Path, ident: str, *, wait: float) -> TraceTree:
    """The assembled trace of a trace id, a request id, or ``last``; waits up to ``wait`` seconds for it to settle."""
    read_ident(ident)
    home = open_home(folder)
    last = recall(home.runtime.home) if ident == LAST else None
    sources = _sources(home.running())
    deadline = Deadline.after(wait)
    return fetch(resolve(ident, sources, last=last, wait=deadline), sources, wait=deadline).tree()


def _sources(endpoints: Endpoints) -> Sources:
    traces, logs = endpoints.first(Role.TRACES), endpoints.first(Role.LOGS)
    if traces is None:
        raise StartError("this stack has no backend that answers trace queries", hint="add one to obsctl.yaml")
    return Sources(traces_client(traces), LogqlClient(logs.url, access=logs.access) if logs else None)
