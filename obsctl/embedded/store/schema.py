"""The tables of the database, and how to tell our file from another one.

Spans and log lines are rows in order of arrival with few indexes. Samples arrive in ``journal`` (a row for each write,
mirrored in memory) and are moved to ``pages``, compressed rows with the samples of many series of one metric, some
minutes at a time; small pages are merged. Strings, label sets and OTLP resources that repeat are stored once and
referred to by number.

Row numbers rise with arrival and are never used again. ``marks`` remembers which numbers had been given out at what
time, so retention removes ranges of numbers, whatever times the data itself claims.
"""

from __future__ import annotations

APPLICATION_ID = 0x6F627363
"""``PRAGMA application_id`` of our files: "obsc"."""

VERSION = 4
"""``PRAGMA user_version``: raised with every change of the tables below."""

TABLES = """
CREATE TABLE names (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE, seen INTEGER NOT NULL) STRICT;
CREATE TABLE blobs (id INTEGER PRIMARY KEY, value BLOB NOT NULL UNIQUE, seen INTEGER NOT NULL) STRICT;

CREATE TABLE spans (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  trace_id BLOB NOT NULL,
  span_id BLOB NOT NULL,
  service INTEGER NOT NULL,   -- names.id
  kind INTEGER NOT NULL,
  status INTEGER NOT NULL,
  name INTEGER NOT NULL,      -- names.id
  start INTEGER NOT NULL,     -- ns since the epoch
  end INTEGER NOT NULL,
  resource INTEGER NOT NULL,  -- blobs.id
  scope INTEGER NOT NULL,     -- blobs.id
  payload BLOB NOT NULL       -- serialized opentelemetry.proto.trace.v1.Span
) STRICT;
CREATE UNIQUE INDEX spans_by_id ON spans (trace_id, span_id, service, kind);
CREATE INDEX spans_by_service ON spans (service, start, name, end);
CREATE TABLE span_blocks (    -- what is in a run of spans, so that searches can pass over it
  last INTEGER PRIMARY KEY,   -- spans.id, both ends
  first INTEGER NOT NULL,
  earliest INTEGER NOT NULL,  -- least and greatest start
  latest INTEGER NOT NULL,
  shortest INTEGER NOT NULL,  -- ns
  longest INTEGER NOT NULL,
  kinds TEXT NOT NULL,        -- distinct values of columns, as JSON lists
  statuses TEXT NOT NULL,
  names TEXT NOT NULL,
  services TEXT NOT NULL,
  resources TEXT NOT NULL,
  scopes TEXT NOT NULL,
  filter BLOB NOT NULL        -- Bloom filter of attribute keys and values
) STRICT;
CREATE INDEX span_blocks_by_start ON span_blocks (latest, last);
CREATE TABLE operations (
  service INTEGER NOT NULL,
  name INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  seen INTEGER NOT NULL,      -- s since the epoch, exact to REFRESH_SECONDS
  PRIMARY KEY (service, name, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE series (id INTEGER PRIMARY KEY AUTOINCREMENT, labels TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE journal (
  id INTEGER PRIMARY KEY,
  data BLOB NOT NULL          -- columns of one write: series (int32), time (ms, int64), value (float64)
) STRICT;
CREATE TABLE pages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  metric TEXT NOT NULL,
  start INTEGER NOT NULL,     -- ms since the epoch
  end INTEGER NOT NULL,
  open INTEGER NOT NULL,      -- 1 while it is small enough to be merged
  members BLOB NOT NULL,      -- series (int32)
  data BLOB NOT NULL          -- packed samples
) STRICT;
CREATE INDEX pages_by_metric ON pages (metric, end, start);
CREATE INDEX pages_open ON pages (metric) WHERE open = 1;
CREATE TABLE exemplars (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  series INTEGER NOT NULL,
  time INTEGER NOT NULL,
  labels TEXT NOT NULL,
  value ANY
) STRICT;
CREATE UNIQUE INDEX exemplars_by_series ON exemplars (series, time, labels);
CREATE TABLE families (
  family TEXT PRIMARY KEY, type TEXT NOT NULL, help TEXT NOT NULL, unit TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE streams (id INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE lines (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  stream INTEGER NOT NULL,
  time INTEGER NOT NULL,      -- ns since the epoch
  digest INTEGER NOT NULL,    -- of line and metadata
  line TEXT NOT NULL,
  metadata TEXT NOT NULL,     -- JSON pairs
  trace_id TEXT,
  request_id TEXT
) STRICT;
CREATE UNIQUE INDEX lines_by_stream ON lines (stream, time, digest);
CREATE INDEX lines_by_trace ON lines (trace_id, time) WHERE trace_id IS NOT NULL;
CREATE INDEX lines_by_request ON lines (request_id, time) WHERE request_id IS NOT NULL;
CREATE TABLE line_blocks (    -- what is in a run of lines, so that searches can pass over it
  last INTEGER PRIMARY KEY,   -- lines.id, both ends
  first INTEGER NOT NULL,
  earliest INTEGER NOT NULL,  -- least and greatest time
  latest INTEGER NOT NULL,
  streams TEXT NOT NULL,      -- JSON list
  grams BLOB NOT NULL         -- table of the four-grams of lines and metadata, see logs/line_blocks.py
) STRICT;
CREATE INDEX line_blocks_by_latest ON line_blocks (latest, last);
CREATE INDEX line_blocks_by_earliest ON line_blocks (earliest, last);
CREATE TABLE positions (
  path TEXT PRIMARY KEY, device INTEGER NOT NULL, inode INTEGER NOT NULL, "offset" INTEGER NOT NULL, head BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
  time INTEGER PRIMARY KEY,   -- s since the epoch
  spans INTEGER NOT NULL,     -- greatest row numbers at that time
  lines INTEGER NOT NULL,
  pages INTEGER NOT NULL,
  exemplars INTEGER NOT NULL
) STRICT;
"""

MARKED = ("spans", "lines", "pages", "exemplars")
"""Tables whose rows retention removes by number."""

REFRESH_SECONDS = 60
"""``seen`` of a value in use is never older than this."""
