"""The scalars of a spec: text, names, numbers, choices, durations, sizes, addresses, paths, patterns and free JSON."""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from obsctl.spec.findings import Findings, described
from obsctl.spec.kinds import Leaf, Unfit, attempt, joined
from obsctl.spec.words import nearest, quoted
from obsctl.spec.yaml_source import Node

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_DURATION = r"(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?"
_BYTES = {
    **{unit: 1000**power for power, unit in enumerate(("B", "kB", "MB", "GB", "TB"))},
    **{unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), start=1)},
}
_SIZE = r"(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]+)"
NAME_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
"""How stacks, services and components are called."""
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MAX_TEXT = 4096

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def placeholders(text: str) -> list[str]:
    """The names that ``{name}`` refers to in a text, in order."""
    return _PLACEHOLDER.findall(text)


def _text(node: Node) -> str:
    if not isinstance(node.value, str):
        if isinstance(node.value, bool | int | float):
            raise Unfit(f"expected text, got {described(node)}", f'Put it in quotes: "{node.text}".')
        raise Unfit
    if node.ambiguous:
        message = f"expected text, got a bare {node.text[:20]}, which some YAML readers take for something else"
        raise Unfit(message, f'Put it in quotes: "{node.text[:20]}".')
    if len(node.value) > _MAX_TEXT:
        raise Unfit(f"longer than {_MAX_TEXT} characters")
    return node.value


def _matching(node: Node, pattern: re.Pattern[str]) -> str:
    value = _text(node)
    if not pattern.fullmatch(value):
        raise Unfit
    return value


def text_like(pattern: str, expected: str) -> Leaf:
    """Text that matches a pattern as a whole."""
    compiled = re.compile(pattern)
    return Leaf(expected, lambda node: _matching(node, compiled), {"type": "string", "pattern": f"^(?:{pattern})$"})


def choice(*options: str) -> Leaf:
    """One of a few words."""

    def parse(node: Node) -> str:
        value = node.text if isinstance(node.value, bool | int | float) else node.value
        if isinstance(value, str) and value in options:
            return value
        wanted = " or ".join(filter(None, [", ".join(options[:-1]), options[-1]]))
        close = nearest(value, options) if isinstance(value, str) else ""
        raise Unfit(f"expected {wanted}, got {described(node)}{close}")

    return Leaf("one of " + ", ".join(options), parse, {"enum": list(options)})


def whole(low: int, high: int, what: str = "a whole number") -> Leaf:
    """A whole number within bounds, both included."""

    def parse(node: Node) -> int:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            hint = "Write plain decimal digits, without quotes or a leading zero."
            raise Unfit(hint=hint if isinstance(value, str) else "")
        if not low <= value <= high:
            raise Unfit
        return value

    expected = f"{what} from {low} to {high}"
    return Leaf(expected, parse, {"type": "integer", "minimum": low, "maximum": high})


def _number(node: Node) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise Unfit
    return float(node.value)


def _flag(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise Unfit
    return node.value


def duration(least: str, most: str) -> Leaf:
    """A Prometheus duration, read as seconds."""
    low, high = duration_seconds(least), duration_seconds(most)

    def parse(node: Node) -> float:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            raise Unfit(hint=f"Add a unit: {node.text}s, {node.text}m or {node.text}h.")
        value = duration_seconds(_text(node)) if isinstance(node.value, str) else 0.0
        if not value:
            raise Unfit
        if not low <= value <= high:
            raise Unfit(f"expected a duration from {least} to {most}, got {described(node)}")
        return value

    return Leaf("a duration such as 2s, 500ms or 1h30m", parse, {"type": "string", "pattern": f"^{_DURATION}$"})


def duration_seconds(text: str) -> float:
    """Seconds of a Prometheus duration (``1h30m``; units y w d h m s ms, biggest first); 0.0 if it is none."""
    found = re.fullmatch(_DURATION, text, re.ASCII) if len(text) <= 40 else None
    parts = [part for part in found.groups() if part] if found else []
    return sum(int(part.rstrip("ywdhms")) * _UNITS[part.lstrip("0123456789")] for part in parts)


def size(least: int) -> Leaf:
    """An amount of bytes with a unit, decimal (kB, MB) or binary (KiB, MiB)."""

    def parse(node: Node) -> int:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            raise Unfit(hint="Add a unit such as MiB or GiB.")
        found = re.fullmatch(_SIZE, _text(node), re.ASCII)
        if not found:
            raise Unfit
        if found[2] not in _BYTES:
            raise Unfit(f"unknown unit {quoted(found[2])}{nearest(found[2], _BYTES)}", f"Units: {', '.join(_BYTES)}.")
        value = int(float(found[1]) * _BYTES[found[2]])
        if value < least:
            raise Unfit(f"expected at least {least // 1024**2}MiB, got {described(node)}")
        return value

    return Leaf("a size such as 2GiB or 500MB", parse, {"type": "string", "pattern": f"^{_SIZE}$"})


def _bind(node: Node) -> str:
    value = _text(node)
    if value != "localhost":
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise Unfit from None
    return value


def _url(node: Node) -> str:
    """An http URL without a path. A password in it is refused and never repeated."""
    value = _text(node)
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Unfit("not a valid URL", "Write it as http://host:port.") from None
    if "@" in parts.netloc:
        raise Unfit("a URL here must not hold a user name or a password")
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"[^\x21-\x7e]", value):
        raise Unfit
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        hint = "Give paths under metrics: and ready:."
        raise Unfit(f"expected a URL without a path, got {quoted(value)}", hint)
    return f"{parts.scheme}://{parts.netloc}"


