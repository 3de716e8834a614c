"""What is known about the request or job at hand: its id, and the ids of the things it is about.

The ids go to every log line and, through ``bind``, to the current span. They are opaque: never a name or an address.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry import trace

HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True)
class RequestContext:
    """One request or job. ``ids`` grows while it is handled; threads that help with it see the same mapping."""

    request_id: str
    ids: dict[str, str | int] = field(default_factory=dict)


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def accept(request_id: str | None) -> str:
    """The caller's request id if it is well formed, else a new one."""
    if request_id and _WELL_FORMED.fullmatch(request_id):
        return request_id
    return uuid.uuid4().hex


@contextmanager
def begin(request_id: str | None, ids: Mapping[str, str | int] | None = None) -> Iterator[RequestContext]:
    """Make a request the current one for the block."""
    context = RequestContext(accept(request_id), dict(ids or {}))
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def current() -> RequestContext | None:
    """The request or job being handled, or None outside of one."""
    return _current.get()


def request_id() -> str:
    """The id of the current request, or an empty string outside of one."""
    context = _current.get()
    return context.request_id if context else ""


def bind(**ids: str | int) -> None:
    """Note ids of the current request: on the current span, and on the log lines that follow."""
    context = _current.get()
    if context is not None:
        context.ids.update(ids)
    trace.get_current_span().set_attributes(ids)
