"""Removing what must never be stored, before it is: attributes by key, and matches of patterns inside values.

What the collector's ``attributes`` and ``redaction`` processors do in a real stack.

Walking the attributes of a span costs more than parsing it. Protobuf stores every string as its UTF-8 bytes, so a rule
that needs ``@`` cannot apply to a message without that byte: such bytes are worked out of the rules, and only messages
that have some are walked. Where a rule allows no such conclusion, every message is.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from obsctl.embedded.self_metrics import REDACTED, SelfMetrics

MASK = "****"
_CACHED = 50_000
_CACHED_LENGTH = 128
"""Values up to this length that were found clean are remembered; most telemetry repeats itself."""


class Redactor:
    """Redacts OTLP messages in place. Safe to use from several threads."""

    def __init__(
        self, attributes: Sequence[str], patterns: Sequence[re.Pattern[str]], metrics: SelfMetrics | None = None
    ) -> None:
        globs = [fnmatch.translate(glob) for glob in attributes]
        self._forbidden_key = re.compile("|".join(globs)) if globs else None
        self._patterns = tuple(patterns)
        self._necessary = necessary_bytes(attributes, patterns)
        self._metrics = metrics or SelfMetrics()
        self._keys: dict[str, bool] = {}
        self._clean: set[str] = set()
        self._metrics.add(REDACTED, 0, "dropped")
        self._metrics.add(REDACTED, 0, "masked")

    def suspects(self, message: bytes) -> bool:
        """Whether any rule could apply to a serialized message; if not, it need not be walked."""
        for needed in self._necessary:  # noqa: SIM110 - a generator would cost more than the search itself
            if needed in message:
                return True
        return False

    def forbids(self, key: str) -> bool:
        """Whether an attribute with this key is dropped."""
        known = self._keys.get(key)
        if known is None:
            known = self._forbidden_key is not None and self._forbidden_key.match(key) is not None
            if len(self._keys) >= _CACHED:
                self._keys.clear()
            self._keys[key] = known
        return known

    def text(self, value: str) -> str:
        """A value with every match masked."""
        if value in self._clean:
            return value
        masked = value
        for pattern in self._patterns:
            masked = pattern.sub(MASK, masked)
        if masked != value:
            self._metrics.add(REDACTED, 1, "masked")
        elif len(value) <= _CACHED_LENGTH:
            if len(self._clean) >= _CACHED:
                self._clean.clear()
            self._clean.add(value)
        return masked

    def attributes(self, attributes: Any, prefix: str = "") -> None:
        """Drop forbidden keys of a repeated ``KeyValue`` and mask the values of the others.

        Keys inside a map value are judged by their full path (``user.email`` for ``email`` in ``user``) and alone.
        """
        if not self._necessary:
            return
        clean, keys = self._clean, self._keys
        dropped: list[int] = []
        for index, attribute in enumerate(attributes):
            key = attribute.key
            forbidden = keys.get(key)
            if forbidden is None:
                forbidden = self.forbids(key)
            if forbidden or (prefix and self.forbids(f"{prefix}.{key}")):
                dropped.append(index)
                continue
            value = attribute.value
            text = value.string_value
            if text:
                if text not in clean:
                    masked = self.text(text)
                    if masked is not text:
                        value.string_value = masked
            elif value.WhichOneof("value") in _NESTED:
                self.value(value, f"{prefix}.{key}" if prefix else key)
        for index in reversed(dropped):
            del attributes[index]
        if dropped:
            self._metrics.add(REDACTED, len(dropped), "dropped")

    def value(self, value: AnyValue, path: str = "") -> None:
        """Mask inside one value of any kind. Nesting is bounded by the protobuf parser (100 levels)."""
        kind = value.WhichOneof("value")
        if kind == "string_value":
            masked = self.text(value.string_value)
            if masked != value.string_value:
                value.string_value = masked
        elif kind == "kvlist_value":
            self.attributes(value.kvlist_value.values, path)
        elif kind == "array_value":
            for item in value.array_value.values:
                self.value(item, path)


_NESTED = ("kvlist_value", "array_value")


_GLOB_SPECIAL = re.compile(r"[*?]|\[[^\]]*\]?")
_TOKEN = re.compile(
    r"""(?P<set>\[\^?\]?(?:[^\]\\]|\\.)*\])
    | (?P<times>[*?]|\{\d*,?\d*\})
    | (?P<plus>\+)
    | (?P<open>\() | (?P<close>\)) | (?P<either>\|)
    | (?P<quoted>\\[^0-9A-Za-z])
    | (?P<other>\\[A-MO-TV-Za-tvwyz]|[.^$])
    | (?P<plain>[^][\\.^$*+?{}|()])""",
    re.VERBOSE | re.DOTALL,
)
"""The syntax of ``re``, as far as it can be told apart without understanding it. Escapes that spell one character
(``\\x41``, ``\\101``) are left out, so a pattern with them gives nothing."""


def necessary_bytes(globs: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> tuple[bytes, ...]:
    """Bytes of which at least one occurs in every message that any rule applies to, cheapest first."""
    found = {*map(key_literal, globs), *map(pattern_literal, patterns)}
    return (b"",) if b"" in found else tuple(sorted(found, key=len))


def key_literal(glob: str) -> bytes:
    """Bytes of every key that a glob matches. A key may be spread over nested maps, so no more than one dotted part."""
    parts = [part for run in _GLOB_SPECIAL.split(glob) for part in run.split(".")]
    return max(parts, key=len).encode()


def pattern_literal(pattern: re.Pattern[str]) -> bytes:
    """Bytes of every text that a pattern matches; empty when there are none, or none that are plain to see.

    Only characters outside groups and sets count, in a pattern without alternatives, flags and comments.
    """
    if pattern.flags != re.UNICODE or "(?#" in pattern.pattern:
        return b""
    runs, depth = [""], 0
    for (kind, text), (following, _) in pairwise([*_tokens(pattern.pattern), ("end", "")]):
        depth += (kind == "open") - (kind == "close")
        if kind == "unknown" or (kind == "either" and depth == 0):
            return b""
        needed = kind in ("plain", "quoted") and depth == 0 and following != "times"
        if needed:
            runs[-1] += text[-1]
        if not needed or following == "plus":
            runs.append("")
    return max(runs, key=len).encode()


def _tokens(pattern: str) -> list[tuple[str, str]]:
    """Kind and text of every token, up to the first that is not known."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(pattern):
        match = _TOKEN.match(pattern, position)
        if match is None:
            return [*found, ("unknown", "")]
        found.append((str(match.lastgroup), match[0]))
        position = match.end()
    return found
