"""The request that creates a container, from the value of the container. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from obsctl.json_types import Json
from obsctl.render.compose_mapping import SECRETS, log_options, tmpfs_options
from obsctl.render.containers import HealthCheck, Published
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.project import Bind, ProjectContainer

Body = dict[str, Json]

_SECOND = 1_000_000_000
"""Nanoseconds, in which the engine counts."""


def create_body(
    container: ProjectContainer,
    image_id: str,
    *,
    run: str,
    volumes: Mapping[str, str],
    selinux: bool,
    init: bool,
    restart: str = "",
    replaced: str = "",
) -> Body:
    """The body of the request.

    ``restart`` takes the place of the container's own policy, "" leaves that.

    ``volumes`` maps the target of each mount whose files were copied to the volume that holds them; empty where the
    engine mounts the files themselves. ``run`` marks what one ``up`` made. ``init`` is False for an engine without one.
    ``replaced`` is the name of the container whose place it takes.
    """
    spec = container.spec
    body: Body = {
        "Image": spec.image,
        "User": spec.user,
        "Cmd": list(spec.command) or None,
        "Env": [f"{key}={text}" for key, text in sorted(spec.environment.items())],
        "Labels": {**container.labels, **_run_labels(image_id, run, replaced)},
        "ExposedPorts": {f"{port.inside}/tcp": {} for port in spec.ports},
        "HostConfig": _host_config(container, _binds(container, volumes, selinux=selinux), init=init, restart=restart),
        "NetworkingConfig": {"EndpointsConfig": {n: {"Aliases": aliases(container)} for n in container.networks[:1]}},
    }
    return body | ({"Healthcheck": _health(spec.health)} if spec.health else {})


def _run_labels(image_id: str, run: str, replaced: str) -> Mapping[str, str]:
    made = {compose_labels.IMAGE: image_id, compose_labels.RUN: run}
    return made | ({f"{compose_labels.PREFIX}replace": replaced} if replaced else {})


def aliases(container: ProjectContainer) -> Sequence[str]:
    """The names of a container in a network."""
    return [container.engine_name, container.name]


def _health(health: HealthCheck) -> Body:
    return {
        "Test": list(health.test),
        "Interval": round(health.interval * _SECOND),
        "Timeout": round(health.timeout * _SECOND),
        "Retries": health.retries,
    }


def _host_config(container: ProjectContainer, binds: Sequence[str], *, init: bool, restart: str) -> Body:
    spec, hardening = container.spec, container.spec.hardening
    return {
        "Binds": binds,
        "CapDrop": list(hardening.dropped_capabilities),
        "ExtraHosts": [f"{name}:{address}" for name, address in sorted(spec.extra_hosts.items())],
        **({"Init": hardening.init} if init else {}),
        "LogConfig": {"Type": hardening.log.driver, "Config": dict(log_options(hardening.log))},
        "Memory": spec.memory,
        "MemorySwap": spec.memory,
        "NetworkMode": container.networks[0] if container.networks else "none",
        "PidsLimit": spec.pids,
        "PortBindings": _port_bindings(container.address, spec.ports),
        "ReadonlyRootfs": hardening.read_only,
        "RestartPolicy": {"Name": restart or hardening.restart},
        "SecurityOpt": list(hardening.security_options),
        "Tmpfs": {tmpfs.path: tmpfs_options(tmpfs) for tmpfs in spec.tmpfs},
    }


def _port_bindings(address: str, ports: Sequence[Published]) -> Body:
    bindings: dict[str, list[Json]] = {}
    for port in ports:
        place = {"HostIp": address, "HostPort": str(port.host)}
        bindings.setdefault(f"{port.inside}/tcp", []).append(place)
    return dict(bindings)


def _binds(container: ProjectContainer, volumes: Mapping[str, str], *, selinux: bool) -> list[str]:
    secrets: Sequence[Bind] = container.secret_binds
    if SECRETS in volumes:
        secrets = [Bind("volume", volumes[SECRETS], SECRETS, read_only=True)]
    mounts = [_bind(bind, volumes.get(bind.target, ""), selinux=selinux) for bind in container.binds]
    return [*mounts, *(f"{bind.source}:{bind.target}:ro" for bind in secrets)]


def _bind(bind: Bind, copied: str, *, selinux: bool) -> str:
    """A mount as the engine takes it. Folders of this machine get the label that lets containers read them."""
    shared = selinux and bind.kind == "bind" and not copied
    return f"{copied or bind.source}:{bind.target}:{'ro' if bind.read_only else 'rw'}{',z' if shared else ''}"
