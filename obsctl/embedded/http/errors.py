"""The error envelope of each API: same exceptions in, each product's status, body and content type out."""

from __future__ import annotations

from starlette.responses import Response

from obsctl.embedded.http.calls import JSON, BodyTooLargeError, compact, encoded
from obsctl.embedded.store.base import DamagedError
from obsctl.languages.errors import QueryError

TEXT = "text/plain; charset=utf-8"

_PROMETHEUS = {"bad_data": 400, "execution": 422, "timeout": 503, "not_found": 404, "internal": 500}
_LOKI = {"bad_data": 400, "execution": 400, "timeout": 504, "not_found": 404, "internal": 500}
_TEMPO = {"bad_data": 400, "execution": 400, "timeout": 504, "not_found": 404, "internal": 500}
_JAEGER = {"bad_data": 400, "execution": 400, "timeout": 503, "not_found": 404, "internal": 500}
INTERNAL = "internal error; see the log of the embedded server"


def _described(error: Exception) -> tuple[str, str]:
    """Kind and sentence of an error. Clients get no details of an unforeseen one."""
    if isinstance(error, DamagedError):
        return "internal", str(error)
    return (error.kind, str(error)) if isinstance(error, QueryError) else ("internal", INTERNAL)


def _status(table: dict[str, int], error: Exception) -> int:
    return 413 if isinstance(error, BodyTooLargeError) else table[_described(error)[0]]


def prometheus(error: Exception) -> Response:
    """``{"status":"error","errorType":…,"error":…}``."""
    kind, text = _described(error)
    body = compact({"status": "error", "errorType": kind, "error": text})
    return Response(encoded(body), _status(_PROMETHEUS, error), media_type=JSON)


def loki(error: Exception) -> Response:
    """Plain text."""
    return Response(encoded(_described(error)[1]), _status(_LOKI, error), media_type=TEXT)


def tempo(error: Exception) -> Response:
    """Plain text; "not found" is a status without a body."""
    kind, text = _described(error)
    return Response(b"" if kind == "not_found" else encoded(text), _status(_TEMPO, error), media_type=TEXT)


def jaeger(error: Exception) -> Response:
    """Jaeger's envelope with ``errors``, a trailing newline, labelled as text."""
    status = _status(_JAEGER, error)
    return jaeger_error(status, _described(error)[1])


def jaeger_error(status: int, message: str) -> Response:
    """The same for a status and message of the caller's choice."""
    envelope = {"data": None, "total": 0, "limit": 0, "offset": 0, "errors": [{"code": status, "msg": message}]}
    return Response(encoded(compact(envelope) + "\n"), status, media_type=TEXT)


def jaeger_v3(error: Exception) -> Response:
    """``{"error":{"httpCode":…,"message":…}}``, labelled as text."""
    status = _status(_JAEGER, error)
    body = compact({"error": {"httpCode": status, "message": _described(error)[1]}})
    return Response(encoded(body + "\n"), status, media_type=TEXT)
