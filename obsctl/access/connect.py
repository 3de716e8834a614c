"""Reaching a component: what secures a connection, and where a redirect leads. For every client alike."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from obsctl.access.options import TlsOptions
from obsctl.errors import UsageError

MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_ENCODED = "/%:@!$&'()*+,;=~"


def tls_context(tls: TlsOptions) -> ssl.SSLContext:
    """What a connection is secured with. UsageError for files that hold no certificates."""
    files = [Path(name) for name in (tls.ca_file, tls.cert_file, tls.key_file) if name]
    return _context(tls, tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files))


@functools.lru_cache(maxsize=64)
def _context(tls: TlsOptions, _times: tuple[int, ...]) -> ssl.SSLContext:
    """Made once for each version of the files: reading the system's certificates takes a while."""
    file = tls.ca_file
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if tls.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if tls.cert_file:
            file = tls.cert_file
            context.load_cert_chain(tls.cert_file, tls.key_file or None, password=str)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        beside = f" with {tls.key_file}" if file == tls.cert_file and tls.key_file else ""
        reason = (getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)).lower()
        hint = "PEM files are needed; a key must not need a passphrase"
        raise UsageError(f"{file}{beside} cannot be used for TLS: {reason.replace('_', ' ')}", hint=hint) from error
    return context


def tls_fault(error: BaseException) -> str:
    """What is wrong with a server's certificate, and what to do; "" for any other error."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return ""
    wrong = error.verify_message.rstrip(".")
    return f"its certificate is not trusted: {wrong} (`tls: {{ca_file: …}}` names whom to trust)"


def encoded(url: str) -> str:
    """A URL with everything but ASCII percent-encoded; what is encoded already stays."""
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(path=quote(parts.path, safe=_ENCODED), query=quote(parts.query, safe=f"?{_ENCODED}"))
    )


def redirected(url: str, status: int, location: str) -> str:
    """Where a redirect leads; "" where an answer is none, or leads to what is no web page."""
    if status not in _REDIRECTS or not location:
        return ""
    try:
        target = urljoin(url, location.encode("latin-1", "replace").decode("utf-8", "replace"))
        parts = urlsplit(target)._replace(fragment="")
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return ""
    return encoded(urlunsplit(parts)) if known else ""


def same_origin(first: str, second: str) -> bool:
    """Whether two URLs lead to the same server; credentials are for no other."""
    try:
        return _origin(urlsplit(first)) == _origin(urlsplit(second))
    except ValueError:
        return False


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, port_of(parts)


def port_of(parts: SplitResult) -> int:
    """The port of a URL, its scheme's own where none is given."""
    return parts.port or (443 if parts.scheme == "https" else 80)
