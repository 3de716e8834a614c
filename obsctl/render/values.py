"""The template context of a stack of containers: what its templates may name. Pure.

Addresses are those inside the stack's network (``metrics_address`` = ``prometheus:9090``), as are the URLs that end in
``_inside`` (``metrics_inside`` = ``http://prometheus:9090``); other URLs are those on the machine (``metrics_url`` =
``http://127.0.0.1:9090``). All are named after roles. ``<role>_<protocol>`` is where the store of that role takes what
is written to it (``metrics_remote_write``), or false where it does not. Truth values: ``<role>_<dialect>`` for what is
spoken, ``metrics_<feature>``, ``serves_<role>``, ``ids_as_labels``, ``debug``, ``anonymous``, ``runs_sample``.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from obsctl.access.connect import port_of
from obsctl.backends import DATA_SOURCES, ROLE_OPTIONS, SAMPLE, Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.backends.base import HeaderSupport
from obsctl.endpoints import Dialect, Feature, Role
from obsctl.errors import SpecError
from obsctl.languages.quoting import string_literal
from obsctl.render.grafana_links import trace_links
from obsctl.render.logpaths import LABEL_FIELDS, METADATA_FIELDS, Source
from obsctl.render.patterns import require_re2, without_groups
from obsctl.render.scrape_access import scrape_options
from obsctl.render.template import Value
from obsctl.spec.contract import MetricType
from obsctl.spec.presets import Preset
from obsctl.spec.stack import Choices, Component, Service, Stack, is_loopback, url_host

HOST = "host.docker.internal"
"""The machine, as containers call it."""

MASK = "****"
_LEAST_RETENTION = 24 * 3600.0
"""Some stores refuse to keep less than a day."""

_MAX_TRACES = 50_000


@dataclass(frozen=True)
class Part:
    """A product of the stack with the variant that runs it, and the version that the variant is for."""

    backend: Backend
    min_version: str
    variant: ConfigVariant


def answers(stack: Stack, preset: Preset) -> Mapping[str, str]:
    """What the spec, or else the preset, answers to the questions in ``Backend.when``."""
    choices = stack.choices
    alerting = preset.alerting if choices.alerting is None else choices.alerting
    return {
        **{option: getattr(choices, option) or getattr(preset, option) for option in ROLE_OPTIONS},
        "shipper": choices.shipper or preset.shipper,
        "alerting": "yes" if alerting else "no",
        "dashboards": "yes" if choices.dashboards else "no",
        "sample": "yes" if any(service.run for service in stack.services) else "no",
    }


def values(stack: Stack, preset: Preset, parts: Sequence[Part], sources: Sequence[Source]) -> dict[str, Value]:
    """Everything that a template may ask for."""
    chosen = answers(stack, preset)
    return {
        "stack": string_literal(stack.name),
        "preset": preset.name,
        **_addresses(stack, parts),
        **_writes(parts),
        **_trace_links(parts),
        "cors_origins": [{"origin": string_literal(origin)} for origin in cors_origins(stack)],
        **_keeping(stack),
        **_switches(stack.choices),
        **_notifications(chosen, parts),
        "anonymous": is_loopback(stack.bind),
        "runs_sample": chosen["sample"] == "yes",
        "scrape_interval": duration(stack.scrape_interval),
        "scrape_timeout": duration(min(stack.scrape_interval, 10.0)),
        "own_targets": list(_own_targets(parts)),
        "targets": _targets(stack, parts),
        "log_sources": [_log_source(source) for source in sources],
        "label_fields": _fields(LABEL_FIELDS),
        "id_fields": _fields(METADATA_FIELDS),
        **_scrubbing(stack),
        **_service_metrics(stack),
        "pushers": _pushers(stack),
        "only_namespace": _only_namespace(stack),
    }


def duration(seconds: float) -> str:
    """Seconds as Prometheus writes a duration: ``2s``, ``500ms``, ``24h``; the biggest unit that fits evenly."""
    milliseconds = round(seconds * 1000)
    units = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
    return next(f"{milliseconds // size}{unit}" for unit, size in units if milliseconds % size == 0)


def _addresses(stack: Stack, parts: Sequence[Part]) -> dict[str, Value]:
    found: dict[str, Value] = {f"serves_{_word(role)}": False for role in Role}
    for backend in (part.backend for part in parts):
        for served in backend.serves:
            found |= _served(stack, backend, served)
    return found


def _served(stack: Stack, backend: Backend, served: Served) -> dict[str, Value]:
    """Where a role is filled, and how."""
    word = _word(served.role)
    address = f"{backend.name}:{backend.ports[served.port]}"
    return {
        f"serves_{word}": True,
        f"{word}_address": address,
        f"{word}_inside": f"http://{address}{served.path}",
        f"{word}_url": f"http://{url_host(stack.bind)}:{stack.ports[served.port]}{served.path}",
        f"{word}_data_source": DATA_SOURCES.get(served.dialect, ""),
        **{f"{word}_{dialect}": served.dialect is dialect for dialect in Dialect},
        **{f"{word}_{feature}": feature not in served.without for feature in Feature},
    }


def _trace_links(parts: Sequence[Part]) -> Mapping[str, str]:
    """Links of the data sources to and from traces."""
    dialects = (served.dialect for part in parts for served in part.backend.serves if served.role is Role.TRACES)
    return trace_links(DATA_SOURCES[next(dialects)])


_LOCAL_PAGES = tuple(
    f"{scheme}://{host}{port}"
    for scheme in ("http", "https")
    for host in ("localhost", "127.0.0.1", "[::1]")
    for port in ("", ":*")
)
"""Origins of pages that this machine serves, as the collector writes them: ``*`` for any text, once in each."""


def cors_origins(stack: Stack) -> tuple[str, ...]:
    """The pages that may send telemetry to the collector. Raises SpecError for an origin that it cannot match."""
    if wrong := next((origin for origin in stack.access.origins if origin.count("*") > 1), None):
        hint = "The collector knows one `*` in an origin: write an entry for each scheme, host or port."
        raise SpecError(f"access.origins: {string_literal(wrong)} has more than one `*`", hint=hint)
    return (*_LOCAL_PAGES, *stack.access.origins)


def _writes(parts: Sequence[Part]) -> dict[str, str | bool]:
    """Where the chosen stores take what is written to them, by every protocol; false for those that nobody takes."""
    found: dict[str, str | bool] = {
        f"{_word(role)}_{protocol}": False for role in ROLE_OPTIONS.values() for protocol in WriteProtocol
    }
    for part in parts:
        for accepted in part.backend.accepts:
            found[f"{_word(accepted.role)}_{accepted.protocol}"] = _write_address(part.backend, accepted)
    return found


def _write_address(backend: Backend, accepted: Accepted) -> str:
    return f"http://{backend.name}:{accepted.port}{accepted.path}"


def _notifications(chosen: Mapping[str, str], parts: Sequence[Part]) -> dict[str, Value]:
    """Where notifications of alerts go in the stack: to whatever takes lines over HTTP and keeps them."""
    takers = [
        (part.backend, accepted)
        for part in parts
        for accepted in part.backend.accepts
        if accepted.protocol is WriteProtocol.RAW_LINES and chosen["alerting"] == "yes"
    ]
    return {
        "notifications_url": next((string_literal(_write_address(*taker)) for taker in takers), ""),
        "notifications_port": next((accepted.port for _, accepted in takers), ""),
    }


def _word(role: Role) -> str:
    return role.value.replace("-", "_")


def _keeping(stack: Stack) -> dict[str, Value]:
    return {
        "retention_age": duration(stack.retention.age),
        "retention_bytes": stack.retention.size,
        "log_retention": duration(max(stack.retention.age, _LEAST_RETENTION)),
        "retention_hours": math.ceil(max(stack.retention.age, _LEAST_RETENTION) / 3600),
        "max_traces": _MAX_TRACES,
    }


def _switches(choices: Choices) -> dict[str, Value]:
    return {"ids_as_labels": choices.log_ids == "labels", "debug": choices.debug}


def _own_targets(parts: Sequence[Part]) -> Iterator[dict[str, str]]:
    for part in parts:
        if part.variant.metrics:
            yield {"job": part.backend.name, "address": string_literal(f"{part.backend.name}:{part.variant.metrics}")}


def _targets(stack: Stack, parts: Sequence[Part]) -> list[dict[str, Value]]:
    """What is scraped, in the words of who scrapes."""
    scrapers = [part.variant.scrape_headers for part in parts if part.backend.scrapes]
    headers: HeaderSupport = scrapers[0] if scrapers else "files"
    return [_target(service, c, headers) for service in stack.services for c in service.components if c.metrics]


def _target(service: Service, component: Component, headers: HeaderSupport) -> dict[str, Value]:
    parts = urlsplit(component.metrics_url)
    return {
        "job": string_literal(component.name),
        "scheme": parts.scheme,
        "address": string_literal(address(service, component)),
        "path": string_literal(unquote(parts.path)),
        "namespace": string_literal(service.contract.service),
        "options": scrape_options(service, component, headers),
    }


def address(service: Service, component: Component) -> str:
    """Where a component's metrics are, seen from inside the stack's network."""
    if service.run:
        return f"{component.name}:{SAMPLE.ports[component.name]}"
    url = component.metrics_url
    parts = urlsplit(url)
    host = HOST if on_this_machine(url) else parts.netloc.rpartition(":")[0] or parts.netloc
    return f"{host}:{port_of(parts)}"


def on_this_machine(url: str) -> bool:
    """Whether a URL leads to this machine, which containers reach under another name."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _log_source(source: Source) -> dict[str, str]:
    return {
        "path": string_literal(source.inside),
        "component": string_literal(source.component),
        "log_namespace": string_literal(source.namespace),
    }


