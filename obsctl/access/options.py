"""How requests reach a component: TLS, credentials, and how its metrics are taken. Keys declared once for all readers.

The spec, the embedded server's configuration and the record of a running stack hold the same values. A secret is a
reference to an environment variable or a file; its value is read where a request is made, and is in no message.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path

from obsctl.access.secret_text import HEADER, REFERENCE_HINT, SECRET, USER, SecretText
from obsctl.json_types import Json
from obsctl.schema.findings import Findings
from obsctl.schema.json_document import read_json
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import FLAG, text_like, whole
from obsctl.schema.source import SourceCursor
from obsctl.schema.types import MapOf

FILE_NAME = text_like(r"[^\x00-\x1f]+", "the name of a file")
HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}"
_SECRET_HEADERS = ("authorization", "cookie")
_LIMIT = whole(0, 1_000_000_000)
_SERVER_NAME = text_like(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?", "a host name such as shop.local")


@record("tls")
class TlsOptions:
    """Whom to trust over ``https``, and with which certificate to answer for oneself."""

    ca_file: str = key(
        FILE_NAME, "Certificates to trust (PEM), relative to this file.", default="", shown="the system's"
    )
    cert_file: str = key(FILE_NAME, "Client certificate (PEM).", default="")
    key_file: str = key(FILE_NAME, "Its key (PEM).", default="", shown="in `cert_file`")
    server_name: str = key(_SERVER_NAME, "Name that the certificate must have.", default="", shown="the URL's")
    insecure: bool = key(FLAG, "Whether any certificate will do.", default=False)

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """A key needs its certificate."""
        if self.key_file and not self.cert_file:
            findings.missing(cursor, "tls", "cert_file", "A key is of no use without its certificate.")

    def below(self, folder: Path) -> TlsOptions:
        """The same with paths taken from ``folder``."""
        ca_file, cert_file, key_file = (
            str(folder / name) if name else "" for name in (self.ca_file, self.cert_file, self.key_file)
        )
        return replace(self, ca_file=ca_file, cert_file=cert_file, key_file=key_file)


@record("basic")
class BasicAuth:
    """HTTP basic authentication."""

    user: SecretText = key(USER, "User name; a reference will do.")
    password: SecretText = key(SECRET, "A reference to the password.")


@record("auth")
class AuthOptions:
    """Credentials of requests. At most one of ``basic`` and ``bearer``."""

    basic: BasicAuth | None = key(RecordType(BasicAuth), "User and password.", default=None)
    bearer: SecretText | None = key(SECRET, "A reference to a bearer token.", default=None)
    headers: Mapping[str, SecretText] = key(
        MapOf(HEADER, "a mapping from headers to values", HEADER_NAME, "a header name"),
        "Headers of each request; a value may end with a reference.",
        default={},
    )

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        """One kind of credentials fills the one header that there is."""
        same = [name for name in ("basic", "bearer") if getattr(self, name)]
        same += [f"headers: {name}" for name in self.headers if name.lower() == "authorization"]
        if len(same) > 1:
            findings.add(cursor.spot(), f"{' and '.join(same)} are the same header", "Keep one of them.")
        for name, text in self.headers.items():
            if name.lower() in _SECRET_HEADERS and not text.source:
                findings.add(cursor.spot("headers", name), "a secret must not stand here itself", REFERENCE_HINT)

    def below(self, folder: Path) -> AuthOptions:
        """The same with paths taken from ``folder``."""
        basic = self.basic and BasicAuth(self.basic.user.below(folder), self.basic.password.below(folder))
        headers = {name: text.below(folder) for name, text in self.headers.items()}
        return AuthOptions(basic, self.bearer and self.bearer.below(folder), headers)

    def secrets(self) -> Iterator[SecretText]:
        """Every reference in it."""
        texts = (*((self.basic.user, self.basic.password) if self.basic else ()), self.bearer, *self.headers.values())
        return (text for text in texts if text and text.source)

    def request_headers(self, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """The headers with their secrets, as bytes of UTF-8 in Latin-1. UsageError where a secret is not there."""
        made = {name: text.value(environment).encode().decode("latin-1") for name, text in self.headers.items()}
        if self.bearer:
            made["Authorization"] = f"Bearer {self.bearer.value(environment)}".encode().decode("latin-1")
        if self.basic:
            pair = f"{self.basic.user.value(environment)}:{self.basic.password.value(environment)}"
            made["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        return made


@record("access")
class ComponentAccess:
    """How requests to one component are made."""

    tls: TlsOptions = key(RecordType(TlsOptions), "TLS.", default=TlsOptions())
    auth: AuthOptions = key(RecordType(AuthOptions), "Credentials.", default=AuthOptions())

    def below(self, folder: Path) -> ComponentAccess:
        """The same with paths taken from ``folder``."""
        return ComponentAccess(self.tls.below(folder), self.auth.below(folder))

    def document(self) -> dict[str, Json]:
        """It as JSON, references as references; ``tls`` and ``auth`` are there where they say something."""
        auth: dict[str, Json] = {}
        if self.auth.basic:
            auth["basic"] = {"user": str(self.auth.basic.user), "password": str(self.auth.basic.password)}
        if self.auth.bearer:
            auth["bearer"] = str(self.auth.bearer)
        if self.auth.headers:
            auth["headers"] = {name: str(text) for name, text in self.auth.headers.items()}
        tls = given(self.tls)
        return {**({"tls": tls} if tls else {}), **({"auth": auth} if auth else {})}


PLAIN = ComponentAccess()
"""Without TLS of its own and without credentials."""


def read_access(document: object) -> ComponentAccess:
    """What ``ComponentAccess.document`` gave. Raises UsageError."""
    return read_json(document, RecordType(ComponentAccess))


@record("scrape")
class ScrapeOptions:
    """How to take what a target says, as in Prometheus' scrape configuration; a limit of 0 is none."""

    follow_redirects: bool = key(FLAG, "Whether a redirect is followed.", default=True)
    honor_labels: bool = key(FLAG, "Whether labels of a metric win over those of its target.", default=False)
    honor_timestamps: bool = key(FLAG, "Whether times that metrics bring are kept.", default=True)
    sample_limit: int = key(_LIMIT, "A scrape with more samples fails; 0 for no limit.", default=0)
    label_limit: int = key(_LIMIT, "A scrape with more labels on a series fails.", default=0)
    label_name_length_limit: int = key(_LIMIT, "A scrape with a longer label name fails.", default=0)
    label_value_length_limit: int = key(_LIMIT, "A scrape with a longer label value fails.", default=0)


def given(options: TlsOptions | ScrapeOptions) -> dict[str, Json]:
    """The options that differ from their defaults, by key."""
    return {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if getattr(options, field.name) != field.default
    }
