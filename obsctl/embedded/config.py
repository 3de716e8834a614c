"""The configuration file of the embedded server: one JSON object, validated completely before anything starts."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from obsctl.embedded.alerting import routing
from obsctl.embedded.alerting.routing import Routing
from obsctl.embedded.keys import Keys
from obsctl.embedded.store.retention import Retention
from obsctl.errors import UsageError

ROLES = ("otlp_grpc", "otlp_http", "prometheus", "loki", "jaeger", "traceql")
"""What the server listens for; every role has an address of its own."""

TRACE_ROLES = ("jaeger", "traceql")
"""The APIs that answer trace queries, of which one is enough."""

ALERTS_ROLE = "alerts"
"""The API of an alert manager, for where there is no other one."""


@dataclass(frozen=True)
class Address:
    """A loopback host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class ScrapeRules:
    """How to take what a target says, as in Prometheus' scrape configuration; a limit of 0 is none."""

    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    sample_limit: int = 0
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0


_SCRAPE_FLAGS = ("honor_labels", "honor_timestamps", "track_timestamps_staleness")
_SCRAPE_LIMITS = ("sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit")


@dataclass(frozen=True)
class Target:
    """What to scrape."""

    job: str
    url: str
    labels: Mapping[str, str]
    rules: ScrapeRules = ScrapeRules()

    @property
    def instance(self) -> str:
        """Host and port, as Prometheus labels them."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class Scrape:
    """How often and how patiently to scrape, in seconds."""

    interval: float
    timeout: float
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class LogFiles:
    """An absolute path or glob to follow, and labels for every line."""

    path: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class LogFields:
    """Fields of a JSON line that become stream labels, and those that become structured metadata."""

    labels: tuple[str, ...]
    metadata: tuple[str, ...]


@dataclass(frozen=True)
class ScrubRules:
    """Attribute keys (globs) to drop, and patterns whose matches in values are masked."""

    attributes: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True)
class Limits:
    """The largest request body after decompression, and the most records waiting to be written."""

    body_bytes: int
    queue_items: int


@dataclass(frozen=True)
class Rules:
    """Rule files, the interval of groups that name none (seconds), and the URLs of who is told of alerts."""

    interval: float = 60.0
    files: tuple[Path, ...] = ()
    alertmanagers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """Everything."""

    data_dir: Path
    listen: Mapping[str, Address]
    scrape: Scrape
    log_files: tuple[LogFiles, ...]
    log_fields: LogFields
    scrub: ScrubRules
    retention: Retention
    limits: Limits
    rules: Rules
    routing: Routing
    span_metrics: bool = False


def load(path: str) -> Config:
    """Read and validate a configuration file.

    Raises:
        UsageError: with one sentence that names the key and what was expected.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the configuration {path}: {_reason(error)}") from error
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from error
    return parse(document)


