"""The configuration of the embedded server: one JSON object, validated completely before anything starts."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.access.options import AuthOptions, ScrapeOptions, TlsOptions
from obsctl.access.secret_text import SECRET, SecretText
from obsctl.embedded.alerting_config import ALERTING, AlertingConfig
from obsctl.errors import UsageError
from obsctl.languages.globs import GlobError
from obsctl.languages.globs import check as check_glob
from obsctl.schema.findings import Findings
from obsctl.schema.json_document import NON_EMPTY, STRING_MAP, STRINGS, read_json
from obsctl.schema.records import REQUIRED, Key, KnownKeys, RecordType, key, record
from obsctl.schema.scalars import FLAG, number, whole
from obsctl.schema.source import SourceCursor, SourceNode, Spot
from obsctl.schema.types import ListOf, MapOf, ScalarType, ValidationError

ROLES = ("otlp_grpc", "otlp_http", "prometheus", "loki", "jaeger", "traceql")
"""What the server listens for; every role has an address of its own."""

TRACE_ROLES = ("jaeger", "traceql")
"""The APIs that answer trace queries, of which one is enough."""

ALERTS_ROLE = "alerts"
"""The API of an alert manager, for where there is no other one."""

_TEN_YEARS = 10 * 365 * 86_400


@dataclass(frozen=True)
class Address:
    """An IP address and a port."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine's alone."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, never bound
        return f"http://{Address(host, self.port)}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _address(node: SourceNode) -> Address:
    text = NON_EMPTY.parse(node)
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValidationError(f"must be host:port with a port from 1 to 65535, not {text!r}")
    host = "127.0.0.1" if host == "localhost" else host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValidationError(f"must be an IP address and a port such as 127.0.0.1:{port}, not {text!r}") from None
    return Address(host, int(port))


def _folder(node: SourceNode) -> Path:
    path = Path(NON_EMPTY.parse(node))
    if not path.is_absolute():
        raise ValidationError(f"must be an absolute path, not {node.text!r}")
    return path


def _glob(node: SourceNode) -> str:
    path = NON_EMPTY.parse(node)
    if not path.startswith("/"):
        raise ValidationError(f"must be an absolute path or glob, not {path!r}")
    try:
        check_glob(path)
    except GlobError as error:
        raise ValidationError(str(error)) from error
    return path


