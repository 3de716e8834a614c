"""What a person may hand to ``obsctl trace``: a trace id in any spelling, a request id, or ``last``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from obsctl.clients.otlp import hex_id
from obsctl.errors import UsageError

LAST = "last"
MAX_LENGTH = 200
SAMPLED = 1
"""The flag of a traceparent that says that the trace is recorded (W3C Trace Context)."""

_HEX = re.compile(r"[0-9a-fA-F]{32}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{22}(==)?")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HINT = "give a trace id (32 hex digits), a traceparent, a request id, or `last`"


@dataclass(frozen=True)
class Ident:
    """What an argument can mean. Both ids are set where it could be either (a UUID); ``trace_first``: try which first.

    ``trace_id`` is in 32 lower-case hex digits or "". ``last`` stands alone. ``unsampled``: the flags of a traceparent
    say that its caller does not record the trace.
    """

    text: str
    trace_id: str = ""
    request_id: str = ""
    trace_first: bool = True
    last: bool = False
    unsampled: bool = False


def read_ident(text: str) -> Ident:
    """The meanings of an argument; ``UsageError`` where it has none."""
    if not text or len(text) > MAX_LENGTH or not text.isprintable() or " " in text:
        raise UsageError(f"{_shown(text)} is not a trace id or a request id", hint=_HINT)
    if text == LAST:
        return Ident(text, last=True)
    if found := _TRACEPARENT.fullmatch(text):
        return Ident(text, _nonzero(found[1], text), unsampled=not int(found[3], 16) & SAMPLED)
    request_id = text if _REQUEST_ID.fullmatch(text) else ""
    if _HEX.fullmatch(text):
        return Ident(text, _nonzero(text, text), request_id)
    if _UUID.fullmatch(text):
        return Ident(text, _nonzero(text.replace("-", ""), text), request_id)
    if _BASE64.fullmatch(text) and (trace_id := _from_base64(text)):
        return Ident(text, trace_id, request_id, trace_first=not request_id)
    if request_id:
        return Ident(text, request_id=request_id)
    raise UsageError(f"{_shown(text)} is not a trace id or a request id", hint=_HINT)


def _nonzero(digits: str, text: str) -> str:
    if not digits.strip("0"):
        raise UsageError(f"{_shown(text)} holds the trace id of all zeros, which is never valid", hint=_HINT)
    return digits.lower()


def _from_base64(text: str) -> str:
    """The id in base64; "" where it cannot be one (16 bytes leave four bits of the last digit unused)."""
    try:
        return hex_id(text, 16)
    except ValueError:
        return ""


def _shown(text: str) -> str:
    """For messages: short, and without control characters."""
    return repr(text if len(text) <= 60 else text[:59] + "…")
