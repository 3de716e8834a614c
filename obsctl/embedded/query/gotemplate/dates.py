"""Moments, and Go's layouts for them: ``2006-01-02T15:04:05.000Z07:00`` (pkg.go.dev/time)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from obsctl.languages.gotemplate.syntax import TemplateError
from obsctl.languages.quoting import excerpt
from obsctl.languages.units import SECOND_NS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TOKEN = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|-07:00|-0700|-07|Z07:00|Z0700|[.,]0+(?!\d)|[.,]9+(?!\d)"
    r"|01|02|03|04|05|06|15|_2|PM|pm|1|2|3|4|5"
)


@dataclass(frozen=True)
class Moment:
    """A time in ns since the epoch, as seen in a zone."""

    ns: int
    zone: tzinfo = UTC

    @property
    def local(self) -> datetime:
        """Without what is below a microsecond. ``TemplateError`` beyond the calendar."""
        try:
            return (_EPOCH + timedelta(microseconds=self.ns // 1000)).astimezone(self.zone)
        except OverflowError as error:
            raise TemplateError("the time is beyond the calendar") from error

    @property
    def fraction(self) -> str:
        """Nine digits below a second."""
        return f"{self.ns % SECOND_NS:09d}"

    def __str__(self) -> str:
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def format(self, layout: str) -> str:
        """As a layout says."""
        local = self.local
        return _TOKEN.sub(lambda found: _formatted(found[0], local, self.fraction), layout)


def _formatted(token: str, local: datetime, fraction: str) -> str:
    if token[0] in ".,":
        digits = fraction[: len(token) - 1] if len(token) <= 10 else fraction
        shown = digits if token[1] == "0" else digits.rstrip("0")
        return token[0] + shown if shown else ""
    if token[0] in "-Z":
        return _offset(token, local)
    return _FORMATS[token](local)


def _offset(token: str, local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    if token.startswith("Z") and not minutes:
        return "Z"
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{hours:02d}" + ("" if len(token) == len("-07") else f"{':' * (':' in token)}{rest:02d}")


_FORMATS: Mapping[str, Callable[[datetime], str]] = {
    "January": lambda t: _MONTHS[t.month - 1],
    "Jan": lambda t: _MONTHS[t.month - 1][:3],
    "Monday": lambda t: _DAYS[t.weekday()],
    "Mon": lambda t: _DAYS[t.weekday()][:3],
    "MST": lambda t: t.tzname() or "",
    "2006": lambda t: f"{t.year:04d}",
    "06": lambda t: f"{t.year % 100:02d}",
    "01": lambda t: f"{t.month:02d}",
    "1": lambda t: str(t.month),
    "02": lambda t: f"{t.day:02d}",
    "_2": lambda t: f"{t.day:2d}",
    "2": lambda t: str(t.day),
    "15": lambda t: f"{t.hour:02d}",
    "03": lambda t: f"{t.hour % 12 or 12:02d}",
    "3": lambda t: str(t.hour % 12 or 12),
    "04": lambda t: f"{t.minute:02d}",
    "4": lambda t: str(t.minute),
    "05": lambda t: f"{t.second:02d}",
    "5": lambda t: str(t.second),
    "PM": lambda t: "AM" if t.hour < 12 else "PM",
    "pm": lambda t: "am" if t.hour < 12 else "pm",
}
_READ: Mapping[str, str] = {
    "January": f"(?P<month_name>{'|'.join(_MONTHS)})",
    "Jan": f"(?P<month_name>{'|'.join(m[:3] for m in _MONTHS)})",
    "Monday": f"(?:{'|'.join(_DAYS)})",
    "Mon": f"(?:{'|'.join(d[:3] for d in _DAYS)})",
    "MST": "(?:[A-Z]{3,4})",
    "2006": r"(?P<year>\d{4})",
    "06": r"(?P<short_year>\d\d)",
    "01": r"(?P<month>\d\d)",
    "1": r"(?P<month>\d\d?)",
    "02": r"(?P<day>\d\d)",
    "_2": r"(?P<day>[ \d]?\d)",
    "2": r"(?P<day>\d\d?)",
    "15": r"(?P<hour>\d\d)",
    "03": r"(?P<hour>\d\d)",
    "3": r"(?P<hour>\d\d?)",
    "04": r"(?P<minute>\d\d)",
    "4": r"(?P<minute>\d\d?)",
    "05": r"(?P<second>\d\d)(?P<fraction>[.,]\d{1,9})?",
    "5": r"(?P<second>\d\d?)(?P<fraction>[.,]\d{1,9})?",
    "PM": "(?P<half>AM|PM)",
    "pm": "(?P<half>am|pm)",
    "-07:00": r"(?P<offset>[+-]\d\d:\d\d)",
    "-0700": r"(?P<offset>[+-]\d{4})",
    "-07": r"(?P<offset>[+-]\d\d)",
    "Z07:00": r"(?P<offset>Z|[+-]\d\d:\d\d)",
    "Z0700": r"(?P<offset>Z|[+-]\d{4})",
}


def parsed(layout: str, text: str, zone: tzinfo = UTC) -> Moment:
    """The moment that a text is in a layout, in this zone unless it names one. ``TemplateError`` when it is none."""
    problem = TemplateError(f"parsing time {excerpt(text)} as {excerpt(layout)}: cannot parse it")
    try:
        found = re.fullmatch(_pattern(layout), text, re.ASCII)
    except re.error as error:
        raise TemplateError(f"the layout {excerpt(layout)} names a part twice") from error
    if not found:
        raise problem
    parts = {name: value for name, value in found.groupdict().items() if value}
    try:
        zone = _zone(parts["offset"]) if "offset" in parts else zone
        clock = (_hour(parts), int(parts.get("minute", 0)), int(parts.get("second", 0)))
        whole = (datetime(*_date(parts), *clock, tzinfo=zone) - _EPOCH) // timedelta(seconds=1)
    except ValueError as error:
        raise problem from error
    return Moment(whole * SECOND_NS + int(parts.get("fraction", ".0")[1:].ljust(9, "0")), zone)


def _pattern(layout: str) -> str:
    parts, position = [], 0
    for token in _TOKEN.finditer(layout):
        parts += [re.escape(layout[position : token.start()]), _READ.get(token[0], "")]
        position = token.end()
    return "".join([*parts, re.escape(layout[position:])])


def _date(parts: Mapping[str, str]) -> tuple[int, int, int]:
    short = int(parts.get("short_year", 0))
    year = int(parts["year"]) if "year" in parts else (short + (1900 if short >= 69 else 2000) if short else 1)
    names = [month[: len(parts.get("month_name", ""))] for month in _MONTHS]
    month = names.index(parts["month_name"]) + 1 if "month_name" in parts else int(parts.get("month", 1))
    return year, month, int(parts.get("day", 1))


def _hour(parts: Mapping[str, str]) -> int:
    hour = int(parts.get("hour", 0))
    return hour if "half" not in parts else hour % 12 + 12 * (parts["half"].upper() == "PM")


def _zone(offset: str) -> tzinfo:
    if offset == "Z":
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes)) if minutes < 1440 else UTC


def zone_named(name: str) -> tzinfo:
    """``UTC``, ``Local`` (which is UTC here), or a name of the IANA database. ``TemplateError`` for any other."""
    if name in ("", "UTC", "Local"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise TemplateError(f"unknown time zone {name}") from error