def _fields(names: Sequence[str]) -> list[dict[str, str]]:
    return [{"field": name} for name in names]


def _scrubbing(stack: Stack) -> dict[str, Value]:
    """What the contracts forbid, as regular expressions on attribute keys, and on texts."""
    forbidden = [service.contract.forbidden for service in stack.services]
    keys = [glob_regex(glob) for glob in sorted({glob for f in forbidden for glob in f.attributes})]
    patterns = {name: regex for f in forbidden for name, regex in sorted(f.patterns.items())}
    for service in stack.services:
        require_re2(service.contract.forbidden.patterns, service.contract.place)
    return {
        "forbidden_keys": [{"key_regex": _collector(f"^{regex}$")} for regex in keys],
        "keys_in_statement": _statement(f"^(?:{'|'.join(keys)})$"),
        "forbidden_texts": [
            {
                "text_regex": _collector(regex),
                "text_in_statement": _statement(regex),
                "whole_match": string_literal(f"({without_groups(regex)})"),
            }
            for regex in patterns.values()
        ],
        "scrubs": bool(keys or patterns),
        "mask": MASK,
    }


def glob_regex(glob: str) -> str:
    """A glob (``*`` for anything) as a regular expression that RE2 reads, too; not anchored."""
    return ".*".join(re.sub(r"([^\w-])", r"\\\1", part, flags=re.ASCII) for part in glob.split("*"))


