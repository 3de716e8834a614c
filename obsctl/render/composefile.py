"""A stack of containers as values for the template of its Compose file. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from obsctl.render.desired import Composition, Container, Mount
from obsctl.render.values import quoted


def compose_values(composition: Composition) -> dict[str, Any]:
    """What ``templates/stacks/compose.yaml`` asks for."""
    return {
        "services": [_service(composition, container) for container in composition.containers],
        "networks": [{"network": n.name, "internal": n.internal} for n in composition.networks],
        "volume_names": [{"volume": name} for name in composition.volumes],
        "secret_files": [{"secret": name, "file": quoted(f"./{path}")} for name, path in composition.secrets.items()],
    }


def _service(composition: Composition, container: Container) -> dict[str, Any]:
    bind = f"[{composition.bind}]" if ":" in composition.bind else composition.bind
    ports = [quoted(f"{_address(bind)}:{port.host}:{port.inside}") for port in container.ports]
    return {
        "name": container.name,
        "purpose": container.purpose,
        "image": container.image,
        "platform": container.platform,
        "builds": [{"context": quoted(f"./{container.build.context}")}] if container.build else [],
        "build_args": _pairs(container.build.args.items()) if container.build else [],
        "user": quoted(container.user),
        "command": _items(quoted(_literal(argument)) for argument in container.command),
        "environment": _pairs((name, _literal(text)) for name, text in container.environment.items()),
        "ports": _items(ports),
        "mounts": _items(quoted(_literal(_mount(mount))) for mount in container.mounts),
        "tmpfs": _items(quoted(entry) for entry in container.tmpfs),
        "on_networks": [{"network": name} for name in container.networks],
        "elsewhere": container.networks != ("default",),
        "depends_on": [{"other": name, "condition": how} for name, how in container.depends_on.items()],
        "health": f"[{', '.join(quoted(word) for word in container.health)}]" if container.health else "",
        "secrets": [{"secret": name} for name in container.secrets],
        "extra_hosts": _pairs(container.extra_hosts.items()),
        "memory": f"{container.memory // 1024**2}m",
        "pids": container.pids,
    }


def _address(bind: str) -> str:
    return "127.0.0.1" if bind == "localhost" else bind


def _items(texts: Any) -> Sequence[dict[str, str]]:
    return [{"item": text} for text in texts]


def _pairs(pairs: Any) -> Sequence[dict[str, str]]:
    return [{"key": key, "value": quoted(value)} for key, value in pairs]


def _literal(text: str) -> str:
    """A text in which Compose must not look for variables."""
    return text.replace("$", "$$")


def _mount(mount: Mount) -> str:
    source = mount.source if mount.kind == "volume" else _path(mount.source)
    return f"{source}:{mount.target}" + (":ro" if mount.read_only else "")


def _path(source: str) -> str:
    return source if source.startswith(("/", "../")) else f"./{source}"
