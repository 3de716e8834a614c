"""One HTTP session for every dialect: bounded bodies, bounded time, and errors that name who did not answer.

Nothing here raises anything but ``BackendError`` (or its ``UnsupportedError``); the cause is kept.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from obsctl.access.connect import same_origin, tls_context, tls_fault
from obsctl.access.options import PLAIN, AuthOptions, ComponentAccess, TlsOptions
from obsctl.errors import BackendError, UnsupportedError, UsageError
from obsctl.json_types import Json

MAX_BODY = 64 * 1024 * 1024
"""Longest answer that is read, in bytes after decompression."""

_CHUNK = 64 * 1024
_EXCERPT = 300
_POOL = 32
_HINT_DOWN = "see whether it runs: obsctl status"

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # only where the spec says `insecure`

Params = Mapping[str, str | int | float | Sequence[str]]


@dataclass(frozen=True)
class Reply:
    """An answer, with what a check needs to quote it. ``url`` has the query but no credentials.

    ``name`` is who answered, in words. The body is decoded as UTF-8, broken bytes replaced.
    """

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float
    url: str
    name: str = field(default="The endpoint", compare=False)

    def json(self) -> Json:
        """The body as JSON; ``BackendError`` when it is something else."""
        try:
            answer: Json = json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise BackendError(
                f"{self.name} at {self.url} answered {self.status} without JSON: {excerpt(self.text)}",
                hint="is this the right port? " + _HINT_DOWN,
            ) from error
        return answer

    @property
    def is_json(self) -> bool:
        """Whether the body looks like JSON. Content types do not tell: Jaeger labels its errors text/plain."""
        return self.text.lstrip()[:1] in ("{", "[")


class Http:
    """Requests to one base URL over kept-alive connections.

    ``name`` is how errors call the other side ("Prometheus API"). ``timeout`` in seconds bounds connecting, each wait
    for data and the answer as a whole. Safe to share between threads: the session never changes after construction.
    Proxies and other settings from the environment are not used for loopback addresses.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float = 5.0,
        name: str = "The endpoint",
        access: ComponentAccess = PLAIN,
    ) -> None:
        self.base_url, auth = _without_credentials(base_url.rstrip("/"))
        self.timeout = timeout
        self.name = name
        self._access = access
        self._session = requests.Session()
        self._session.auth = auth or (_keep_headers if access.auth != AuthOptions() else None)
        self._session.trust_env = not is_loopback(self.base_url)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=_POOL))
        self._session.mount("https://", _TlsAdapter(access.tls))

    def close(self) -> None:
        """Close idle connections; the client can still be used."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def get_json(
        self,
        path: str,
        params: Params | None = None,
        *,
        ok: Collection[int] = (200,),
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """GET something that answers JSON; any status but ``ok`` becomes an error with the server's own message."""
        return self._checked(self.send("GET", path, params=params, headers=headers), ok)

    def get_text(
        self,
        path: str,
        params: Params | None = None,
        *,
        ok: Collection[int] = (200,),
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """GET something that answers text; statuses as in ``get_json``."""
        return self._checked(self.send("GET", path, params=params, headers=headers), ok)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        json_body: object = None,
        timeout: float | None = None,
        base_url: str = "",
    ) -> Reply:
        """Send a request and read the whole answer, whatever its status. Redirects are not followed.

        Headers win over credentials of the same name; another ``base_url`` gets none, unless it is the same server.
        """
        limit = self.timeout if timeout is None else timeout
        url = (base_url or self.base_url) + path
        began = time.monotonic()
        with self._translated(url, limit):
            known = not base_url or same_origin(url, self.base_url)
            response = self._session.request(
                method,
                url,
                params=params,  # sequences of strings repeat the parameter
                headers={**(self._access.auth.request_headers() if known else {}), **(headers or {})},
                data=body.encode() if isinstance(body, str) else body,
                json=json_body,
                auth=None if known else _keep_headers,
                timeout=limit,
                stream=True,
                allow_redirects=False,
                verify=not self._access.tls.insecure and (self._access.tls.ca_file or True),
            )
            with response:
                text = self._body(response, began + limit).decode("utf-8", "replace")
        seconds = time.monotonic() - began
        return Reply(response.status_code, response.headers, text, seconds, response.url, self.name)

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        chunks, size = [], 0
        # read1 gives what has arrived, so that a server which drips bytes cannot stretch the deadline
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > MAX_BODY:
                raise BackendError(f"{self.name} at {response.url} answered with more than {MAX_BODY >> 20} MiB")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout
            chunks.append(chunk)
        return b"".join(chunks)

    def _checked(self, reply: Reply, ok: Collection[int]) -> Reply:
        if reply.status in ok:
            return reply
        said = complaint(reply)
        kind = UnsupportedError if "not supported" in said.lower() or reply.status == 501 else BackendError
        raise kind(f"{self.name} at {self.base_url} answered {reply.status}: {said}", hint=f"asked: {reply.url}")

    @contextmanager
    def _translated(self, url: str, limit: float) -> Iterator[None]:
        """The one place where the HTTP library's errors become ours."""
        at = f"{self.name} at {self.base_url}"
        try:
            yield
        except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise BackendError(f"{at} did not answer within {limit:g} s", hint=_HINT_DOWN) from error
        except UsageError as error:  # a secret or a certificate that is not there
            raise BackendError(f"{at} cannot be asked: {error.message}", hint=error.hint) from error
        except requests.ConnectionError as error:
            raise BackendError(f"{at} {_why_no_connection(error)}", hint=_HINT_DOWN) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError, OSError) as error:
            raise BackendError(f"{at} could not be asked: {excerpt(str(error))}", hint=f"asked: {url}") from error


