"""Who may ask: the pages that this very server serves, and programs of this machine.

A page of another site must not read a stack's telemetry, nor silence its alerts. Three headers that scripts cannot set
tell: ``Host`` (DNS rebinding), ``Origin`` and ``Sec-Fetch-Site`` (https://www.w3.org/TR/fetch-metadata/). There is no
CORS: nothing of another origin is ever allowed to read an answer.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from obsctl.access.local_names import host_name, is_local_name
from obsctl.ui.answers import refusal
from obsctl.ui.targets import segments_of

TOKEN_HEADER = "x-obsctl-token"  # noqa: S105 - a name
METHODS = ("GET", "HEAD", "POST", "DELETE")
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "vary": "Origin, Sec-Fetch-Site",
}
"""On every answer."""

_DATA = ("api", "proxy", "assets")
"""First segments of what is no page: another site has no reason to lead a browser there."""


@dataclass(frozen=True)
class Refused:
    """Why a request is not answered, and what to do."""

    status: int
    error: str
    hint: str = ""


@dataclass(frozen=True)
class PageToken:
    """What the pages of one server process send with each write; other sites cannot read it."""

    text: str = field(repr=False)

    def refuses(self, headers: Headers) -> Refused | None:
        """Why a write with these headers is refused."""
        given = headers.get(TOKEN_HEADER, "")
        if hmac.compare_digest(given.encode("latin-1", "replace"), self.text.encode()):
            return None
        wrong = "carries another token than this server's" if given else "carries no token"
        return Refused(403, f"this request {wrong}", "load the page anew: its token is in `meta[name=obsctl-token]`")


class PageGuard:
    """Refuses other sites, other names and paths that are none; adds the headers of every answer.

    ``scope["segments"]`` has the decoded segments of the path for the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        segments = segments_of(scope["raw_path"])
        refused = judge(scope["type"], scope.get("method", "GET"), segments, Headers(scope=scope))
        if refused and scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif refused:
            answer = refusal(refused.status, refused.error, refused.hint)
            await answer(scope, receive, _with_headers(send))
        else:
            scope["segments"] = segments
            await self._app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)


def judge(kind: str, method: str, segments: tuple[str, ...] | None, headers: Headers) -> Refused | None:
    """Why a request is refused; None for one that may be answered."""
    if segments is None:
        return Refused(400, "this is no plain path", "no `..`, no encoded slash, no control character")
    if method not in METHODS:
        return Refused(405, f"{method[:20]} is not answered here", f"only {', '.join(METHODS)}")
    host, origin = headers.get("host", ""), headers.get("origin", "")
    if not is_local_name(host_name(host)):
        hint = "open it as localhost; from another machine, forward the port: ssh -L 3000:localhost:3000 HOST"
        return Refused(403, f"Host {host[:200]!r} is not this machine", hint)
    if "origin" in headers and origin.lower() != f"http://{host.lower()}":
        return Refused(403, f"pages of {origin[:200]!r} may not ask this server")
    site = headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and not _opens_a_page(kind, method, segments, headers):
        return Refused(403, f"a page of another site may not ask this server (Sec-Fetch-Site: {site[:40]})")
    return None


def _opens_a_page(kind: str, method: str, segments: tuple[str, ...], headers: Headers) -> bool:
    """Whether a link on another site leads a tab of the browser to one of the pages."""
    asked = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    is_page = not segments or segments[0] not in _DATA
    return kind == "http" and method == "GET" and asked == ("navigate", "document") and is_page


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sent
