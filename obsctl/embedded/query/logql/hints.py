"""Which labels a query needs at all: parsers leave out the others, and stop where they have all (Loki's parser hints).

It is seen in answers, not only in speed: ``sum(count_over_time({…} | json [5m]))`` needs no label, so that no line is
parsed and none can fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from obsctl.embedded.query.logql.entry import ERROR, EXTRACTED, PRESERVE_ERROR, Entry

Test = Callable[[Entry], bool]


@dataclass(frozen=True)
class Hints:
    """What parsers need to know of the stages and groupings behind them.

    ``required`` are the only labels wanted; empty is all of them. ``filters`` are conditions of one label anywhere in
    the pipeline: a line goes as soon as a parser finds a value that breaks the first one of its name.
    """

    required: frozenset[str] = frozenset()
    nothing: bool = False
    filters: Sequence[tuple[str, Test]] = ()

    def satisfied(self, entry: Entry) -> bool:
        """Whether a parser need not begin, or may stop."""
        return self.nothing or (bool(self.required) and self.required <= entry.extracted)

    def wants(self, name: str, entry: Entry) -> bool:
        """Whether a label is needed and no parser has set it yet."""
        return (not self.required or name in self.required) and name not in entry.extracted

    def wants_under(self, prefix: str) -> bool:
        """Whether any needed label may be found in what is nested under a prefix."""
        return not self.required or any(name.startswith(prefix) for name in self.required)

    def keeps(self, name: str, entry: Entry) -> bool:
        """Whether a line may still come through with what was just extracted."""
        for filtered, test in self.filters:
            if filtered == name:
                return test(entry)
        return True

    def fail(self, entry: Entry, error: str, details: str = "") -> None:
        """Note a parser's error; a query that asks for it by name gets numbers for such lines too."""
        entry.fail(error, details)
        if ERROR in self.required:
            entry.set(PRESERVE_ERROR, "true")


ALL = Hints()
"""Everything is needed."""


def with_originals(names: Iterable[str]) -> frozenset[str]:
    """Names, and those they were made of: ``a_extracted`` may be a field called ``a``."""
    found = frozenset(filter(None, names))
    return found | {name.removesuffix(EXTRACTED) for name in found}
