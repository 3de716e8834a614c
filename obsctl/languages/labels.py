"""Label sets, and the matchers that select them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from obsctl.languages.regex import Regex, compiled_regex

Labels = tuple[tuple[str, str], ...]
"""A label set: pairs sorted by name, no empty values. For metrics it includes ``__name__``."""


@dataclass(frozen=True)
class Matcher:
    """A label matcher; regular expressions (RE2) are anchored at both ends. A missing label equals the empty string.

    ``ValueError`` when a regular expression is not one.
    """

    name: str
    op: Literal["=", "!=", "=~", "!~"]
    value: str
    _regex: Regex | None = field(init=False, default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.op in ("=~", "!~"):
            object.__setattr__(self, "_regex", compiled_regex(self.value, dot_all=True))

    def matches(self, value: str) -> bool:
        """Whether a label value (empty for a missing label) satisfies the matcher."""
        if self._regex is None:
            return (value == self.value) == (self.op == "=")
        hit = self._regex.fullmatch(value.encode("utf-8", "replace")) is not None
        return hit if self.op == "=~" else not hit


def matches_all(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether a label set satisfies every matcher."""
    return all(m.matches(labels.get(m.name, "")) for m in matchers)
