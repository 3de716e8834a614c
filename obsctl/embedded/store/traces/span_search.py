"""Searching spans by predicates: as tests of blocks, and as SQL for the rows of one."""

# ruff: noqa: S608 - column names in SQL are constants of this package
from __future__ import annotations

import base64
import contextlib
import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from operator import itemgetter

from obsctl.embedded.store.base import (
    ColumnIn,
    Conjunction,
    Disjunction,
    DurationBetween,
    HasAttribute,
    ResourceMatches,
    SpanPredicate,
    SpanScan,
)
from obsctl.embedded.store.database import MOST, Database, SqlValue, clamp
from obsctl.embedded.store.traces import attribute_filter
from obsctl.embedded.store.traces.attribute_filter import bloom_probes
from obsctl.embedded.store.traces.decode import resource_of, scope_of
from obsctl.embedded.store.traces.span_blocks import SpanBlock, blocks

Row = tuple[int, int, str, bytes, bytes, bytes]
"""Start, number, service; serialized resource, scope and span."""

_ALWAYS = "1"
_TIMES = "spans.start >= ? AND spans.start <= ?"


@dataclass(frozen=True)
class Where:
    """A condition in SQL and its values. A column with ``+`` before it is read by row number, never by its index."""

    sql: str
    values: tuple[SqlValue, ...] = ()

    @staticmethod
    def joined(parts: tuple[Where, ...], word: str) -> Where:
        """Several with ``AND`` or ``OR`` between them."""
        return Where(f"({f' {word} '.join(part.sql for part in parts)})", sum((part.values for part in parts), ()))


@dataclass(frozen=True)
class Compiled:
    """A predicate for this database: whether a block may hold such spans, and which of its rows may be one.

    ``rows`` is given None for rows of which no block is known.
    """

    may_hold: Callable[[SpanBlock], bool]
    rows: Callable[[SpanBlock | None], Where]


def predicate_of(scan: SpanScan) -> SpanPredicate:
    """Everything a scan asks for besides the time, as one predicate."""
    parts: list[SpanPredicate] = [scan.prefilter] if scan.prefilter else []
    if scan.service is not None:
        parts.append(ColumnIn("service", frozenset((scan.service,))))
    if scan.operation is not None:
        parts.append(ColumnIn("name", frozenset((scan.operation,))))
    if scan.duration_min is not None or scan.duration_max is not None:
        parts.append(DurationBetween(scan.duration_min, scan.duration_max))
    return Conjunction(tuple(parts))


