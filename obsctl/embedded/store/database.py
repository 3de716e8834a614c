"""The SQLite file: opening it with clear errors, one writing connection, a small pool of reading ones."""

# ruff: noqa: S608 - table and column names in SQL are constants of this package
from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

from obsctl.embedded.store import schema
from obsctl.embedded.store.base import DamagedError
from obsctl.errors import StartError

FILE = "telemetry.db"
WAY_OUT = "Remove it with `obsctl down --volumes`, or move it away, and start again."
_IDLE_READERS = 8
SqlValue = str | bytes | int | float | None

LEAST, MOST = -(1 << 63), (1 << 63) - 1
"""The range of an integer column."""

WAL_BYTES = 64 << 20
"""The write-ahead log is started over when it is larger than this."""


class Database:
    """The open file. The write connection belongs to one thread at a time; readers come from a pool.

    Durability: WAL with ``synchronous=NORMAL``. A commit is in the operating system's hands when it is acknowledged,
    so it survives ``kill -9`` of this process. Losing power may lose the last commits, never older ones, and never
    damages the file; a synced write per commit (``FULL``) costs milliseconds each, which local telemetry is not worth.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock_file = _lock(folder)
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._checkpointer: sqlite3.Connection | None = None
        try:
            self.writer = self._open_writer()
        except BaseException:
            self._lock_file.close()
            raise

    def _open_writer(self) -> sqlite3.Connection:
        try:
            connection = self.connect()
            try:
                _prepare(connection, self.path)
            except BaseException:
                connection.close()
                raise
        except sqlite3.DatabaseError as error:
            raise StartError(f"{self.path} cannot be used as a database: {error}.", hint=WAY_OUT) from error
        return connection

    def connect(self) -> sqlite3.Connection:
        """A new connection in autocommit mode that any thread may use, one at a time."""
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=10
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Borrow a connection that cannot write. Keep it short: an open read holds back the write-ahead log."""
        with self._reporting_damage():
            connection = self._reader()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
        with self._idle_lock:
            if len(self._idle) < _IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def _reporting_damage(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            # Other errors are about the question or the moment, not the file.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            raise DamagedError(f"{self.path} is damaged: {error}. {WAY_OUT}") from error

    def _reader(self) -> sqlite3.Connection:
        with self._idle_lock:
            if self._idle:
                return self._idle.pop()
        connection = self.connect()
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cache_size = -4096")
        return connection

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the file, holding up the writer only when the log has grown too large."""
        if self._checkpointer is None:
            self._checkpointer = self.connect()
        self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        if self.file_bytes("-wal") > WAL_BYTES:
            self._checkpointer.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def used_bytes(self) -> int:
        """Size of what the file holds, free pages left out."""
        with self.reading() as connection:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)

    def file_bytes(self, suffix: str = "") -> int:
        """Size of the database file, or with ``-wal`` of its write-ahead log."""
        try:
            return Path(f"{self.path}{suffix}").stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Close every connection and let go of the lock. The last one merges the write-ahead log into the file."""
        with self._idle_lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
        if self._checkpointer:
            self._checkpointer.close()
        self.writer.close()
        self._lock_file.close()


def _lock(folder: Path) -> IO[bytes]:
    """Hold the folder for this process; two writers would each miss what the other has in memory."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / "lock").open("ab")
    except OSError as error:
        raise StartError(f"The data folder {folder} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StartError(
            f"The data folder {folder} is in use by another server.", hint="Stop that one first: `obsctl down`."
        ) from error
    return file


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file; refuse a file that is not ours, or of another version."""
    pragma = _pragmas(connection)
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and pragma["application_id"] != schema.APPLICATION_ID:
        raise StartError(f"{path} is a database, but of some other program.", hint=WAY_OUT)
    if tables and pragma["user_version"] != schema.VERSION:
        raise StartError(
            f"{path} has format {pragma['user_version']}; this version reads format {schema.VERSION}.", hint=WAY_OUT
        )
    if not tables:
        connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA cache_size = -32768")
    # Checkpoints run on a thread of their own, so that no commit waits for one.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    if not tables:
        _create(connection)


def _pragmas(connection: sqlite3.Connection) -> dict[str, int]:
    return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")}


def _create(connection: sqlite3.Connection) -> None:
    """All tables in one transaction, so that a process killed here leaves an empty file."""
    marks = f"PRAGMA application_id = {schema.APPLICATION_ID}; PRAGMA user_version = {schema.VERSION};"
    connection.executescript(f"BEGIN; {schema.TABLES} {marks} COMMIT;")


def clamp(value: int) -> int:
    """The nearest number that SQLite and NumPy can hold."""
    return max(LEAST, min(MOST, value))


@lru_cache(maxsize=256)
def _insert_sql(table: str, columns: tuple[str, ...], rows: int) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT OR IGNORE INTO {table} ({names}) VALUES {', '.join([row] * rows)}"


def insert(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[SqlValue]]
) -> int:
    """Insert rows, leaving out those that exist; how many were new.

    Many rows go into one statement: SQLite lets the interpreter run other threads once per step, and a step per row
    would make the writer queue for the interpreter after each of them. Sizes are powers of two, so that a handful of
    prepared statements covers every length.
    """
    stored, done, size = 0, 0, 128
    while done < len(rows):
        while size > len(rows) - done:
            size //= 2
        values = [value for row in rows[done : done + size] for value in row]
        stored += connection.execute(_insert_sql(table, columns, size), values).rowcount
        done += size
    return stored
