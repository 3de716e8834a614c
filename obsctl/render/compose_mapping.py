"""A container as Docker Compose describes it. Pure.

``_service`` lists every key once. Compose knows two notations of the same values: the short one in which people write
a file, and the canonical one that ``docker compose config --format json`` prints and of which Compose makes its hash.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from obsctl.json_types import Json
from obsctl.render.containers import (
    MEBIBYTE,
    Build,
    Container,
    Hardening,
    HealthCheck,
    LogLimit,
    Mount,
    Network,
    Published,
    Tmpfs,
)

SECRETS = "/run/secrets"
"""The folder in which a container finds its secrets."""

_HEALTH_ORDER = ("test", "timeout", "interval", "retries")
"""The order in which Compose prints a health check."""

Service = dict[str, Json]


class _Notation(Protocol):
    """How Compose writes what it can write in two ways."""

    def size(self, count: int) -> Json: ...
    def port(self, port: Published) -> Json: ...
    def mount(self, mount: Mount) -> Json: ...
    def secret(self, name: str) -> Json: ...
    def networks(self, names: Sequence[str]) -> Json: ...
    def hosts(self, hosts: Mapping[str, str]) -> Json: ...
    def options(self, options: Mapping[str, str]) -> Json: ...
    def health(self, keys: Mapping[str, Json]) -> Json: ...


def _service(container: Container, notation: _Notation) -> Service:
    """Every key of a service; those without a value are left out."""
    keys: Service = {
        **_hardening(container.hardening, notation),
        "image": container.image,
        "pull_policy": container.pull,
        "platform": container.platform,
        "build": _build(container.build),
        "user": container.user,
        "command": list(container.command),
        "environment": dict(sorted(container.environment.items())),
        "ports": [notation.port(port) for port in container.ports],
        "volumes": [notation.mount(mount) for mount in container.mounts],
        "secrets": [notation.secret(name) for name in container.secrets],
        "tmpfs": [f"{tmpfs.path}:{tmpfs_options(tmpfs)}" for tmpfs in container.tmpfs],
        "networks": notation.networks(container.networks),
        "extra_hosts": notation.hosts(container.extra_hosts),
        "depends_on": {name: {"condition": how} for name, how in container.depends_on.items()},
        "healthcheck": notation.health(_health(container.health)) if container.health else None,
        "mem_limit": notation.size(container.memory),
        "memswap_limit": notation.size(container.memory),
        "pids_limit": container.pids,
    }
    return {key: value for key, value in keys.items() if value}


def _hardening(hardening: Hardening, notation: _Notation) -> Service:
    return {
        "restart": hardening.restart,
        "init": hardening.init,
        "read_only": hardening.read_only,
        "cap_drop": list(hardening.dropped_capabilities),
        "security_opt": list(hardening.security_options),
        "logging": {"driver": hardening.log.driver, "options": notation.options(log_options(hardening.log))},
    }


def log_options(log: LogLimit) -> Mapping[str, str]:
    """The options of the engine's log driver, which are texts."""
    return {"max-size": short_size(log.size), "max-file": str(log.files)}


def tmpfs_options(tmpfs: Tmpfs) -> str:
    """The options of the mount, as the kernel reads them."""
    owner = [f"uid={tmpfs.user}"] if tmpfs.user else []
    owner += [f"gid={tmpfs.group}"] if tmpfs.group else []
    return ",".join((f"size={short_size(tmpfs.size)}", *owner, *tmpfs.flags))


def short_size(count: int) -> str:
    """Bytes with the unit that Docker and the kernel read: ``64m``."""
    return str(count) if count % MEBIBYTE else f"{count // MEBIBYTE}m"


