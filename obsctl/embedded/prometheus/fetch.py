"""One HTTP GET of a scrape: a deadline for all of it, a limit on its size."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from obsctl.embedded.http.body import BodyError, Inflater
from obsctl.languages.exposition_lines import ACCEPT, ExpositionError, page_is_openmetrics

BODY_BYTES = 32 << 20
"""The largest exposition, decompressed."""

_CHUNK = 1 << 16


class FetchError(Exception):
    """The target gave no usable answer; the message is what ``/api/v1/targets`` shows."""


@dataclass(frozen=True)
class Fetched:
    """A decompressed body and its format."""

    text: str
    openmetrics: bool


def fetch(url: str, timeout: float) -> Fetched:
    """Get an exposition within ``timeout`` seconds; ``FetchError`` says why not."""
    parts = urlsplit(url)
    deadline = time.monotonic() + timeout
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Accept": ACCEPT,
        "Accept-Encoding": "gzip",
        "User-Agent": "obsctl-embedded",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout:g}",
    }
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            raise FetchError(f"server returned HTTP status {response.status} {response.reason}")
        openmetrics = _is_openmetrics(response.headers.get("content-type", ""))
        body = _read(connection, response, deadline)
    except TimeoutError as error:
        raise FetchError("context deadline exceeded") from error
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f'Get "{url}": {error or type(error).__name__}') from error
    finally:
        connection.close()
    try:
        return Fetched(body.decode(), openmetrics)
    except UnicodeDecodeError as error:
        raise FetchError(f"the exposition is not UTF-8: {error}") from error


def _is_openmetrics(content_type: str) -> bool:
    try:
        return page_is_openmetrics(content_type)
    except ExpositionError as error:
        raise FetchError(str(error)) from error


def _read(connection: http.client.HTTPConnection, response: http.client.HTTPResponse, deadline: float) -> bytes:
    inflater = Inflater(31, BODY_BYTES) if response.headers.get("content-encoding") == "gzip" else None
    parts: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        data = response.read1(_CHUNK)
        if not data:
            break
        part = _inflate(inflater, data) if inflater else data
        size += len(part)
        if size > BODY_BYTES:
            raise FetchError(f"body size limit of {BODY_BYTES} bytes exceeded")
        parts.append(part)
    if response.length or (inflater and not inflater.complete):
        raise FetchError("unexpected EOF")
    return b"".join(parts)


def _inflate(inflater: Inflater, data: bytes) -> bytes:
    try:
        return inflater.feed(data)
    except BodyError as error:
        raise FetchError(error.message) from error
