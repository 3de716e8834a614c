"""Grafana's own variables (grafana.com/docs, "Global variables"): what ``$__name`` stands for on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_FORMAT = re.compile(r":(date)(?::([^}]*))?\}$")
_AUTO_STEPS = 30
_AUTO_LEAST = 10.0
"""What an automatic interval has where the variable says nothing else: steps on the page, and least seconds."""

_LEFT_TO_THE_SOURCE = frozenset(("timeFilter", "__timeFilter"))
"""Macros that a data source of another language replaces."""


@dataclass(frozen=True)
class Times:
    """What the page knows about time, in seconds: its range and end, how often is scraped, its width in points."""

    range: float = 3600.0
    scrape_interval: float = 15.0
    points: int = 1000
    end: float = 1_800_000_000.0

    @property
    def interval(self) -> float:
        """``$__interval``: the step of a graph."""
        return max(self.scrape_interval, self.range / self.points)

    @property
    def rate_interval(self) -> float:
        """``$__rate_interval``: long enough for a rate to find two samples, whatever the step."""
        return max(self.interval + self.scrape_interval, 4 * self.scrape_interval)


AN_HOUR = Times()
"""A page that shows one hour."""


def global_value(name: str, text: str, title: str, times: Times) -> str | None:
    """The value of a variable of Grafana's own; None for any other name.

    ``text`` is the reference as written, which may ask for a field or a format; ``title`` is the dashboard's.
    """
    if name in ("__from", "__to"):
        return _time(times.end - times.range if name == "__from" else times.end, text)
    if name in _LEFT_TO_THE_SOURCE:
        return text
    if name.startswith("__auto_interval_"):
        return _duration(max(times.range / _AUTO_STEPS, _AUTO_LEAST))
    return _durations(times).get(name) or _words(title).get(name)


def _durations(times: Times) -> dict[str, str]:
    """Durations in milliseconds, which every dialect takes."""
    return {
        "__rate_interval": _duration(times.rate_interval),
        "__rate_interval_ms": str(round(times.rate_interval * 1000)),
        "__interval": _duration(times.interval),
        "__interval_ms": str(round(times.interval * 1000)),
        "__auto": _duration(times.interval),
        "__range": _duration(times.range),
        "__range_s": str(round(times.range)),
        "__range_ms": str(round(times.range * 1000)),
    }


def _words(title: str) -> dict[str, str]:
    return {
        "__dashboard": title or "dashboard",
        "__user": "admin",
        "__org": "1",
        "__name": "value",
        "__timezone": "utc",
        "__searchFilter": ".*",
    }


def _time(seconds: float, text: str) -> str:
    """Milliseconds since the epoch, or what ``:date`` and ``:date:seconds`` ask for."""
    found = _FORMAT.search(text)
    if found is None:
        return str(round(seconds * 1000))
    if found[2] == "seconds":
        return str(round(seconds))
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"
