"""Spec and backends -> desired state. Pure: the same spec gives the same bytes, wherever it is rendered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from obsctl import assets
from obsctl.access.options import AuthOptions, ComponentAccess, given
from obsctl.access.secret_text import SecretText
from obsctl.backends import ALERTMANAGER, BUILTIN, Backend, Served, dialect_of
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.json_types import Json, JsonObject
from obsctl.languages.globs import escape
from obsctl.render.desired import STATE_FOLDER, TOKEN_FILE, Desired, File, Process
from obsctl.render.logpaths import LABEL_FIELDS, METADATA_FIELDS
from obsctl.render.rulefiles import json_rule_files
from obsctl.render.template import Context, render_template
from obsctl.schema.source import plain
from obsctl.spec.presets import load_preset
from obsctl.spec.stack import Component, Service, Stack, is_loopback
from obsctl.spec.yaml_source import parse_yaml

BACKEND_CONFIG = "rendered/embedded.json"
RULES_FOLDER = "rendered/rules"
NOTIFICATIONS_PATH = "/api/v1/notifications"
PAGES_PORT = "dashboards"
"""The key of the port where people look: Grafana's in a stack of containers, that of our own pages here."""


def embedded(stack: Stack, *, version: str) -> Desired:
    """The stack as local processes: our server, and the bundled services with what they need.

    ``version`` is obsctl's own: after an upgrade every process is started anew.
    """
    home = stack.folder / STATE_FOLDER
    processes = [_backend(stack, home), *_bundled(stack, home)]
    stamped = (_stamp(p, home, version) for p in processes)
    found = Endpoints(tuple(_with_token(endpoint, stack, home) for endpoint in endpoints(stack, BUILTIN)))
    generated = "" if is_loopback(stack.bind) or stack.access.token else TOKEN_FILE
    return Desired(stack.name, home, stack.bind, stack.port_offset, tuple(stamped), found, generated)


def _log_fields(*, labels: bool) -> dict[str, Json]:
    """What fields of log lines become; ``labels`` makes labels of the ids, too."""
    ids = list(METADATA_FIELDS)
    return {"labels": [*LABEL_FIELDS, *(ids if labels else [])], "metadata": [] if labels else ids}


def _token(stack: Stack, home: Path) -> SecretText | None:
    """What every request must carry where other machines can ask: the spec's token, or one made at random."""
    if is_loopback(stack.bind):
        return None
    return stack.access.token or SecretText("", "file", str(home / TOKEN_FILE))


def _with_token(endpoint: Endpoint, stack: Stack, home: Path) -> Endpoint:
    """Our own server's endpoints, with what opens them."""
    token = _token(stack, home)
    if token is None or endpoint.role is Role.SERVICE or endpoint.url == stack.alerts_url:
        return endpoint
    return replace(endpoint, access=ComponentAccess(auth=AuthOptions(bearer=token)))


def endpoints(stack: Stack, backend: Backend) -> Endpoints:
    """Who answers for what: the backend's roles, then each component of each service."""
    roles = [_role(stack, one) for one in served(stack, backend)]
    if stack.alerts_url:
        probe = f"{stack.alerts_url}/-/ready"
        roles.append(Endpoint(Role.ALERTS.value, Role.ALERTS, stack.alerts_url, Dialect.ALERTS, probe))
    return Endpoints((*roles, *component_endpoints(stack)))


def component_endpoints(stack: Stack) -> tuple[Endpoint, ...]:
    """Each component of each service that answers anything."""
    components = (c for service in stack.services for c in service.components)
    return tuple(_component(c) for c in components if c.url or c.ready_url)


def served(stack: Stack, backend: Backend) -> tuple[Served, ...]:
    """The roles that a backend fills in this stack, and how."""
    chosen = {
        "traces_dialect": dialect_of("traces", stack.choices.traces or load_preset(stack.choices.preset).traces),
        "alerts": "elsewhere" if stack.alerts_url else "here",
    }
    return tuple(s for s in backend.serves if all(chosen.get(question) == said for question, said in s.when.items()))


def _role(stack: Stack, one: Served) -> Endpoint:
    url = f"http://{_pages_host(stack.bind) if one.role is Role.UI else _host(stack.bind)}:{stack.ports[one.port]}"
    probed = f"http://{_host(stack.bind)}:{stack.ports[one.probe_port or one.port]}"
    return Endpoint(one.role.value, one.role, url, one.dialect, f"{probed}{one.probe}" if one.probe else "")


