"""Removing what must never be stored, before it is: attributes by key, and matches of patterns inside values.

What the collector's ``attributes`` and ``redaction`` processors do in a real stack.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from obsctl.embedded import redaction_prefilter as scrub_prefilter
from obsctl.embedded.self_metrics import SCRUBBED, OwnMetrics

MASK = "****"
_CACHED = 50_000
_CACHED_LENGTH = 128
"""Values up to this length that were found clean are remembered; most telemetry repeats itself."""


class Scrubber:
    """Scrubs OTLP messages in place. Safe to use from several threads."""

    def __init__(
        self, attributes: Sequence[str], patterns: Sequence[re.Pattern[str]], metrics: OwnMetrics | None = None
    ) -> None:
        globs = [fnmatch.translate(glob) for glob in attributes]
        self._forbidden_key = re.compile("|".join(globs)) if globs else None
        self._patterns = tuple(patterns)
        self._traces = scrub_prefilter.traces(attributes, patterns)
        self._metrics = metrics or OwnMetrics()
        self._keys: dict[str, bool] = {}
        self._clean: set[str] = set()
        self._metrics.add(SCRUBBED, 0, "dropped")
        self._metrics.add(SCRUBBED, 0, "masked")

    def suspects(self, message: bytes) -> bool:
        """Whether any rule could apply to a serialized message; if not, it need not be walked."""
        for trace in self._traces:  # noqa: SIM110 - a generator would cost more than the search itself
            if trace in message:
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
            self._metrics.add(SCRUBBED, 1, "masked")
        elif len(value) <= _CACHED_LENGTH:
            if len(self._clean) >= _CACHED:
                self._clean.clear()
            self._clean.add(value)
        return masked

    def attributes(self, attributes: Any, prefix: str = "") -> None:
        """Drop forbidden keys of a repeated ``KeyValue`` and mask the values of the others.

        Keys inside a map value are judged by their full path (``user.email`` for ``email`` in ``user``) and alone.
        """
        if not self._traces:
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
            self._metrics.add(SCRUBBED, len(dropped), "dropped")

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
