"""What the APIs share: parameters from URL and form, handlers off the event loop, a boundary for errors, a version."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.store.base import DamagedError
from obsctl.languages.errors import ParameterError, QueryError

MAX_FORM = 1 << 20
MAX_FIELDS = 10_000
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

_log = logging.getLogger("obsctl.embedded.api")
T = TypeVar("T")


@dataclass(frozen=True)
class ApiCall:
    """A request as handlers see it. ``params`` are in order; those of a form come first, so that they win."""

    params: Sequence[tuple[str, str]]
    path: Mapping[str, str]
    headers: Mapping[str, str]

    def first(self, *names: str, default: str = "") -> str:
        """The value of the first parameter that has one of the names; several are aliases of each other."""
        return next((value for name, value in self.params if name in names and value), default)

    def all(self, *names: str) -> list[str]:
        """All values of a repeatable parameter."""
        return [value for name, value in self.params if name in names]

    def parsed(self, parse: Callable[[str], T], default: T, *names: str) -> T:
        """A parsed value, or the default when it is not given. ``ParameterError`` when it does not parse."""
        text = self.first(*names)
        if not text:
            return default
        try:
            return parse(text)
        except (ValueError, QueryError) as cause:
            raise ParameterError(names[0], cause) from cause


Handler = Callable[[ApiCall], Response]
ErrorResponse = Callable[[Exception], Response]


class BodyTooLargeError(QueryError):
    """A form that is larger than any query."""


async def _form(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise BodyTooLargeError(f"http: request body is larger than {MAX_FORM} bytes")
    return bytes(body)


async def _call(request: Request) -> ApiCall:
    is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
    form = (await _form(request)).decode("utf-8", "replace") if request.method == "POST" and is_form else ""
    pairs: list[tuple[str, str]] = []
    for text in (form, request.scope["query_string"].decode("latin-1")):
        try:
            pairs += parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError as cause:
            raise QueryError("http: too many parameters") from cause
    return ApiCall(pairs, {k: str(v) for k, v in request.path_params.items()}, request.headers)


def route(path: str, handler: Handler, on_error: ErrorResponse, methods: Sequence[str] = ("GET",)) -> Route:
    """A route whose handler runs in a thread, and whose every failure is answered in the API's own envelope."""

    async def endpoint(request: Request) -> Response:
        try:
            return await run_in_threadpool(handler, await _call(request))
        except QueryError as cause:
            return on_error(cause)
        except DamagedError as cause:
            _log.error("%s %s: %s", request.method, path, cause)
            return on_error(cause)
        except Exception as cause:  # noqa: BLE001 - the boundary: a client gets the API's envelope, never a traceback
            _log.exception("%s %s failed", request.method, path)
            return on_error(cause)

    return Route(path, endpoint, methods=list(methods))


def compact(value: object) -> str:
    """JSON without spaces, in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def encoded(text: str) -> bytes:
    """UTF-8; lone surrogates, which no store should hold, become question marks."""
    return text.encode("utf-8", "replace")


def version() -> str:
    """``<obsctl version>-obsctl``."""
    try:
        return f"{metadata.version('obsctl')}-obsctl"
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return "0.0.0-obsctl"


def build_info() -> dict[str, str]:
    """The fields of Prometheus' and Loki's ``status/buildinfo``, all strings."""
    return {
        "version": version(),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": f"python{platform.python_version()}",
    }
