"""The request that creates a container, from what Compose would say of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from obsctl.runtime.docker import model
from obsctl.runtime.docker.model import Values
from obsctl.runtime.docker.project import Wanted

_SECOND = 1_000_000_000


def create_body(
    wanted: Wanted, project: str, image_id: str, *, run: str, volumes: Mapping[str, str], selinux: bool, init: bool
) -> Values:
    """The body of the request.

    ``volumes`` maps the target of each seed that was copied to the volume that holds it; empty where the engine
    mounts the files themselves. ``run`` marks what one ``up`` made. ``init`` is False for an engine without one.
    """
    values = wanted.values
    binds = [_bind(volume, project, volumes, selinux=selinux) for volume in values.get("volumes", [])]
    body: Values = {
        "Image": wanted.image,
        "User": values.get("user", ""),
        "Cmd": values["command"],
        "Env": [f"{key}={text}" for key, text in values.get("environment", {}).items()],
        "Labels": {**wanted.labels, model.IMAGE: image_id, model.RUN: run},
        "ExposedPorts": {f"{port['target']}/tcp": {} for port in values.get("ports", [])},
        "HostConfig": _host_config(wanted, [*binds, *_secret_binds(wanted, volumes)], init=init),
        "NetworkingConfig": {"EndpointsConfig": {name: endpoint(wanted) for name in wanted.networks[:1]}},
    }
    return body | ({"Healthcheck": _health(values["healthcheck"])} if "healthcheck" in values else {})


def endpoint(wanted: Wanted) -> Values:
    """How a container is known in a network."""
    return {"Aliases": [wanted.container, wanted.name]}


def _health(values: Values) -> Values:
    return {
        "Test": values["test"],
        "Interval": _nanoseconds(values["interval"]),
        "Timeout": _nanoseconds(values["timeout"]),
        "Retries": values["retries"],
    }


def _nanoseconds(duration: str) -> int:
    return int(duration.removesuffix("s")) * _SECOND


def _host_config(wanted: Wanted, binds: Sequence[str], *, init: bool) -> Values:
    values = wanted.values
    bindings: dict[str, list[Values]] = {}
    for port in values.get("ports", []):
        place = {"HostIp": port["host_ip"], "HostPort": port["published"]}
        bindings.setdefault(f"{port['target']}/tcp", []).append(place)
    return {
        "Binds": list(binds),
        "CapDrop": values["cap_drop"],
        "ExtraHosts": [entry.replace("=", ":", 1) for entry in values.get("extra_hosts", [])],
        **({"Init": values["init"]} if init else {}),
        "LogConfig": {"Type": values["logging"]["driver"], "Config": values["logging"]["options"]},
        "Memory": int(values["mem_limit"]),
        "MemorySwap": int(values["memswap_limit"]),
        "NetworkMode": wanted.networks[0] if wanted.networks else "none",
        "PidsLimit": values["pids_limit"],
        "PortBindings": bindings,
        "ReadonlyRootfs": values["read_only"],
        "RestartPolicy": {"Name": values["restart"]},
        "SecurityOpt": values["security_opt"],
        "Tmpfs": dict(_tmpfs(entry) for entry in values.get("tmpfs", [])),
    }


def _tmpfs(entry: str) -> tuple[str, str]:
    path, _, options = entry.partition(":")
    return path, options


def _bind(volume: Values, project: str, volumes: Mapping[str, str], *, selinux: bool) -> str:
    target, kind = volume["target"], volume["type"]
    copied = volumes.get(target, "")
    source = copied or (f"{project}_{volume['source']}" if kind == "volume" else volume["source"])
    mode = "ro" if volume.get("read_only") else "rw"
    shared = selinux and kind == "bind" and not copied
    return f"{source}:{target}:{mode}{',z' if shared else ''}"


def _secret_binds(wanted: Wanted, volumes: Mapping[str, str]) -> Sequence[str]:
    copied = volumes.get(model.SECRETS, "")
    if copied:
        return [f"{copied}:{model.SECRETS}:ro"]
    return [f"{path}:{target}:ro" for target, path in wanted.secrets.items()]
