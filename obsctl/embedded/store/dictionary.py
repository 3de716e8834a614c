"""Things that repeat, stored once under a number: strings, blobs and label sets.

The write side belongs to the writer's thread. What a transaction adds becomes visible to readers on ``commit`` and is
forgotten on ``rollback``.
"""

# ruff: noqa: S608 - table and column names in SQL are constants of this package
from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar

from obsctl.languages.labels import Labels, Matcher, matches_all

_CACHED = 50_000

V = TypeVar("V", str, bytes)


class Dictionary(Generic[V]):
    """Values of one table with their numbers, those in use kept in memory.

    The memory is dropped every minute; meeting a value again then renews its ``seen``, by which retention knows what
    nothing refers to any more.
    """

    def __init__(self, table: str) -> None:
        self._add = f"""INSERT INTO {table} (value, seen) VALUES (?, ?)
                        ON CONFLICT (value) DO UPDATE SET seen = excluded.seen RETURNING id"""
        self._ids: dict[V, int] = {}

    def id(self, connection: sqlite3.Connection, value: V) -> int:
        """The number of a value, given to it now if it is new."""
        known = self._ids.get(value)
        if known is not None:
            return known
        ((number,),) = connection.execute(self._add, (value, int(time.time()))).fetchall()
        if len(self._ids) >= _CACHED:
            self._ids.clear()
        self._ids[value] = int(number)
        return int(number)

    def forget(self) -> None:
        """Drop the memory: it is a minute old, or a transaction that gave out numbers was rolled back."""
        self._ids.clear()


class Numbering:
    """Label sets of one table and their numbers. What a transaction adds shows to readers on ``commit``."""

    def __init__(self, connection: sqlite3.Connection, table: str, limit: int) -> None:
        self._add = f"""INSERT INTO {table} (labels) VALUES (?)
                        ON CONFLICT (labels) DO UPDATE SET labels = excluded.labels RETURNING id"""
        self._limit = limit
        self._lock = threading.Lock()
        self._ids: dict[Labels, int] = {}
        self._pending: dict[Labels, int] = {}
        for number, text in connection.execute(f"SELECT id, labels FROM {table} ORDER BY id"):
            self._publish(tuple((name, value) for name, value in json.loads(text)), number)

    def __len__(self) -> int:
        return len(self._ids)

    def id(self, connection: sqlite3.Connection, labels: Labels) -> int | None:
        """The number of a label set, given to it now if it is new; None when there is no room for another one."""
        known = self._ids.get(labels)
        if known is None:
            known = self._pending.get(labels)
        if known is not None:
            return known
        if len(self._ids) + len(self._pending) >= self._limit:
            return None
        ((number,),) = connection.execute(self._add, (json.dumps(labels),)).fetchall()
        self._pending[labels] = int(number)
        return int(number)

    def commit(self) -> None:
        """Show the new ones to readers."""
        if self._pending:
            with self._lock:
                for labels, number in self._pending.items():
                    self._publish(labels, number)
            self._pending.clear()

    def rollback(self) -> None:
        """Forget the new ones."""
        self._pending.clear()

    def _publish(self, labels: Labels, number: int) -> None:
        """Show one to readers; the lock is held, or no other thread is there yet."""
        self._ids[labels] = number


class LabelSets(Numbering):
    """All label sets of one table, in memory both ways, selectable by matchers."""

    def __init__(self, connection: sqlite3.Connection, table: str, limit: int) -> None:
        self._labels: dict[int, Labels] = {}
        self._by_name: dict[str, set[int]] = defaultdict(set)
        super().__init__(connection, table, limit)

    def find(self, matchers: Sequence[Matcher]) -> list[tuple[int, Labels]]:
        """Number and labels of every set that satisfies all matchers, oldest first."""
        name = next((m.value for m in matchers if m.name == "__name__" and m.op == "="), None)
        with self._lock:
            numbers: Collection[int] = self._labels if name is None else self._by_name.get(name, ())
            candidates = [(number, self._labels[number]) for number in numbers]
        return sorted((number, labels) for number, labels in candidates if matches_all(matchers, dict(labels)))

    def labels(self, number: int) -> Labels | None:
        """The label set with this number."""
        return self._labels.get(number)

    def all(self) -> Mapping[int, Labels]:
        """A copy of everything."""
        with self._lock:
            return dict(self._labels)

    def remove(self, numbers: Collection[int]) -> None:
        """Forget label sets whose rows were deleted."""
        with self._lock:
            for number in numbers:
                labels = self._labels.pop(number, ())
                self._ids.pop(labels, None)
                self._by_name[_name(labels)].discard(number)

    def _publish(self, labels: Labels, number: int) -> None:
        super()._publish(labels, number)
        self._labels[number] = labels
        self._by_name[_name(labels)].add(number)


def _name(labels: Labels) -> str:
    return next((value for name, value in labels if name == "__name__"), "")
