"""A line on its way through a pipeline, with labels of three origins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from obsctl.languages.labels import Labels

ERROR = "__error__"
ERROR_DETAILS = "__error_details__"
EXTRACTED = "_extracted"


class Entry:
    """One line. A name is a stream label, structured metadata or extracted, never two of them.

    ``base`` are the labels of the stored stream: what is extracted under one of their names, or found there in
    metadata, gets ``_extracted`` behind it.
    """

    __slots__ = ("base", "error", "error_details", "line", "metadata", "parsed", "stream", "time_ns")

    def __init__(self, base: Mapping[str, str], time_ns: int, line: str, metadata: Labels) -> None:
        self.base = base
        self.stream = base
        self.time_ns = time_ns
        self.line = line
        self.metadata = {f"{name}{EXTRACTED}" if name in base else name: value for name, value in metadata}
        self.parsed: dict[str, str] = {}
        self.error = ""
        self.error_details = ""

    def get(self, name: str) -> str | None:
        """A label's value; None when there is none."""
        if name in self.parsed:
            return self.parsed[name]
        if name in self.metadata:
            return self.metadata[name]
        if name in self.stream:
            return self.stream[name]
        if name == ERROR:
            return self.error or None
        return self.error_details or None if name == ERROR_DETAILS else None

    def extract(self, name: str, value: str) -> None:
        """Take a label out of the line. The first of two with one name is kept."""
        if name in self.base:
            name = f"{name}{EXTRACTED}"
        if name not in self.parsed:
            self.set(name, value)

    def set(self, name: str, value: str) -> None:
        """Set a label, whatever it was before."""
        self.metadata.pop(name, None)
        if name in self.stream:
            self.stream = {key: old for key, old in self.stream.items() if key != name}
        self.parsed[name] = value

    def remove(self, name: str) -> None:
        """Drop a label; ``__error__`` too."""
        if name == ERROR:
            self.error = ""
        elif name == ERROR_DETAILS:
            self.error_details = ""
        else:
            self.metadata.pop(name, None)
            self.parsed.pop(name, None)
            if name in self.stream:
                self.stream = {key: old for key, old in self.stream.items() if key != name}

    def fail(self, error: str, details: str) -> None:
        """Note that a stage could not do its work. The line goes on."""
        self.error = error
        self.error_details = details

    def rename(self, source: str, target: str) -> None:
        """Give a label another name; it keeps its origin."""
        for origin in ("parsed", "metadata", "stream"):
            labels = getattr(self, origin)
            if source in labels:
                value = labels[source]
                self.remove(source)
                self.remove(target)
                setattr(self, origin, {**getattr(self, origin), target: value})
                return

    @property
    def names(self) -> list[str]:
        """All labels there are, without the error."""
        return [*self.stream, *self.metadata, *self.parsed]

    def labels(self) -> dict[str, str]:
        """All labels, the error included, those with an empty value left out."""
        found = {**self.stream, **self.metadata, **self.parsed}
        return {name: value for name, value in (*found.items(), *self._failure()) if value}

    def _failure(self) -> tuple[tuple[str, str], ...]:
        return ((ERROR, self.error), (ERROR_DETAILS, self.error_details)) if self.error or self.error_details else ()

    def result(self) -> QueriedLine:
        """What a query answers with."""
        parsed = {name: value for name, value in (*self.parsed.items(), *self._failure()) if value}
        return QueriedLine(
            tuple(sorted(self.stream.items())),
            self.time_ns,
            self.line,
            tuple(sorted(self.metadata.items())),
            tuple(sorted(parsed.items())),
        )


@dataclass(frozen=True, slots=True)
class QueriedLine:
    """A line that came out of a pipeline: labels of its stream, structured metadata, and extracted labels."""

    stream: Labels
    time_ns: int
    line: str
    metadata: Labels = ()
    parsed: Labels = ()

    @property
    def labels(self) -> Labels:
        """All of them together, sorted by name."""
        return tuple(sorted((*self.stream, *self.metadata, *self.parsed)))
