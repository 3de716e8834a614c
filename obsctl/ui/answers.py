"""Answers to the pages: JSON, and errors as a sentence with what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from obsctl.errors import BackendError, NotFoundError, ObsctlError, UnsupportedError, UsageError

_STATUS: Mapping[type[ObsctlError], int] = {
    UsageError: 400,
    NotFoundError: 404,
    UnsupportedError: 501,
    BackendError: 502,
    ObsctlError: 503,
}
"""Errors -> statuses; the first that an error is."""


def answer(value: object, status: int = 200) -> Response:
    """JSON in ASCII: what telemetry holds reaches the browser as escaped text only."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Response(text, status, media_type="application/json")


def refusal(status: int, error: str, hint: str = "") -> Response:
    """An error as every answer of this server gives it."""
    return answer({"error": error, "hint": hint}, status)


def failure(error: ObsctlError) -> Response:
    """One of ours as an answer."""
    status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    return refusal(status, error.message, error.hint)
