"""``${env:NAME}`` and ``${file:path}`` in steps: their values go into requests, and into nothing that is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

from obsctl.languages.placeholders import Placeholder
from obsctl.spec.steps import Step
from obsctl.traffic.placeholders import StepError

MAX_SECRET = 64 << 10
SHORTEST = 4
"""Shorter values are not looked for in texts that are shown: they stand there by chance."""


@dataclass(frozen=True)
class References:
    """The values of what a step refers to, by how it is written there."""

    values: Mapping[str, str]

    def redacted(self, text: str) -> str:
        """The text with each value as the reference that it came from."""
        for reference, value in sorted(self.values.items(), key=lambda pair: -len(pair[1])):
            for written in _as_written(value) if len(value) >= SHORTEST else ():
                text = text.replace(written, reference)
        return text


def _as_written(value: str) -> Iterator[str]:
    """A value as it is, in a query string, in a path, and in JSON."""
    yield from dict.fromkeys((value, quote_plus(value), quote(value, safe=""), json.dumps(value)[1:-1]))


def references(step: Step, *, environment: Mapping[str, str], folder: Path) -> References:
    """What a step refers to. Raises StepError for a variable that is not set, and a file that cannot be read."""
    return References({text: _value(p, environment, folder) for text, p in step.references.items()})


def _value(reference: Placeholder, environment: Mapping[str, str], folder: Path) -> str:
    if reference.format == "env":
        if reference.name not in environment:
            raise StepError(f"has no value for {reference.text}: the environment has no {reference.name}")
        return environment[reference.name]
    path = folder / reference.name
    try:
        with path.open("rb") as file:
            return file.read(MAX_SECRET).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StepError(f"has no value for {reference.text}: cannot read {path}: {why}") from error