def content_type(reply: Reply) -> str:
    """The Content-Type of an answer, empty without one."""
    return next((value for name, value in reply.headers.items() if name.lower() == "content-type"), "")


def complaint(reply: Reply) -> str:
    """The message of an error answer in any of the dialects' styles: JSON envelopes, bare strings, or plain text."""
    try:
        said = json.loads(reply.text)
    except (ValueError, RecursionError):
        return excerpt(reply.text) or "(empty body)"
    return excerpt(_message(said) or reply.text)


def excerpt(text: str, limit: int = _EXCERPT) -> str:
    """The start of a text on one line."""
    flat = " ".join(text[: limit * 4].split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def is_ready(
    url: str,
    *,
    timeout: float = 2.0,
    access: ComponentAccess = PLAIN,
) -> tuple[bool, str]:
    """Whether a probe URL answers 200, and if not, why not."""
    try:
        with Http(url, timeout=timeout, access=access) as http:
            reply = http.send("GET", "")
    except BackendError as error:
        return False, error.message
    return (True, "") if reply.status == 200 else (False, f"{reply.url} answered {reply.status}: {complaint(reply)}")


def proxy_of(url: str) -> str:
    """The proxy that the environment sends requests to this URL through, without credentials; "" for none."""
    if is_loopback(url):
        return ""
    found = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    return _without_credentials(found)[0] if found else ""


@contextmanager
def understood(reply: Reply) -> Iterator[None]:
    """Parsers index freely inside; an answer of another shape becomes one ``BackendError``."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise BackendError(
            f"{reply.name} at {reply.url} answered in a shape that was not expected: {excerpt(reply.text)}",
            hint="is this the right kind of backend on that port?",
        ) from error


def _message(said: object) -> str:
    """Prometheus ``error``; Jaeger v1 ``errors[0].msg``, v3 ``error.message``; Grafana and OTLP ``message``."""
    match said:
        case str():
            return said
        case {"errors": [{"msg": str(text)}, *_]} | {"error": {"message": str(text)}}:
            return text
        case {"error": str(text)} | {"message": str(text)} | {"detail": str(text)}:
            return text
        case _:
            return ""


def _why_no_connection(error: requests.ConnectionError) -> str:
    text = str(error)
    if fault := next(filter(None, map(tls_fault, _causes(error))), ""):
        return f"cannot be reached: {fault}"
    if "Connection refused" in text:
        return "refused the connection"
    if "NameResolution" in text or "resolve" in text:
        return "cannot be reached: the host name is unknown"
    if "Remote end closed" in text or "reset by peer" in text or "Connection aborted" in text:
        return "closed the connection without an answer"
    return f"could not be reached: {excerpt(text)}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it wraps."""
    seen: list[BaseException] = []
    pending: list[object] = [error]
    while pending and len(seen) < _POOL:
        found = pending.pop()
        if isinstance(found, BaseException) and found not in seen:
            seen.append(found)
            pending += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
    yield from seen


class _TlsAdapter(HTTPAdapter):
    """Connections over TLS as the options say."""

    def __init__(self, tls: TlsOptions) -> None:
        self._tls = tls
        super().__init__(pool_connections=1, pool_maxsize=_POOL)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> urllib3.connectionpool.ConnectionPool:
        """The connections for a request. Files are read here, so that what is wrong with them is an answer."""
        self.poolmanager.connection_pool_kw |= {"ssl_context": tls_context(self._tls)}
        if self._tls.server_name:
            self.poolmanager.connection_pool_kw |= {"server_hostname": self._tls.server_name}
        return super().get_connection_with_tls_context(request, verify, proxies, cert)


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Credentials are in the headers already: no ``.netrc`` is looked at."""
    return request


def _without_credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """User and password of a URL go into the request, never into messages."""
    try:
        parts = urlsplit(url)
        if parts.username is None:
            return url, None
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=host)), (parts.username, parts.password or "")
    except ValueError:
        return url, None


def is_loopback(url: str) -> bool:
    """Whether a URL is of this machine's loopback."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
