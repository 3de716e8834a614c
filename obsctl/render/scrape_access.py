"""How a scraper in a container reaches a component: options of its configuration, and files that they name. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from obsctl.access.options import BasicAuth, TlsOptions, given
from obsctl.access.secret_text import SecretText
from obsctl.backends.base import HeaderSupport
from obsctl.errors import SpecError
from obsctl.json_types import Json
from obsctl.render.compose_mapping import SECRETS
from obsctl.spec.stack import Component, Service, Stack

_FILES = ("ca_file", "cert_file", "key_file")


def scrape_options(service: Service, component: Component, headers: HeaderSupport) -> list[Mapping[str, str]]:
    """The options of the scrape configuration, values as JSON, which is YAML.

    Raises SpecError for credentials that the scraper cannot send.
    """
    options: dict[str, Json] = {
        **given(service.scrape),
        **_tls(component),
        **_auth(component),
        **_headers(component, headers),
    }
    return [{"option": name, "value": json.dumps(value)} for name, value in options.items()]


def secret_files(stack: Stack) -> dict[str, SecretText]:
    """The files that scrapers need, by the name under which a container finds them."""
    found = [
        (c, name, text)
        for service in stack.services
        for c in service.components
        if c.metrics
        for name, text in _files(c)
    ]
    return {_secret(component, name): text for component, name, text in found}


def _files(component: Component) -> Iterator[tuple[str, SecretText]]:
    tls, auth = component.tls, component.auth
    yield from ((name, SecretText("", "file", getattr(tls, name))) for name in _FILES if getattr(tls, name))
    if auth.basic:
        yield from ((name, text) for name, text in _basic(auth.basic) if text.source)
    if auth.bearer:
        yield "bearer", auth.bearer
    yield from (_numbered(i, text) for i, text in enumerate(auth.headers.values()) if text.source)


def _basic(basic: BasicAuth) -> tuple[tuple[str, SecretText], tuple[str, SecretText]]:
    return ("username", basic.user), ("password", basic.password)


def _numbered(number: int, text: SecretText) -> tuple[str, SecretText]:
    return f"header_{number}", text


def _secret(component: Component, name: str) -> str:
    return f"{component.name}_{name}"


def _path(component: Component, name: str) -> str:
    return f"{SECRETS}/{_secret(component, name)}"


def _tls(component: Component) -> dict[str, Json]:
    tls = component.tls
    options: dict[str, Json] = {name: _path(component, name) for name in _FILES if getattr(tls, name)}
    if tls.cert_file and not tls.key_file:
        options["key_file"] = options["cert_file"]  # the key is in the same file
    options |= {"server_name": tls.server_name} if tls.server_name else {}
    options |= {"insecure_skip_verify": True} if tls.insecure else {}
    return {"tls_config": options} if tls != TlsOptions() else {}


def _auth(component: Component) -> dict[str, Json]:
    auth = component.auth
    if auth.basic:
        pairs = _basic(auth.basic)
        known: dict[str, Json] = {name: text.before for name, text in pairs if not text.source}
        return {
            "basic_auth": {**known, **{f"{name}_file": _path(component, name) for name, text in pairs if text.source}}
        }
    return {"authorization": {"credentials_file": _path(component, "bearer")}} if auth.bearer else {}


def _headers(component: Component, support: HeaderSupport) -> dict[str, Json]:
    headers = component.auth.headers
    if not headers:
        return {}
    if support == "files":
        return {"http_headers": {name: _header(component, i, text) for i, (name, text) in enumerate(headers.items())}}
    if support == "lines" and not any(text.source for text in headers.values()):
        return {"headers": [f"{name}: {text}" for name, text in headers.items()]}
    raise _cannot(component, support)


def _header(component: Component, number: int, text: SecretText) -> dict[str, Sequence[str]]:
    return {"files": [_path(component, f"header_{number}")]} if text.source else {"values": [text.before]}


def _cannot(component: Component, support: HeaderSupport) -> SpecError:
    what = "headers that are secrets" if support == "lines" else "headers of their own"
    hint = "Use basic or bearer credentials, or `metrics: prometheus` with Prometheus 2.55 or newer."
    return SpecError(f"auth.headers of {component.name}: the chosen scraper cannot send {what}", hint=hint)