def _is_url(url: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _http_url(node: SourceNode) -> str:
    url = NON_EMPTY.parse(node)
    if not _is_url(url, "http", "https"):
        raise ValidationError(f"must be an http:// or https:// URL, not {url!r}")
    return url


def _http_urls(node: SourceNode) -> tuple[str, ...]:
    urls = tuple(url.rstrip("/") for url in STRINGS.parse(node))
    for url in urls:
        if not _is_url(url, "http", "https"):
            raise ValidationError(f"must be http:// or https:// URLs, not {url!r}")
    return urls


def _pattern(node: SourceNode) -> re.Pattern[str]:
    if not isinstance(node.value, str):
        raise ValidationError
    try:
        pattern = re.compile(node.value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValidationError(f"is not a regular expression: {error}") from error
    if pattern.search("") is not None:
        raise ValidationError("matches the empty string, so it would mask every value")
    return pattern


_ADDRESS = ScalarType("a non-empty string", _address, NON_EMPTY.json)
_FOLDER = ScalarType("a non-empty string", _folder, NON_EMPTY.json)
_GLOB = ScalarType("a non-empty string", _glob, NON_EMPTY.json)
_HTTP_URL = ScalarType("a non-empty string", _http_url, NON_EMPTY.json)
_HTTP_URLS = ScalarType(STRINGS.expected, _http_urls, STRINGS.json)
_FILES = ScalarType(STRINGS.expected, lambda node: tuple(Path(file) for file in STRINGS.parse(node)), STRINGS.json)
_PATTERN = ScalarType("a string", _pattern, {"type": "string"})


def _listen_keys() -> tuple[Key[Address], ...]:
    """Every role needs an address, but one API for traces is enough, and alerts are optional."""
    optional = (*TRACE_ROLES, ALERTS_ROLE)
    return tuple(
        Key(role, _ADDRESS, f"Address of {role}: IP address and port.", None if role in optional else REQUIRED)
        for role in (*ROLES, ALERTS_ROLE)
    )


@record("options of a target", kw_only=True)
class TargetOptions(ScrapeOptions):
    """What the server can be told beyond what every runtime can."""

    track_timestamps_staleness: bool = key(FLAG, "Whether series with times of their own go stale.", default=False)


@record("a target", kw_only=True)
class ScrapeTarget(TargetOptions):
    """What to scrape, and how."""

    job: str = key(NON_EMPTY, "Its `job` label.")
    url: str = key(_HTTP_URL, "Where its metrics are.")
    labels: Mapping[str, str] = key(STRING_MAP, "Labels that every series of it gets.")
    tls: TlsOptions = key(
        RecordType(TlsOptions), "How `https` is spoken.", default=TlsOptions(), shown="as the system does"
    )
    auth: AuthOptions = key(RecordType(AuthOptions), "Credentials.", default=AuthOptions(), shown="none")

    @property
    def instance(self) -> str:
        """Host and port, as Prometheus labels them."""
        return urlsplit(self.url).netloc


@record("scrape")
class ScrapeConfig:
    """How often and how patiently to scrape, in seconds."""

    interval: float = key(number(0.05, 86_400, "seconds"), "How often.", name="interval_seconds")
    timeout: float = key(number(0.05, 3_600, "seconds"), "How long a target may take.", name="timeout_seconds")
    targets: tuple[ScrapeTarget, ...] = key(ListOf(RecordType(ScrapeTarget)), "What to scrape.")

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """A target is scraped once for a job."""
        known: set[tuple[str, str]] = set()
        for target in self.targets:
            if (target.job, target.url) in known:
                findings.add(cursor.spot("targets"), f"names {target.url} twice for job {target.job!r}")
            known.add((target.job, target.url))


@record("a log file")
class LogFiles:
    """An absolute path or glob to follow, and labels for every line."""

    path: str = key(_GLOB, "Files to follow.")
    labels: Mapping[str, str] = key(STRING_MAP, "Stream labels of every line.")


@record("log fields")
class LogFields:
    """Fields of a JSON line that become stream labels, and those that become structured metadata."""

    labels: tuple[str, ...] = key(STRINGS, "Fields that become stream labels; of OTLP records the ids alone.")
    metadata: tuple[str, ...] = key(STRINGS, "Fields that become structured metadata.")


@record("scrub")
class RedactionConfig:
    """Attribute keys (globs) to drop, and patterns whose matches in values are masked."""

    attributes: tuple[str, ...] = key(STRINGS, "Attributes to drop (globs).")
    patterns: Mapping[str, re.Pattern[str]] = key(
        MapOf(_PATTERN, "an object of strings", r"(?s).*"), "Name -> regex; what it finds is masked."
    )


@record("retention")
class RetentionConfig:
    """How old and how large stored telemetry may be."""

    age: float = key(number(1, _TEN_YEARS, "seconds"), "Older data is removed.", name="age_seconds")
    size: int = key(whole(1 << 20, 1 << 50, unit="bytes"), "Above this the oldest data is removed.", name="size_bytes")


@record("limits")
class Limits:
    """The largest request body after decompression, and the most records waiting to be written."""

    body_bytes: int = key(whole(1024, 1 << 30, unit="bytes"), "The largest request body, unpacked.")
    queue_items: int = key(whole(1, 100_000_000), "The most records that wait to be written.")


@record("rules")
class RulesConfig:
    """Rule files, the interval of groups that name none (seconds), and the alert managers to send alerts to."""

    interval: float = key(number(0.1, 86_400, "seconds"), "Interval of groups without one.", name="interval_seconds")
    files: tuple[Path, ...] = key(_FILES, "Prometheus' rule files, as JSON.")
    alertmanagers: tuple[str, ...] = key(_HTTP_URLS, "URLs of alert managers elsewhere.")


@record("access")
class AccessConfig:
    """Who may ask beside this machine."""

    hosts: tuple[str, ...] = key(STRINGS, "Names of `Host` headers.", default=())
    origins: tuple[str, ...] = key(STRINGS, "Origins of pages; `*` is any text.", default=())
    token: SecretText | None = key(SECRET, "Bearer token that every request must carry.", default=None)


@record("an activated port")
class ActivatedPort:
    """A port of this machine whose program is started when somebody connects."""

    listen: Address = key(_ADDRESS, "Loopback address and port.")
    command: tuple[str, ...] = key(
        STRINGS, "Arguments of the Python that runs the server; `{fd}` is the socket, which the program inherits."
    )


@record("the configuration", kw_only=True)
class Config:
    """Everything."""

    data_dir: Path = key(_FOLDER, "Folder of the database; an absolute path.")
    listen: Mapping[str, Address] = key(KnownKeys("listen", _listen_keys), "Role -> address.")
    scrape: ScrapeConfig = key(RecordType(ScrapeConfig), "What is scraped.")
    log_files: tuple[LogFiles, ...] = key(ListOf(RecordType(LogFiles)), "Log files to follow.")
    log_fields: LogFields = key(RecordType(LogFields), "What fields of log lines become.")
    scrub: RedactionConfig = key(RecordType(RedactionConfig), "What must never be stored.")
    retention: RetentionConfig = key(RecordType(RetentionConfig), "What is kept.")
    limits: Limits = key(RecordType(Limits), "What is refused.")
    rules: RulesConfig = key(
        RecordType(RulesConfig), "Recording rules and alerts.", default=RulesConfig(60.0, (), ()), shown="no rules"
    )
    alerting: AlertingConfig | None = key(
        ALERTING, "Alertmanager's configuration.", default=None, shown="nobody is notified"
    )
    access: AccessConfig = key(
        RecordType(AccessConfig), "Who may ask beside this machine.", default=AccessConfig(), shown="nobody"
    )
    namespaces: Mapping[str, str] = key(
        STRING_MAP,
        "`service.name` -> label `service_namespace` of metrics that it sends by OTLP, as on scraped ones.",
        default={},
    )
    span_metrics: bool = key(FLAG, "Whether there are metrics of spans and the service graph.", default=False)
    activate: tuple[ActivatedPort, ...] = key(
        ListOf(RecordType(ActivatedPort)), "Ports whose program is started when somebody connects.", default=()
    )
    pages: int = key(
        whole(0, 65535), "Port of this machine where pages show all of it: browsers are sent there.", default=0
    )

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """There is an API for traces, and every role has a port of its own."""
        if not any(role in self.listen for role in TRACE_ROLES):
            findings.missing(cursor.at("listen"), "listen", TRACE_ROLES[0], "")
        self._check_addresses(findings)
        roles: dict[Address, str] = {}
        for role, address in self.listen.items():
            other = roles.setdefault(address, role)
            if other != role:
                message = f"and listen.{other} both say {address}; give each its own port"
                findings.add(Spot(0, f"listen.{role}"), message)
        for index, activated in enumerate(self.activate):
            if not activated.listen.is_loopback:
                message = f"says {activated.listen}, which other machines reach; give a loopback address"
                findings.add(Spot(0, f"activate[{index}].listen"), message)

    def _check_addresses(self, findings: Findings) -> None:
        """Other machines need a token."""
        open_ = next((role for role, address in self.listen.items() if not address.is_loopback), "")
        if open_ and not self.access.token:
            message = f"says {self.listen[open_]}, which other machines reach; give access.token, or a loopback address"
            findings.add(Spot(0, f"listen.{open_}"), message)


def load(path: str) -> Config:
    """Read and validate a configuration file.

    Raises:
        UsageError: with one sentence that names the key and what was expected.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read the configuration {path}: {reason}") from error
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from error
    return parse(document)


def parse(document: object) -> Config:
    """Turn the JSON value into a ``Config``; ``UsageError`` names the first mistake."""
    return read_json(document, RecordType(Config))
