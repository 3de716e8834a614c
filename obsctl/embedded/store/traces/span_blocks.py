"""Runs of consecutive spans and what is in them, made in the background: a search reads only those it cannot rule out.

Spans that came since are not in a block yet; searches read them all. Making blocks waits while spans come in fast.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from obsctl.embedded.store.background import BlockTable
from obsctl.embedded.store.database import MOST, Database, SqlValue, clamp
from obsctl.embedded.store.traces import attribute_filter

_PAGE = 64

_COLUMNS = (
    *("last", "first", "earliest", "latest", "shortest", "longest"),
    *("kinds", "statuses", "names", "services", "resources", "scopes", "filter"),
)
_ROWS = """SELECT id, start, end, kind, status, name, service, resource, scope, payload FROM spans
           WHERE id > ? ORDER BY id LIMIT ?"""

_SpanRow = tuple[int, int, int, int, int, int, int, int, int, bytes]
_BlockRow = tuple[int, int, int, int, int, int, str, str, str, str, str, str, bytes]


@dataclass(frozen=True)
class SpanBlock:
    """A block of spans by number, both ends included; numbers of names and blobs as their tables have them."""

    first: int
    last: int
    earliest: int
    latest: int
    shortest: int
    longest: int
    kinds: frozenset[int]
    statuses: frozenset[int]
    names: frozenset[int]
    services: frozenset[int]
    resources: frozenset[int]
    scopes: frozenset[int]
    filter: bytes


def blocks(database: Database, until: int, start_min: int | None, start_max: int | None) -> Iterator[SpanBlock]:
    """Blocks with spans that started in a time, by their latest start, newest first; only those up to a number."""
    sql = f"""SELECT {", ".join(_COLUMNS)} FROM span_blocks WHERE (latest, last) < (?, ?) AND latest >= ?
              AND earliest <= ? AND last <= ? ORDER BY latest DESC, last DESC LIMIT {_PAGE}"""  # noqa: S608 - constants
    low, high = clamp(start_min or 0), MOST if start_max is None else clamp(start_max)
    before = (MOST, MOST)
    while True:
        with database.reading() as connection:
            rows = connection.execute(sql, (*before, low, high, until)).fetchall()
        yield from map(_block, rows)
        if len(rows) < _PAGE:
            return
        before = (rows[-1][3], rows[-1][0])


def _block(row: _BlockRow) -> SpanBlock:
    last, first, earliest, latest, shortest, longest = row[:6]
    kinds, statuses, names, services, resources, scopes = (frozenset(json.loads(text)) for text in row[6:12])
    return SpanBlock(
        *(first, last, earliest, latest, shortest, longest),
        *(kinds, statuses, names, services, resources, scopes),
        row[12],
    )


def _summary(rows: Sequence[_SpanRow]) -> tuple[SqlValue, ...]:
    """The row of a block, from those of its spans."""
    numbers, starts, ends, *columns, payloads = zip(*rows, strict=True)
    took = [end - start for start, end in zip(starts, ends, strict=True)]
    # most attributes of a run repeat: telling them apart by their bytes is cheaper than reading each
    groups = (group for payload in payloads for group in attribute_filter.attribute_groups(Span.FromString(payload)))
    distinct = {encoded for group in groups for encoded in map(KeyValue.SerializeToString, group)}
    found = set(attribute_filter.attribute_tokens(map(KeyValue.FromString, distinct)))
    lists = [json.dumps(sorted(set(column))) for column in columns]
    return (
        *(numbers[-1], numbers[0], min(starts), max(starts), min(took), max(took)),
        *lists,
        attribute_filter.bloom_filter(found),
    )


SPANS = BlockTable("spans", "span_blocks", _COLUMNS, _ROWS, _summary)