def _pages_host(bind: str) -> str:
    """The name under which a browser of this machine finds the pages, which listen on loopback alone."""
    return "localhost" if _pages_bind(bind) in ("127.0.0.1", "::1") else bind


def _pages_bind(bind: str) -> str:
    """Where the pages listen, which ask for no token."""
    return "127.0.0.1" if bind == "localhost" or not is_loopback(bind) else bind


def _component(component: Component) -> Endpoint:
    access = component.access
    return Endpoint(component.name, Role.SERVICE, component.url, Dialect.HTTP, component.ready_url, access=access)


def _host(bind: str) -> str:
    """The address a client on this machine uses for a bind address."""
    loopback = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bind, bind)  # noqa: S104 - compared, not bound
    return f"[{loopback}]" if ":" in loopback and not loopback.startswith("[") else loopback


def _stamp(process: Process, home: Path, version: str) -> Process:
    env = {**process.env, "OBSCTL_STACK": str(home), "OBSCTL_VERSION": version, "PYTHONUNBUFFERED": "1"}
    return replace(process, env=env)


def _backend(stack: Stack, home: Path) -> Process:
    rules = json_rule_files(stack, RULES_FOLDER)
    config = File(BACKEND_CONFIG, json.dumps(_backend_config(stack, home, rules), indent=2) + "\n")
    ports = {s.port: stack.ports[s.port] for s in served(stack, BUILTIN)}
    texts = (text for service in stack.services for c in service.components for text in c.auth.secrets())
    # what the pages, which this process starts, send when they run verify
    referred = (p for service in stack.services for step in service.drive for p in step.references.values())
    sent = (SecretText("", "env", p.name) for p in referred if p.format == "env")
    secrets = (*texts, *sent, *filter(None, [stack.access.token and _token(stack, home)]))
    return Process(
        *(BUILTIN.name, BUILTIN.module, ("--config", str(home / config.path)), {}, ports, (config, *rules)),
        secrets=tuple(dict.fromkeys(secrets)),
    )


def _backend_config(stack: Stack, home: Path, rules: Sequence[File]) -> dict[str, Json]:
    """The embedded server's own configuration; ``obsctl/embedded/config.py`` reads it."""
    pairs = [(service, component) for service in stack.services for component in service.components]
    return {
        "data_dir": str(home / "data"),
        "listen": {s.port: f"{_literal(stack.bind)}:{stack.ports[s.port]}" for s in _own_roles(stack)},
        "activate": [_pages(stack)],
        "pages": stack.ports[PAGES_PORT],
        "scrape": {
            "interval_seconds": stack.scrape_interval,
            "timeout_seconds": min(stack.scrape_interval, 10.0),
            "targets": [_target(service, component) for service, component in pairs if component.metrics],
        },
        "log_files": [entry for service, component in pairs for entry in _log_files(stack, service, component)],
        "log_fields": _log_fields(labels=stack.choices.log_ids == "labels"),
        "scrub": _scrub(stack),
        "retention": {"age_seconds": stack.retention.age, "size_bytes": stack.retention.size},
        "access": _access(stack, home),
        "namespaces": namespaces(stack),
        "span_metrics": stack.span_metrics,
        "limits": {"body_bytes": 64 * 1024**2, "queue_items": 200_000},
        "rules": {
            "interval_seconds": stack.scrape_interval,
            "files": [str(home / file.path) for file in rules],
            "alertmanagers": [stack.alerts_url] if stack.alerts_url else [],
        },
        "alerting": _alert_routing({"notifications_url": _notifications(stack)}),
    }


def _own_roles(stack: Stack) -> tuple[Served, ...]:
    """The roles that our server fills itself."""
    return tuple(one for one in served(stack, BUILTIN) if one.role is not Role.UI)


def _pages(stack: Stack) -> Json:
    """The pages, which are started when a browser asks for them."""
    listen = f"{_literal(_pages_bind(stack.bind))}:{stack.ports[PAGES_PORT]}"
    return {"listen": listen, "command": ["-m", "obsctl", "ui", "--socket", "{fd}", "--directory", str(stack.folder)]}