class SpanSearch:
    """One search. ``select`` is the statement for rows, up to its conditions; those up to ``until`` are in blocks."""

    def __init__(self, database: Database, select: str, scan: SpanScan, until: int) -> None:
        self._database = database
        self._until = until
        self._select = select
        self._low = clamp(scan.start_min or 0)
        self._high = MOST if scan.start_max is None else clamp(scan.start_max)
        self._scan = scan
        self._name_number = cache(self._find_name)
        self._blob = cache(self._find_blob)
        self._tail_numbers = cache(self._find_tail_numbers)
        self._compiled = self._compile(predicate_of(scan))

    def tail(self) -> Iterator[Row]:
        """Rows in no block, newest start first. For a tail that is not long: they are all read."""
        return iter(sorted(self._rows(None, self._until + 1, MOST), key=itemgetter(0, 1), reverse=True))

    def where(self) -> Where:
        """The condition of rows that are in no block."""
        where = self._compiled.rows(None)
        return Where(f"spans.id > {self._until} AND {where.sql}", where.values)

    def in_blocks(self) -> Iterator[Row]:
        """Rows in blocks, newest start first, a block at a time. Blocks come by their latest start."""
        waiting: list[tuple[int, int, Row]] = []
        for block in blocks(self._database, self._until, self._scan.start_min, self._scan.start_max):
            while waiting and -waiting[0][0] > block.latest:
                yield heapq.heappop(waiting)[2]
            if self._compiled.may_hold(block):
                for row in self._rows(block, block.first, block.last):
                    heapq.heappush(waiting, (-row[0], -row[1], row))
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _rows(self, block: SpanBlock | None, first: int, last: int) -> list[Row]:
        where = self._compiled.rows(block)
        sql = f"{self._select} WHERE spans.id BETWEEN ? AND ? AND {_TIMES} AND {where.sql}"
        with self._database.reading() as connection:
            return connection.execute(sql, (first, last, self._low, self._high, *where.values)).fetchall()

    def _compile(self, predicate: SpanPredicate) -> Compiled:
        if isinstance(predicate, Conjunction | Disjunction):
            return self._combined(predicate)
        if isinstance(predicate, ColumnIn):
            return self._column_in(predicate)
        if isinstance(predicate, DurationBetween):
            return _duration(predicate)
        if isinstance(predicate, HasAttribute):
            return _has_attribute(predicate)
        if isinstance(predicate, ResourceMatches):
            of_resource = predicate.test
            return self._blobs("resource", lambda blob: of_resource(resource_of(blob)))
        of_scope = predicate.test
        return self._blobs("scope", lambda blob: of_scope(scope_of(blob)))

    def _combined(self, predicate: Conjunction | Disjunction) -> Compiled:
        parts = [self._compile(part) for part in predicate.parts]
        if not parts:
            return Compiled(lambda _: True, lambda _: Where(_ALWAYS))
        combine, word = (all, "AND") if isinstance(predicate, Conjunction) else (any, "OR")
        return Compiled(
            lambda block: combine(part.may_hold(block) for part in parts),
            lambda block: Where.joined(tuple(part.rows(block) for part in parts), word),
        )

    def _column_in(self, predicate: ColumnIn) -> Compiled:
        column = predicate.column
        numbers = frozenset(self._name_number(v) if isinstance(v, str) else v for v in predicate.values)
        listed = json.dumps([clamp(number) for number in sorted(numbers)])
        read: Callable[[SpanBlock], frozenset[int]] = {
            "service": lambda block: block.services,
            "name": lambda block: block.names,
            "kind": lambda block: block.kinds,
            "status": lambda block: block.statuses,
        }[column]
        where = Where(f"+spans.{column} IN (SELECT value FROM json_each(?))", (listed,))
        return Compiled(lambda block: not numbers.isdisjoint(read(block)), lambda _: where)

    def _blobs(self, column: str, test: Callable[[bytes], bool]) -> Compiled:
        """A predicate on resources or scopes, of which there are few: each is tested once."""
        passes = cache(lambda number: test(self._blob(number)))

        def fitting(block: SpanBlock) -> list[int]:
            numbers = block.resources if column == "resource" else block.scopes
            return [number for number in sorted(numbers) if passes(number)]

        def rows(block: SpanBlock | None) -> Where:
            if block is None:
                numbers = [number for number in self._tail_numbers(column) if passes(number)]
                return Where(f"+spans.{column} IN (SELECT value FROM json_each(?))", (json.dumps(numbers),))
            return Where(f"+spans.{column} IN (SELECT value FROM json_each(?))", (json.dumps(fitting(block)),))

        return Compiled(lambda block: bool(fitting(block)), rows)

    def _find_name(self, value: str) -> int:
        """The number of a name; -1 for one that never occurred."""
        with self._database.reading() as connection:
            try:
                row = connection.execute("SELECT id FROM names WHERE value = ?", (value,)).fetchone()
            except UnicodeEncodeError:  # half a character, which no stored text is
                return -1
        return int(row[0]) if row else -1

    def _find_tail_numbers(self, column: str) -> list[int]:
        """The resources or scopes of rows that are in no block."""
        with self._database.reading() as connection:
            sql = f"SELECT DISTINCT {column} FROM spans WHERE id > ?"
            return [int(number) for (number,) in connection.execute(sql, (self._until,))]

    def _find_blob(self, number: int) -> bytes:
        """A stored blob; empty when retention has just removed it."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM blobs WHERE id = ?", (number,)).fetchone()
        return bytes(row[0]) if row else b""


def _duration(predicate: DurationBetween) -> Compiled:
    least = clamp(predicate.least if predicate.least is not None else -MOST)
    most = clamp(predicate.most if predicate.most is not None else MOST)
    where = Where("spans.end - spans.start BETWEEN ? AND ?", (least, most))
    return Compiled(lambda block: block.longest >= least and block.shortest <= most, lambda _: where)


def _has_attribute(predicate: HasAttribute) -> Compiled:
    key = bloom_probes(attribute_filter.key_token(predicate.key))
    where = _contains(predicate.key.encode("utf-8", "replace"))
    if predicate.values is None:
        return Compiled(lambda block: attribute_filter.may_hold(block.filter, key), lambda _: where)
    wanted = [bloom_probes(attribute_filter.value_token(predicate.key, value)) for value in predicate.values]
    wanted += [bloom_probes(attribute_filter.nested_token(predicate.key))] if predicate.nested else []
    needles = [_needles(value, nested=predicate.nested) for value in predicate.values]
    if all(needles):
        either = Where.joined(tuple(_contains(one) for group in needles for one in group), "OR")
        where = Where.joined((where, either), "AND")
    return Compiled(lambda block: attribute_filter.may_hold_any(block.filter, wanted), lambda _: where)


def _needles(value: attribute_filter.Scalar, *, nested: bool) -> tuple[bytes, ...]:
    """Bytes of which a span with a value has at least one; none where nothing can be said.

    With ``nested``, a text may be the JSON of an array or a map, of which nothing can be said, or base64 of bytes.
    """
    found = attribute_filter.needles(value)
    if not nested or not isinstance(value, str):
        return found
    if value.startswith(("[", "{")):
        return ()
    with contextlib.suppress(ValueError):
        return (*found, base64.b64decode(value, validate=True))
    return found


def _contains(needle: bytes) -> Where:
    return Where("instr(spans.payload, ?) > 0", (needle,)) if needle else Where(_ALWAYS)
