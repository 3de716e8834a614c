"""Bodies of requests: of one content type, and no longer than a page needs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from obsctl.ui.answers import refusal

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MOST_BODY = 1 << 20
"""Bytes that a page may send at once."""


async def bounded_body(request: Request, content_type: str) -> bytes | Response:
    """The body of a request; the refusal of one of another type, or of one too long, which is not read to its end."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != content_type:
        return refusal(415, f"the body must be {content_type}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            return refusal(413, f"the body is longer than {MOST_BODY >> 10} KiB", "ask for less at once")
    return body