def go_duration(seconds: float) -> str:
    """Seconds as Go prints a duration: ``2s``, ``500ms``, ``1m30s``."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest:g}s"


def _build(build: Build | None) -> Json:
    return {"context": f"./{build.context}", "args": dict(build.args)} if build else None


def _health(health: HealthCheck) -> Service:
    return {
        "test": list(health.test),
        "interval": go_duration(health.interval),
        "timeout": go_duration(health.timeout),
        "retries": health.retries,
    }


@dataclass(frozen=True)
class _Short:
    """As in a file. Paths are relative to its folder; ``address`` is where ports are published."""

    address: str

    def size(self, count: int) -> Json:
        return short_size(count)

    def port(self, port: Published) -> Json:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{port.host}:{port.inside}"

    def mount(self, mount: Mount) -> Json:
        relative = mount.kind != "volume" and not mount.source.startswith(("/", "../"))
        source = f"{'./' * relative}{mount.source}"
        if ":" in source:  # which ends the source in the short form
            keys: Service = {"type": "bind", "source": source, "target": mount.target}
            return keys | ({"read_only": True} if mount.read_only else {})
        return f"{source}:{mount.target}" + ":ro" * mount.read_only

    def secret(self, name: str) -> Json:
        return name

    def networks(self, names: Sequence[str]) -> Json:
        return [] if tuple(names) == ("default",) else list(names)

    def hosts(self, hosts: Mapping[str, str]) -> Json:
        return dict(hosts)

    def options(self, options: Mapping[str, str]) -> Json:
        return dict(options)

    def health(self, keys: Mapping[str, Json]) -> Json:
        return keys


@dataclass(frozen=True)
class _Canonical:
    """As Compose reads a file in the folder ``root``."""

    address: str
    root: Path

    def size(self, count: int) -> Json:
        return str(count)

    def port(self, port: Published) -> Json:
        published: Service = {"target": port.inside, "published": str(port.host), "protocol": "tcp"}
        return {"mode": "ingress", "host_ip": self.address, **published}

    def mount(self, mount: Mount) -> Json:
        kind, source = mount_source(mount, self.root)
        keys: Service = {"type": kind, "source": source, "target": mount.target}
        if mount.read_only:
            keys["read_only"] = True
        return keys | ({"volume": {}} if kind == "volume" else {"bind": {"create_host_path": True}})

    def secret(self, name: str) -> Json:
        return {"source": name, "target": f"{SECRETS}/{name}"}

    def networks(self, names: Sequence[str]) -> Json:
        return dict.fromkeys(sorted(names))

    def hosts(self, hosts: Mapping[str, str]) -> Json:
        return [f"{name}={address}" for name, address in sorted(hosts.items())]

    def options(self, options: Mapping[str, str]) -> Json:
        return dict(sorted(options.items()))

    def health(self, keys: Mapping[str, Json]) -> Json:
        return {key: keys[key] for key in _HEALTH_ORDER}


def mount_source(mount: Mount, root: Path) -> tuple[Literal["volume", "bind"], str]:
    """The kind of a mount as engines know it, and the volume's key or the absolute path of the folder."""
    return ("volume", mount.source) if mount.kind == "volume" else ("bind", absolute(root, mount.source))


def absolute(root: Path, source: str) -> str:
    """A path of the Compose file as Compose reads it: from its folder, without following links."""
    return os.path.normpath(root / source)


def written_service(container: Container, address: str) -> Service:
    """A service as a Compose file has it."""
    return _service(container, _Short(address))


def canonical_service(container: Container, address: str, root: Path) -> Service:
    """A service as Compose's ``config`` shows it, in Compose's order, without what makes no other container of it.

    ``root`` is the folder of the rendered files; relative paths start there.
    """
    keys = {"command": None, "entrypoint": None, **_service(container, _Canonical(address, root))}
    return {key: keys[key] for key in sorted(keys) if key not in ("build", "depends_on", "pull_policy")}


def canonical_network(project: str, network: Network) -> Service:
    """A network as Compose's ``config`` shows it."""
    keys: Service = {"name": f"{project}_{network.name}", "ipam": {}}
    return keys | ({"internal": True} if network.internal else {})


def canonical_volume(project: str, volume: str) -> Service:
    """A volume as Compose hashes it."""
    return {"name": f"{project}_{volume}", "driver": "local"}


def written_hardening(hardening: Hardening, address: str) -> Service:
    """What containers have in common, as a Compose file has it."""
    return _hardening(hardening, _Short(address))
