"""One scrape's request: redirects, TLS and credentials as in Prometheus, a deadline for all of it, a size limit."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import SplitResult, urlsplit

from obsctl.access.connect import MOST_REDIRECTS, encoded, port_of, redirected, same_origin, tls_context, tls_fault
from obsctl.access.options import AuthOptions, TlsOptions
from obsctl.embedded.http.body import BodyError, Inflater
from obsctl.errors import UsageError
from obsctl.languages.exposition_lines import ACCEPT, ExpositionError, page_is_openmetrics

BODY_BYTES = 32 << 20
"""The largest exposition, decompressed."""

_CHUNK = 1 << 16


class FetchError(Exception):
    """The target gave no usable answer; the message is what ``/api/v1/targets`` shows."""


@dataclass(frozen=True)
class FetchOptions:
    """How a page is asked for: TLS, credentials, and whether redirects are followed."""

    tls: TlsOptions = TlsOptions()
    auth: AuthOptions = AuthOptions()
    follow_redirects: bool = True


@dataclass(frozen=True)
class Fetched:
    """A decompressed body and its format."""

    text: str
    openmetrics: bool


class _TlsConnection(http.client.HTTPConnection):
    """A connection whose certificate may have to carry another name than the host's."""

    def __init__(self, parts: SplitResult, timeout: float, tls: TlsOptions) -> None:
        super().__init__(parts.hostname or "", port_of(parts), timeout=timeout)
        self.default_port = 443  # the Host header leaves it out
        self._secured = partial(tls_context(tls).wrap_socket, server_hostname=tls.server_name or self.host)

    def connect(self) -> None:
        super().connect()
        self.sock = self._secured(self.sock)


def fetch(url: str, timeout: float, options: FetchOptions = FetchOptions()) -> Fetched:
    """Get an exposition within ``timeout`` seconds; ``FetchError`` says why not."""
    deadline = time.monotonic() + timeout
    try:
        at, credentials = encoded(url), options.auth.request_headers()
        for _ in range(MOST_REDIRECTS + 1):
            headers = {**(credentials if same_origin(url, at) else {}), **_headers(timeout)}
            answer = _get(at, headers, options, deadline)
            if isinstance(answer, Fetched):
                return answer
            at = answer
    except TimeoutError as error:
        raise FetchError("context deadline exceeded") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise FetchError(f'Get "{at}": {tls_fault(error) or error or type(error).__name__}') from error
    except UsageError as error:
        raise FetchError(error.message) from error
    raise FetchError(f'Get "{at}": stopped after {MOST_REDIRECTS} redirects')


def _headers(timeout: float) -> dict[str, str]:
    return {
        "Accept": ACCEPT,
        "Accept-Encoding": "gzip",
        "User-Agent": "obsctl-embedded",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout:g}",
    }


def _get(url: str, headers: Mapping[str, str], options: FetchOptions, deadline: float) -> Fetched | str:
    """The page at a URL, or the URL that its answer leads to."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts, _left(deadline), options.tls)
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        if response.status != 200:
            target = redirected(url, response.status, response.headers.get("location", ""))
            if target and options.follow_redirects:
                return target
            raise FetchError(f"server returned HTTP status {response.status} {response.reason}")
        openmetrics = _is_openmetrics(response.headers.get("content-type", ""))
        body = _read(connection, response, deadline)
    finally:
        connection.close()
    try:
        return Fetched(body.decode(), openmetrics)
    except UnicodeDecodeError as error:
        raise FetchError(f"the exposition is not UTF-8: {error}") from error


def _connection(parts: SplitResult, timeout: float, tls: TlsOptions) -> http.client.HTTPConnection:
    if parts.scheme == "https":
        return _TlsConnection(parts, timeout, tls)
    return http.client.HTTPConnection(parts.hostname or "", port_of(parts), timeout=timeout)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


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
        left = _left(deadline)
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