def _access(stack: Stack, home: Path) -> dict[str, Json]:
    token = _token(stack, home)
    named: dict[str, Json] = {"hosts": list(stack.access.hosts), "origins": list(stack.access.origins)}
    return {**named, "token": str(token)} if token else named


def namespaces(stack: Stack) -> dict[str, Json]:
    """The service that each component belongs to: the label ``service_namespace`` of what it pushes."""
    return {
        name: service.contract.service
        for service in stack.services
        for name in (*service.contract.components, *(component.name for component in service.components))
    }


def _alert_routing(context: Context) -> Json:
    """Routes, inhibitions and receivers, as the template of Alertmanager's own file says. Raises SpecError."""
    [min_version] = ALERTMANAGER.variants
    path = assets.templates() / "backends" / ALERTMANAGER.key / min_version / f"{ALERTMANAGER.key}.yml"
    return plain(parse_yaml(render_template(path.read_text(encoding="utf-8"), context), path.name))


def _notifications(stack: Stack) -> str:
    """Where our server takes what its alert manager tells, as YAML."""
    return json.dumps(f"http://{_host(stack.bind)}:{stack.ports['otlp_http']}{NOTIFICATIONS_PATH}")


def _literal(bind: str) -> str:
    return f"[{bind}]" if ":" in bind else bind


def _target(service: Service, component: Component) -> dict[str, Json]:
    return {
        "job": component.name,
        "url": component.metrics_url,
        "labels": {"service_namespace": service.contract.service},
        **given(service.scrape),
        **component.access.document(),
    }


def _log_files(stack: Stack, service: Service, component: Component) -> list[JsonObject]:
    own = escape(str(stack.folder / STATE_FOLDER / log_path(component.name)))
    path = own if service.run else stack.log_glob(component)
    labels = {"service_name": component.name, "service_namespace": service.contract.service}
    return [{"path": path, "labels": labels}] if path else []


def log_path(process: str) -> str:
    """Where a process's output goes, relative to the state folder."""
    return f"logs/{process}.log"


def _scrub(stack: Stack) -> dict[str, Json]:
    """The union of what the services' contracts forbid."""
    forbidden = [service.contract.forbidden for service in stack.services]
    return {
        "attributes": sorted({name for f in forbidden for name in f.attributes}),
        "patterns": {name: regex for f in forbidden for name, regex in sorted(f.patterns.items())},
    }


def _bundled(stack: Stack, home: Path) -> list[Process]:
    """The processes of the services obsctl runs itself: a Redis-protocol server, and one process per component."""
    services = [service for service in stack.services if service.run]
    if not services:
        return []
    env = _sample_env(stack, home) | {"HOST": _redis_host(stack)}
    redis = Process("redis", "sample_service", ("redis",), env, {"redis": stack.ports["redis"]})
    return [redis, *(_sample_process(stack, home, service, c) for service in services for c in service.components)]


def _redis_host(stack: Stack) -> str:
    """It knows no passwords, so it never leaves this machine."""
    return stack.bind if is_loopback(stack.bind) else "127.0.0.1"


def _sample_process(stack: Stack, home: Path, service: Service, component: Component) -> Process:
    env = {
        **_sample_env(stack, home),
        "OTEL_SERVICE_NAME": component.name,
        "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace={service.contract.service}",
    }
    ports = {component.name: stack.ports[component.name]}
    token = _token(stack, home)
    carried = {"OTEL_EXPORTER_OTLP_HEADERS": replace(token, before="Authorization=Bearer%20")} if token else {}
    return Process(component.name, "sample_service", (component.name,), env, ports, secret_env=carried)


def _sample_env(stack: Stack, home: Path) -> dict[str, str]:
    host = _host(stack.bind)
    return {
        "HOST": stack.bind,
        "API_PORT": str(stack.ports["api"]),
        "WORKER_PORT": str(stack.ports["worker"]),
        "AI_PORT": str(stack.ports["ai"]),
        "AI_BASE_URL": f"http://{host}:{stack.ports['ai']}",
        "DATABASE_URL": f"sqlite:///{home / 'data' / 'sample.db'}",
        "REDIS_URL": f"redis://{_host(_redis_host(stack))}:{stack.ports['redis']}/0",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{host}:{stack.ports['otlp_http']}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
