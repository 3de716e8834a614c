"""Placeholders in texts: one engine, and the notations of templates, probe requests and dashboards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Placeholder:
    """A placeholder: what it names, the format that it asks for ("" for none), and how it is written in the text."""

    name: str
    format: str
    text: str


@dataclass(frozen=True)
class Notation:
    """How placeholders are written: a pattern, and those of its groups that may hold the name and the format."""

    pattern: re.Pattern[str]
    names: tuple[str, ...] = ("name",)
    formats: tuple[str, ...] = ()

    def render(self, text: str, value_of: Callable[[Placeholder], str]) -> str:
        """The text with each placeholder replaced by its value. What a value holds is not looked at again."""
        return self.pattern.sub(lambda match: value_of(self._placeholder(match)), text)

    def placeholders(self, text: str) -> tuple[Placeholder, ...]:
        """The placeholders of a text, in order."""
        return tuple(self._placeholder(match) for match in self.pattern.finditer(text))

    def whole(self, text: str) -> Placeholder | None:
        """The placeholder that a text consists of; None where there is anything else in it."""
        match = self.pattern.fullmatch(text)
        return self._placeholder(match) if match else None

    def _placeholder(self, match: re.Match[str]) -> Placeholder:
        name, form = (next((match[g] for g in groups if match[g]), "") for groups in (self.names, self.formats))
        return Placeholder(name, form, match[0])


TEMPLATE = Notation(re.compile(r"@\{(?P<name>[a-z][a-z0-9_.]*)(?::(?P<format>[a-z]+))?\}"), formats=("format",))
"""``@{name}``, ``@{http.requests:base}``: in our own templates, so that braces of what is rendered stay braces."""

REQUEST = Notation(
    re.compile(r"\$\{(?P<source>env|file):(?P<reference>[^{}\x00-\x1f]+)\}|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}"),
    names=("reference", "name"),
    formats=("source",),
)
"""``{name}`` in probe requests; ``${env:NAME}`` and ``${file:path}``, whose format is ``env`` or ``file``."""

DASHBOARD = Notation(
    re.compile(
        r"\$(?P<plain>\w+)|\$\{(?P<braced>\w+)(?:\.[^:}]+)?(?::(?P<how>\w+)[^}]*)?\}"
        r"|\[\[(?P<old>\w+)(?::(?P<was>\w+))?\]\]"
    ),
    names=("plain", "braced", "old"),
    formats=("how", "was"),
)
"""``$name``, ``${name:format}``, ``[[name]]``: Grafana's variables."""
