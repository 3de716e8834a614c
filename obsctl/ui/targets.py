"""What a page may ask of the stack: paths matched whole, by role and method. Pure.

Reading is allowed where the products' own APIs read; the writes are silences. Everything else is refused here, so no
other path of a backend, and no other host, can be reached through the proxy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote_to_bytes

from obsctl.endpoints import Role
from obsctl.ui.body import FORM, JSON

LONGEST_PATH = 2_048

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ENCODED_TWICE = re.compile(r"%[0-9a-fA-F]{2}")

_FORM_QUERIES = (
    *("api/v1/query", "api/v1/query_range", "api/v1/query_exemplars", "api/v1/series", "api/v1/labels"),
    *("api/v1/parse_query", "api/v1/format_query"),
)

READABLE: Mapping[Role, Sequence[str]] = {
    Role.METRICS: (
        *_FORM_QUERIES,
        *("api/v1/label/*/values", "api/v1/metadata", "api/v1/rules", "api/v1/alerts", "api/v1/targets"),
        *("api/v1/targets/metadata", "api/v1/status/tsdb", "api/v1/status/buildinfo"),
    ),
    Role.LOGS: tuple(
        f"loki/api/v1/{path}"
        for path in (
            *("query", "query_range", "labels", "label/*/values", "series"),
            *("index/stats", "index/volume", "index/volume_range"),
            *("detected_fields", "detected_labels", "detected_field/*/values", "patterns"),
        )
    ),
    Role.TRACES: (
        *("api/services", "api/services/*/operations", "api/operations", "api/traces", "api/traces/*"),
        *("api/dependencies", "api/v3/services", "api/v3/operations", "api/v3/traces", "api/v3/traces/*"),
        *("api/search", "api/search/tags", "api/search/tag/*/values", "api/v2/search/tags"),
        *("api/v2/search/tag/*/values", "api/v2/traces/*", "api/metrics/query_range"),
    ),
    Role.ALERTS: tuple(
        f"api/v2/{path}" for path in ("alerts", "alerts/groups", "silences", "silence/*", "status", "receivers")
    ),
}
"""Role -> what GET may ask; a star stands for one segment of a path."""

TAIL = "loki/api/v1/tail"
"""The one path that is a WebSocket."""


@dataclass(frozen=True)
class AllowedCall:
    """A call that the proxy may make. ``path`` begins with a slash and is percent-encoded anew.

    ``body`` is the content type that the body must have, "" for no body; ``writes`` says that it needs the token.
    """

    role: Role
    method: Literal["GET", "POST", "DELETE"]
    path: str
    body: str = ""
    writes: bool = False


def segments_of(raw_path: bytes) -> tuple[str, ...] | None:
    """The decoded segments of a path as it came over the wire; None for one that is no plain path.

    A plain path is UTF-8 from the root on. It has no empty, ``.`` or ``..`` segment, no control character, and no
    slash, backslash or second percent-encoding inside a segment.
    """
    if not raw_path.startswith(b"/") or len(raw_path) > LONGEST_PATH:
        return None
    parts = raw_path[1:].split(b"/")
    if parts[-1] == b"":
        parts.pop()
    try:
        decoded = tuple(unquote_to_bytes(part).decode() for part in parts)
    except UnicodeDecodeError:
        return None
    return decoded if all(map(_is_plain, decoded)) else None


def _is_plain(segment: str) -> bool:
    if segment in ("", ".", "..") or _CONTROL.search(segment) or _ENCODED_TWICE.search(segment):
        return False
    return "/" not in segment and "\\" not in segment


def allowed_call(method: str, role: str, segments: Sequence[str]) -> AllowedCall | None:
    """The call that a request for ``/proxy/<role>/<segments>`` stands for; None for one that no page may make."""
    known = next((one for one in READABLE if one == role), None)
    if known is None:
        return None
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    if method in ("GET", "HEAD") and _one_of(segments, READABLE[known]):
        return AllowedCall(known, "GET", path)
    if method == "POST" and known is Role.METRICS and _one_of(segments, _FORM_QUERIES):
        return AllowedCall(known, "POST", path, FORM)
    if method == "POST" and known is Role.ALERTS and _one_of(segments, ("api/v2/silences",)):
        return AllowedCall(known, "POST", path, JSON, writes=True)
    if method == "DELETE" and known is Role.ALERTS and _one_of(segments, ("api/v2/silence/*",)):
        return AllowedCall(known, "DELETE", path, writes=True)
    return None


def _one_of(segments: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(_fits(segments, pattern.split("/")) for pattern in patterns)


def _fits(segments: Sequence[str], pattern: Sequence[str]) -> bool:
    return len(segments) == len(pattern) and all(
        part in ("*", segment) for segment, part in zip(segments, pattern, strict=True)
    )
