"""A line on its way through a pipeline, with labels of three origins (Loki's ``LabelsBuilder``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from obsctl.languages.labels import Labels

ERROR = "__error__"
ERROR_DETAILS = "__error_details__"
PRESERVE_ERROR = "__preserve_error__"
EXTRACTED = "_extracted"


class Entry:
    """One line. Of a name that several origins have, the extracted label counts before metadata and the stream's.

    ``base`` are the labels of the stored stream. A name of theirs, or of the line's metadata, gets ``_extracted``
    behind it when a parser finds it again. ``extracted`` are the names that no later parser may set.
    """

    __slots__ = ("base", "deleted", "error", "error_details", "extracted", "line", "metadata", "parsed", "time_ns")

    def __init__(self, base: Mapping[str, str], time_ns: int, line: str, metadata: Labels) -> None:
        self.base = base
        self.time_ns = time_ns
        self.line = line
        self.metadata: dict[str, str] = {}
        self.parsed: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.extracted: set[str] = set()
        self.error = ""
        self.error_details = ""
        for name, value in metadata:
            if name == ERROR:
                self.error = value
            elif name == ERROR_DETAILS:
                self.error_details = value
            else:
                self.metadata[f"{name}{EXTRACTED}" if name in base else name] = value

    def get(self, name: str) -> str | None:
        """A label's value; None when there is none, and always for the error labels."""
        if name in self.metadata:
            return self.metadata[name]
        if name in self.parsed:
            return self.parsed[name]
        if name in self.deleted:
            return None
        return self.base.get(name)

    def text(self, name: str) -> str:
        """A label's value, or the error, as filters of strings see them; empty when there is none."""
        return self.error if name == ERROR else self.get(name) or ""

    def stored(self, name: str) -> bool:
        """Whether the stream or the metadata has this name, so that a parser's finding is named otherwise."""
        return name in self.base or name in self.metadata

    def set(self, name: str, value: str) -> None:
        """Set a label, whatever it was before."""
        self.metadata.pop(name, None)
        self.parsed[name] = value
        self.extracted.add(name)

    def remove(self, name: str) -> None:
        """Drop a label; the error labels too."""
        if name == ERROR:
            self.error = ""
        elif name == ERROR_DETAILS:
            self.error_details = ""
        else:
            self.metadata.pop(name, None)
            self.parsed.pop(name, None)
            self.deleted.add(name)

    def fail(self, error: str, details: str = "") -> None:
        """Note that a stage could not do its work. The line goes on."""
        self.error = error
        if details:
            self.error_details = details

    def rename(self, source: str, target: str) -> None:
        """Give a label another name."""
        value = self.get(source)
        if value is not None:
            self.set(target, value)
            self.remove(source)

    @property
    def stream(self) -> dict[str, str]:
        """The labels of the stream that are still there."""
        hidden = (self.deleted, self.metadata, self.parsed)
        return {name: value for name, value in self.base.items() if not any(name in one for one in hidden)}

    def all(self) -> dict[str, str]:
        """All labels there are, also empty ones, without the error."""
        return {**self.stream, **self.metadata, **self.parsed}

    def labels(self) -> dict[str, str]:
        """All labels, the error included, those with an empty value left out."""
        return {name: value for name, value in (*self.all().items(), *self._failure()) if value}

    def all_with_error(self) -> dict[str, str]:
        """All labels there are, also empty ones, and the error."""
        return {**self.all(), **{name: value for name, value in self._failure() if value}}

    def grouped(self, names: Iterable[str]) -> Labels:
        """The labels of these (sorted) names. One that was dropped stays away, even if a later stage made it again.

        Empty values that a stage set are kept, as in Loki.
        """
        found: list[tuple[str, str]] = []
        for name in names:
            value = self.error or None if name == ERROR else self.get(name)
            if value is not None and name not in self.deleted:
                found.append((name, value))
        return tuple(found)

    def _failure(self) -> tuple[tuple[str, str], ...]:
        """The error labels; details alone are shown only on a line whose labels some stage changed, as in Loki."""
        if self.error or (self.error_details and (self.deleted or self.metadata or self.parsed)):
            return ((ERROR, self.error), (ERROR_DETAILS, self.error_details))
        return ()

    def result(self) -> QueriedLine:
        """What a query answers with."""
        parsed = {name: value for name, value in (*self.parsed.items(), *self._failure()) if value}
        return QueriedLine(
            tuple(sorted(self.stream.items())) if self.deleted or self.metadata or self.parsed else self._all_of_base(),
            self.time_ns,
            self.line,
            tuple(sorted(pair for pair in self.metadata.items() if pair[1])),
            tuple(sorted(parsed.items())),
        )

    def _all_of_base(self) -> Labels:
        return tuple(sorted(self.base.items()))


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