def _regex(node: Node) -> str:
    value = _text(node)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(value)
    except (re.error, OverflowError, RecursionError, Warning) as problem:
        raise Unfit(
            f"not a regular expression: {problem}", "Python's syntax; single quotes keep backslashes."
        ) from None
    if compiled.search(""):
        raise Unfit(f"the pattern {quoted(value)} matches the empty text, so it would find itself everywhere")
    return value


def _glob(node: Node) -> str:
    value = _text(node)
    if not value.strip("*"):
        raise Unfit(f"expected a key or a glob such as *.email, got {quoted(value)}, which matches everything")
    if re.search(r"\s", value):
        raise Unfit
    return value


def _route(node: Node) -> str:
    value = _text(node)
    rest = _PLACEHOLDER.sub("x", value)
    if not re.fullmatch(r"/[^\s?#{}]*", rest):
        raise Unfit
    return value


def _request(node: Node) -> str:
    value = _text(node)
    method, _, route = value.partition(" ")
    if method not in METHODS and re.fullmatch(r"[A-Za-z]+", method):
        raise Unfit(f"unknown method {quoted(method)}{nearest(method, METHODS)}")
    if not re.fullmatch(r"/[^\s?#{}]*", _PLACEHOLDER.sub("x", route)):
        raise Unfit
    return value


def _plain(node: Node) -> str:
    """A text, number or truth value as text, as attributes and labels are compared."""
    if isinstance(node.value, bool):
        return node.text.lower()
    return node.text if isinstance(node.value, int | float) else _text(node)


class _Json:
    """Any JSON value. Bare scalars that YAML readers disagree about are refused, since a body must be exact."""

    expected = "a JSON value"

    def read(self, node: Node, path: str, findings: Findings) -> Any:
        """The value, containers as lists and dictionaries."""
        if isinstance(node.value, tuple):
            return [attempt(self, item, f"{path}[{i}]", findings)[1] for i, item in enumerate(node.items)]
        if isinstance(node.value, Mapping):
            return {k: attempt(self, item, joined(path, k), findings)[1] for k, item in node.entries.items()}
        return _text(node) if isinstance(node.value, str) else node.value

    def schema(self) -> dict[str, Any]:
        """Anything goes."""
        return {}


def _version(node: Node) -> int:
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        raise Unfit
    if node.value != 1:
        raise Unfit(f"this obsctl reads version 1, got {described(node)}", "A newer file needs a newer obsctl.")
    return 1


VERSION = Leaf("the number 1", _version, {"const": 1})
TEXT = Leaf("text", _text, {"type": "string"})
PLAIN = Leaf("text or a number", _plain, {"type": ["string", "number", "boolean"]})
NAME = text_like(NAME_PATTERN, "a name of lower-case letters, digits and dashes (at most 63)")
PORT = whole(1, 65535, "a port")
NUMBER = Leaf("a number", _number, {"type": "number"})
FLAG = Leaf("true or false", _flag, {"type": "boolean"})
BIND = Leaf("an IP address or localhost", _bind, {"type": "string"})
URL = Leaf("a URL such as http://127.0.0.1:8000", _url, {"type": "string", "pattern": "^https?://"})
PATH = text_like(r"(/[^\s?#]*)?", 'a path such as /metrics, or "" for none')
REGEX = Leaf("a regular expression", _regex, {"type": "string"})
GLOB = Leaf("a key or a glob such as *.email", _glob, {"type": "string"})
ROUTE = Leaf("a route template such as /matches/{job_id}", _route, {"type": "string", "pattern": "^/"})
REQUEST = Leaf("a request such as POST /matches", _request, {"type": "string"})
METHOD = choice(*METHODS)
JSON = _Json()
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