def _collector(text: str) -> str:
    """A text in double quotes for the collector's file; a dollar is doubled, or it would look for a variable."""
    return string_literal(text).replace("$", "$$")


def _statement(text: str) -> str:
    """The same inside of a statement that itself stands in single quotes."""
    return _collector(text).replace("'", "''")


def _pushers(stack: Stack) -> list[dict[str, Value]]:
    """Every component that may send metrics, and the service that it belongs to."""
    return [
        {"pusher": _statement(name), "namespace": _statement(service.contract.service)}
        for service in stack.services
        for name in dict.fromkeys((*service.contract.components, *(c.name for c in service.components)))
    ]


def _only_namespace(stack: Stack) -> str:
    """The namespace of all services, "" where there are several: the core distribution cannot tell them apart."""
    found = {service.contract.service for service in stack.services}
    return _collector(found.pop()) if len(found) == 1 else ""


def _service_metrics(stack: Stack) -> dict[str, Value]:
    """The metrics of a service that a trace leads to: those that the contracts say follow requests exactly."""
    driven = {m.name: m for service in stack.services for m in service.contract.metrics if m.driven}
    counters = [m.name for m in driven.values() if m.type is MetricType.COUNTER]
    histograms = [m.name for m in driven.values() if m.type is MetricType.HISTOGRAM]
    return {
        "trace_counters": [{"metric": name} for name in counters],
        "trace_histograms": [{"metric": name} for name in histograms],
    }
