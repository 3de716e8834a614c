"""Who may ask: browsers on allowed origins, and clients that mean this machine by the name they use.

A page that a developer has open runs next to this server. Without CORS it cannot export telemetry; without a check of
``Host`` a page whose name resolves to 127.0.0.1 (DNS rebinding) reads everything; without a check of ``Origin`` any
page can write. See docs/security.md. CORS: https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from obsctl.access.local_names import host_name, is_local_name

REFUSALS = ("host", "origin", "token")
"""Why a request is refused."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
_MAX_AGE = "7200"
_EXPOSED = "content-length, content-encoding, retry-after"


@dataclass(frozen=True)
class Access:
    """What is allowed beside this machine itself.

    ``hosts`` are names of ``Host`` headers; ``origins`` are origins of pages (``https://shop.example``) in which ``*``
    stands for any text. With a ``token`` every request must carry it, and whoever does may use any name.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    token: str = field(default="", repr=False)

    def knows(self, authorization: str) -> bool:
        """Whether an ``Authorization`` header carries the token."""
        scheme, _, given = authorization.strip().partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode())

    def host(self, header: str) -> bool:
        """Whether a ``Host`` header names this machine."""
        name = host_name(header)
        return name in self._hosts or is_local_name(name)

    def origin(self, origin: str, host: str) -> bool:
        """Whether a page of an origin may read and write: the server's own, this machine's, a configured one."""
        try:
            parts = urlsplit(origin)
            name = (parts.hostname or "").rstrip(".")
        except ValueError:
            return False
        if parts.scheme in ("http", "https") and (parts.netloc.lower() == host.lower() or is_local_name(name)):
            return True
        return any(pattern.fullmatch(origin.lower()) for pattern in self._patterns)

    @cached_property
    def _hosts(self) -> frozenset[str]:
        return frozenset(host_name(host) for host in self.hosts)

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(".*".join(map(re.escape, one.lower().split("*")))) for one in self.origins)


class Guard:
    """Answers preflights, adds CORS headers, refuses whom ``access`` does not allow; ``refused`` is told the reason."""

    def __init__(self, app: ASGIApp, access: Access, refused: Callable[[str], None]) -> None:
        self._app = app
        self._access = access
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin, host = headers.get("origin", ""), headers.get("host", "")
        trusted = bool(origin) and self._access.origin(origin, host)
        if refusal := self._refusal(scope, headers, trusted):
            reason, response = refusal
            self._refused(reason)
            await _refuse(response, scope, receive, send)
        elif _is_preflight(scope, headers) and trusted:
            await _preflight(headers)(scope, receive, send)
        elif trusted:
            await self._app(scope, receive, _with_cors(send, origin))
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers, trusted: bool) -> tuple[str, Response] | None:
        host, origin = headers.get("host", ""), headers.get("origin", "")
        if scope.get("http_version") != "1.0" and not host:
            return "host", PlainTextResponse("The request has no Host header.\n", 400)
        preflight = _is_preflight(scope, headers)
        if self._access.token and not preflight and not self._access.knows(headers.get("authorization", "")):
            problem = "Every request to this server needs its bearer token: `Authorization: Bearer …`."
            return "token", PlainTextResponse(f"{problem}\n", 401, {"www-authenticate": 'Bearer realm="obsctl"'})
        if host and (preflight or not self._access.token) and not self._access.host(host):
            problem = f"Host {host[:200]!r} is not this machine. To allow it, name it in `access: hosts:` of the spec."
            return "host", PlainTextResponse(f"{problem}\n", 403)
        writes = scope["type"] == "websocket" or scope["method"] not in _SAFE or preflight
        if origin and not trusted and writes:
            problem = f"Pages of {origin[:200]!r} may not ask this server. To allow it, name it in `access: origins:`."
            return "origin", PlainTextResponse(f"{problem}\n", 403, {"vary": "Origin"})
        return None


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope.get("method") == "OPTIONS" and "access-control-request-method" in headers


def _preflight(headers: Headers) -> Response:
    """Everything that the page asks for; what the server does not serve it answers itself."""
    answer = {
        "access-control-allow-origin": headers["origin"],
        "access-control-allow-methods": _METHODS,
        "access-control-max-age": _MAX_AGE,
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
    }
    if wanted := headers.get("access-control-request-headers"):
        answer["access-control-allow-headers"] = wanted
    if headers.get("access-control-request-private-network") == "true":
        answer["access-control-allow-private-network"] = "true"
    return Response(status_code=204, headers=answer)


def _with_cors(send: Send, origin: str) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = origin
            headers["access-control-expose-headers"] = _EXPOSED
            headers.add_vary_header("Origin")
        await send(message)

    return sent


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    else:
        await response(scope, receive, send)
