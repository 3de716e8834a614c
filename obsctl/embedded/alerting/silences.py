"""Silences, kept in a file beside the database, so that they outlive the server."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from obsctl.embedded.alerting.model import Silence
from obsctl.languages.alert_matchers import Op, matcher
from obsctl.languages.errors import MissingError, QueryError
from obsctl.languages.labels import Matcher

FILE = "silences.json"
MOST = 1_000
_KEPT_MS = 5 * 86_400_000
"""How long an expired silence is still listed."""

_ORDER = {"active": 0, "pending": 1, "expired": 2}
_log = logging.getLogger("obsctl.embedded.alerting")

Clock = Callable[[], int]


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


class Silences:
    """All silences. Any thread. A file that cannot be read is set aside, and said so in the log."""

    def __init__(self, folder: Path | None = None, clock: Clock = now_ms) -> None:
        self._file = folder / FILE if folder else None
        self._clock = clock
        self._lock = threading.Lock()
        self._known = {one.id: one for one in _read(self._file)} if self._file else {}

    def all(self) -> list[Silence]:
        """Active ones first, then pending, then expired."""
        now = self._clock()
        with self._lock:
            found = list(self._known.values())
        return sorted(found, key=lambda one: (_ORDER[one.state(now)], *_within(one, now)))

    def find(self, number: str) -> Silence:
        """One of them. ``MissingError``."""
        with self._lock:
            if number not in self._known:
                raise MissingError("silence not found")
            return self._known[number]

    def muting(self, labels: Mapping[str, str]) -> list[str]:
        """The ids of the silences of an alert."""
        now = self._clock()
        with self._lock:
            return sorted(one.id for one in self._known.values() if one.mutes(labels, now))

    def put(self, wanted: Silence) -> str:
        """Add one, or change the one that has its id; the id, which is another where the old one had to be ended.

        Raises:
            MissingError: there is no silence of that id.
            QueryError: it cannot be.
        """
        now = self._clock()
        with self._lock:
            old = self._known.get(wanted.id)
            if wanted.id and old is None:
                raise MissingError("silence not found")
            made = replace(wanted, starts_at=max(wanted.starts_at, now), updated_at=now)
            _check(made, now)
            if old and _changes_in_place(old, wanted, now):
                made = replace(made, starts_at=old.starts_at if old.state(now) == "active" else made.starts_at)
            else:
                made = replace(made, id=str(uuid.uuid4()))
            self._forget(now)
            if made.id not in self._known and len(self._known) >= MOST:
                raise QueryError(f"there are {MOST} silences, which is as many as this server keeps")
            changed = {**self._known, made.id: made}
            if old and made.id != old.id and old.state(now) != "expired":
                changed[old.id] = _expired(old, now)
            self._save(changed)
            return made.id

    def expire(self, number: str) -> None:
        """End one. ``MissingError``; one that has ended stays as it is."""
        found, now = self.find(number), self._clock()
        with self._lock:
            if found.state(now) != "expired":
                self._save({**self._known, number: _expired(found, now)})

    def _forget(self, now: int) -> None:
        self._known = {n: one for n, one in self._known.items() if one.ends_at > now - _KEPT_MS}

    def _save(self, changed: dict[str, Silence]) -> None:
        """To the file first: what was answered with success is not lost. ``QueryError`` when it cannot be written."""
        if self._file:
            part = self._file.with_suffix(".part")
            try:
                with part.open("w", encoding="utf-8") as file:
                    file.write(json.dumps([stored(one) for one in changed.values()], indent=1) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self._file)
            except OSError as error:
                raise QueryError(f"the silence cannot be kept: {error}") from error
        self._known = changed


def _expired(one: Silence, now: int) -> Silence:
    return replace(one, starts_at=min(one.starts_at, now), ends_at=now, updated_at=now)


def _within(one: Silence, now: int) -> tuple[int, int]:
    keys = {"active": one.ends_at, "pending": one.starts_at, "expired": -one.ends_at}
    return keys[one.state(now)], one.updated_at


def _changes_in_place(old: Silence, new: Silence, now: int) -> bool:
    """Whether a change keeps the id: the alerts are the same, and the past is not changed."""
    if old.state(now) == "expired" or old.matchers != new.matchers:
        return False
    return old.state(now) == "pending" or old.starts_at == new.starts_at


def _check(silence: Silence, now: int) -> None:
    if silence.ends_at < now:
        raise QueryError("Failed to create silence: end time can't be in the past")
    if silence.ends_at <= silence.starts_at:
        raise QueryError("Failed to create silence: start time must be before end time")
    if all(one.matches("") for one in silence.matchers):
        raise QueryError("invalid silence: at least one matcher must not match the empty string")


def stored(silence: Silence) -> dict[str, object]:
    """As it is kept in the file."""
    return {**vars(silence), "matchers": [[one.name, one.op, one.value] for one in silence.matchers]}


def _read(file: Path) -> Sequence[Silence]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        return [Silence(**{**entry, "matchers": _matchers(entry["matchers"])}) for entry in entries]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, QueryError) as error:
        aside = file.with_suffix(".broken")
        _log.warning("%s cannot be read, and is kept as %s: %s", file, aside.name, error)
        file.replace(aside)
        return []


def _matchers(entries: Sequence[tuple[str, Op, str]]) -> tuple[Matcher, ...]:
    return tuple(matcher(name, op, value) for name, op, value in entries)