def parse(document: object) -> Config:
    """Turn the JSON value into a ``Config``; ``UsageError`` names the first mistake."""
    top = Keys("", document)
    config = Config(
        data_dir=_data_dir(top.text("data_dir")),
        listen=_listen(top.keys("listen")),
        scrape=_scrape(top.keys("scrape")),
        log_files=tuple(_log_files(item) for item in top.items("log_files")),
        log_fields=_log_fields(top.keys("log_fields")),
        scrub=_scrub(top.keys("scrub")),
        retention=_retention(top.keys("retention")),
        limits=_limits(top.keys("limits")),
        rules=_rules(top.keys("rules")) if top.has("rules") else Rules(),
        routing=routing.parse(top.keys("alerting")) if top.has("alerting") else routing.NOBODY,
        span_metrics=top.has("span_metrics") and top.flag("span_metrics"),
    )
    top.nothing_else()
    return config


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _data_dir(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise UsageError(f"data_dir must be an absolute path, not {text!r}")
    return path


def _listen(keys: Keys) -> dict[str, Address]:
    left_out = [role for role in TRACE_ROLES if not keys.has(role)]
    asked = [role for role in ROLES if role not in left_out or left_out == list(TRACE_ROLES)]
    asked += [ALERTS_ROLE] if keys.has(ALERTS_ROLE) else []
    addresses = {role: _address(f"listen.{role}", keys.text(role)) for role in asked}
    keys.nothing_else()
    seen: dict[Address, str] = {}
    for role, address in addresses.items():
        if address in seen:
            raise UsageError(f"listen.{role} and listen.{seen[address]} both say {address}; give each its own port")
        seen[address] = role
    return addresses


def _address(where: str, text: str) -> Address:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise UsageError(f"{where} must be host:port with a port from 1 to 65535, not {text!r}")
    host = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(f"{where} must be a loopback address such as 127.0.0.1:{port}, not {text!r}")
    return Address(host, int(port))


def _scrape(keys: Keys) -> Scrape:
    scrape = Scrape(
        interval=keys.number("interval_seconds", 0.05, 86_400),
        timeout=keys.number("timeout_seconds", 0.05, 3_600),
        targets=tuple(_target(item) for item in keys.items("targets")),
    )
    keys.nothing_else()
    seen: set[tuple[str, str]] = set()
    for target in scrape.targets:
        if (target.job, target.url) in seen:
            raise UsageError(f"scrape.targets names {target.url} twice for job {target.job!r}")
        seen.add((target.job, target.url))
    return scrape


def _target(keys: Keys) -> Target:
    target = Target(keys.text("job"), keys.text("url"), keys.texts("labels"), _scrape_rules(keys))
    keys.nothing_else()
    if not _is_http(target.url):
        raise UsageError(f"{keys.where('url')} must be an http:// URL, not {target.url!r}")
    return target


def _scrape_rules(keys: Keys) -> ScrapeRules:
    """The optional keys of a target."""
    given: dict[str, Any] = {name: keys.flag(name) for name in _SCRAPE_FLAGS if keys.has(name)}
    given |= {name: keys.whole(name, 0, 1 << 30) for name in _SCRAPE_LIMITS if keys.has(name)}
    return ScrapeRules(**given)


def _is_http(url: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in (schemes or ("http",)) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _log_files(keys: Keys) -> LogFiles:
    files = LogFiles(keys.text("path"), keys.texts("labels"))
    keys.nothing_else()
    if not files.path.startswith("/"):
        raise UsageError(f"{keys.where('path')} must be an absolute path or glob, not {files.path!r}")
    return files


def _log_fields(keys: Keys) -> LogFields:
    fields = LogFields(keys.strings("labels"), keys.strings("metadata"))
    keys.nothing_else()
    return fields


def _scrub(keys: Keys) -> ScrubRules:
    rules = ScrubRules(keys.strings("attributes"), tuple(_pattern(*item) for item in keys.texts("patterns").items()))
    keys.nothing_else()
    return rules


def _pattern(name: str, regex: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(regex)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"scrub.patterns.{name} is not a regular expression: {error}") from error
    if pattern.search("") is not None:
        raise UsageError(f"scrub.patterns.{name} matches the empty string, so it would mask every value")
    return pattern


def _retention(keys: Keys) -> Retention:
    retention = Retention(keys.number("age_seconds", 1, 10 * 365 * 86_400), keys.whole("size_bytes", 1 << 20, 1 << 50))
    keys.nothing_else()
    return retention


def _limits(keys: Keys) -> Limits:
    limits = Limits(keys.whole("body_bytes", 1024, 1 << 30), keys.whole("queue_items", 1, 100_000_000))
    keys.nothing_else()
    return limits


def _rules(keys: Keys) -> Rules:
    rules = Rules(
        keys.number("interval_seconds", 0.1, 86_400),
        tuple(Path(file) for file in keys.strings("files")),
        tuple(url.rstrip("/") for url in keys.strings("alertmanagers")),
    )
    keys.nothing_else()
    for url in rules.alertmanagers:
        if not _is_http(url, "http", "https"):
            raise UsageError(f"{keys.where('alertmanagers')} must be http:// or https:// URLs, not {url!r}")
    return rules
