"""The scalars of a spec: names, ports, addresses, paths, routes, patterns and images."""

from __future__ import annotations

import ipaddress
import re
import warnings
from urllib.parse import SplitResult, urlsplit

from obsctl.languages.globs import GlobError
from obsctl.languages.globs import check as check_glob
from obsctl.schema.findings import described
from obsctl.schema.scalars import read_text, text_like, whole
from obsctl.schema.source import SourceNode
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import ScalarType, ValidationError, choice

NAME_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
"""How stacks, services and components are called."""
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def placeholders(text: str) -> list[str]:
    """The names that ``{name}`` refers to in a text, in order."""
    return _PLACEHOLDER.findall(text)


def _bind(node: SourceNode) -> str:
    value = read_text(node)
    if value != "localhost":
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise ValidationError from None
    return value


def _parts(value: str) -> SplitResult:
    """The parts of an http URL. A password in it is refused and never repeated."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValidationError("not a valid URL", "Write it as http://host:port.") from None
    if "@" in parts.netloc:
        raise ValidationError("a URL here must not hold a user name or a password", "Credentials are given by `auth:`.")
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"[^\x21-\x7e]", parts.netloc):
        raise ValidationError
    return parts


def _url(node: SourceNode) -> str:
    """An http URL without a path."""
    value = read_text(node)
    parts = _parts(value)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        hint = "Give paths under metrics: and ready:."
        raise ValidationError(f"expected a URL without a path, got {quoted(value)}", hint)
    if len(value) > len(f"{parts.scheme}://{parts.netloc}/"):  # a blank or a control character
        raise ValidationError
    return f"{parts.scheme}://{parts.netloc}"


def _url_or_none(node: SourceNode) -> str:
    return "" if node.value == "" else _url(node)


def _page(node: SourceNode) -> str:
    """A path, or a URL with one. Neither holds blanks, control characters, a query or a fragment."""
    value = read_text(node)
    if re.search(r"[\s?#\x00-\x20\x7f\ud800-\udfff]", value):
        raise ValidationError
    if not value or value.startswith("/"):
        return value
    parts = _parts(value)
    return f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"


def _base_url(node: SourceNode) -> str:
    """A URL to whose path others are added; no query, no fragment, no slash at its end."""
    page = _page(node)
    if not page or page.startswith("/"):
        raise ValidationError
    return page.rstrip("/")


def _regex(node: SourceNode) -> str:
    value = read_text(node)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(value)
    except (re.error, OverflowError, RecursionError, Warning) as problem:
        raise ValidationError(
            f"not a regular expression: {problem}", "Python's syntax; single quotes keep backslashes."
        ) from None
    if compiled.search(""):
        raise ValidationError(f"the pattern {quoted(value)} matches the empty text, so it would find itself everywhere")
    return value


def _glob(node: SourceNode) -> str:
    value = read_text(node)
    if not value.strip("*"):
        message = f"expected a key or a glob such as *.email, got {quoted(value)}, which matches everything"
        raise ValidationError(message)
    if re.search(r"\s", value):
        raise ValidationError
    return value


def _log_files(node: SourceNode) -> str:
    value = read_text(node)
    if re.search(r"[\x00-\x1f\ud800-\udfff]", value):
        raise ValidationError("the name of a file must not hold control characters")
    try:
        check_glob(f"/{value}")
    except GlobError as error:
        raise ValidationError(f"not a glob: {error}") from None
    return value


def _route(node: SourceNode) -> str:
    value = read_text(node)
    rest = _PLACEHOLDER.sub("x", value)
    if not re.fullmatch(r"/[^\s?#{}]*", rest):
        raise ValidationError
    return value


def _route_with_query(node: SourceNode) -> str:
    value = read_text(node)
    if not re.fullmatch(r"/[^\s?#{}]*(\?[^\s#{}]*)?", _PLACEHOLDER.sub("x", value)):
        raise ValidationError
    return value


def _request(node: SourceNode) -> str:
    value = read_text(node)
    method, _, route = value.partition(" ")
    if method not in METHODS and re.fullmatch(r"[A-Za-z]+", method):
        raise ValidationError(f"unknown method {quoted(method)}{nearest(method, METHODS)}")
    if not re.fullmatch(r"/[^\s?#{}]*", _PLACEHOLDER.sub("x", route)):
        raise ValidationError
    return value


METRIC_NAME_PATTERN = r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}"


def _version(node: SourceNode) -> int:
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        raise ValidationError
    if node.value != 1:
        message = f"this obsctl reads version 1, got {described(node)}"
        raise ValidationError(message, "A newer file needs a newer obsctl.")
    return 1


VERSION = ScalarType("the number 1", _version, {"const": 1})
NAME = text_like(NAME_PATTERN, "a name of lower-case letters, digits and dashes (at most 63)")
PORT = whole(1, 65535, "a port")
BIND = ScalarType("an IP address or localhost", _bind, {"type": "string"})
HOST_NAME = text_like(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", "a host name such as lab.example")
ORIGIN = text_like(r"https?://[A-Za-z0-9.*:-]+", "an origin such as https://shop.example or https://*.shop.example")
URL = ScalarType("a URL such as http://127.0.0.1:8000", _url, {"type": "string", "pattern": "^https?://[^/?#@]+/?$"})
URL_OR_NONE = ScalarType(URL.expected, _url_or_none, {"type": "string", "pattern": "^(https?://[^/?#@]+/?)?$"})
PAGE = ScalarType(
    'a path such as /metrics, a URL such as http://127.0.0.1:9091/metrics, or "" for none',
    _page,
    {"type": "string", "pattern": r"^(/[^\s?#]*|https?://[^\s?#@]+)?$"},
)
BASE_URL = ScalarType(
    "a URL such as https://metrics.example/prometheus",
    _base_url,
    {"type": "string", "pattern": r"^https?://[^\s?#@]+$"},
)
REGEX = ScalarType("a regular expression", _regex, {"type": "string"})
GLOB = ScalarType("a key or a glob such as *.email", _glob, {"type": "string"})
ROUTE = ScalarType("a route template such as /matches/{job_id}", _route, {"type": "string", "pattern": "^/"})
STEP_ROUTE = ScalarType(ROUTE.expected, _route_with_query, ROUTE.json)
REQUEST = ScalarType(
    "a request such as POST /matches", _request, {"type": "string", "pattern": f"^({'|'.join(METHODS)}) /"}
)
METHOD = choice(*METHODS)
LOG_FILES = ScalarType("a file or a glob such as logs/**/*.log", _log_files, {"type": "string"})
FILE = text_like(r"[^\x00-\x1f]+", "the name of a file")
HEADER = text_like(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{0,100}", 'a header name such as X-Request-Id, or "" for none')
IMAGE = text_like(
    r"[a-z0-9][a-z0-9._/:-]{0,200}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?",
    "an image such as grafana/loki:3.7.6",
)
REGISTRY = text_like(
    r"[a-z0-9][a-z0-9.-]{0,200}(:[0-9]{1,5})?(/[a-z0-9._-]+)*", "a registry such as mirror.example.com/hub"
)
PLATFORM = text_like(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?", "a platform such as linux/arm64")
