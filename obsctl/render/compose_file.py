"""A stack of containers -> its Compose file, with comments for the person who reads it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from obsctl.json_types import Json
from obsctl.render.compose_mapping import Service, written_hardening, written_service
from obsctl.render.containers import Composition, Container, Hardening
from obsctl.render.desired import COMPOSE_FILE, File
from obsctl.render.yaml_text import Style, yaml_text

_HARDENING = Hardening()
"""What nearly all containers share: the file has it once."""

_HEAD = (
    "Made by `obsctl render` with the preset {preset}. Change the spec and render again; a file that you edit here is\n"
    "kept and reported. Plain `docker compose up -d --wait` runs it, too."
)
_INTERNAL = "Stores that ask for no password: nothing leads in from outside, nothing leads out."
_PLAIN_HARDENING = ("restart", "cap_drop", "logging/driver", "logging/options/max-size")
_INLINE_HARDENING = ("cap_drop", "security_opt", "logging/options")
_PLAIN = (
    *(
        "<<",
        "image",
        "pull_policy",
        "platform",
        "secrets",
        "networks",
        "depends_on/*/condition",
        "mem_limit",
        "memswap_limit",
    ),
    *("healthcheck/interval", "healthcheck/timeout"),
)
_BESIDE = {
    "x-safe/init": f"{'':23}# reaps what is left over, and passes signals on",
    "x-safe/read_only": f"{'':18}# what has to be written is in a volume or in memory",
    "x-safe/logging": f"{'':25}# without this a log grows until the disk is full",
    "services/*/pull_policy": f"{'':19}# made for the service above that has `build`",
    "services/*/extra_hosts": f"{'':19}# services on this machine, outside of the stack",
    "services/*/memswap_limit": f"{'':7}# no swap",
}


def compose_file(composition: Composition) -> File:
    """The Compose file."""
    head = _HEAD.format(preset=f'"{composition.preset}"')
    return File(COMPOSE_FILE, yaml_text(_document(composition), head, _style(composition)))


def _document(composition: Composition) -> Mapping[str, Json]:
    sections: dict[str, Json] = {
        "name": composition.name,
        "x-safe": written_hardening(_HARDENING, composition.address),
        "services": {c.name: _merged(c, composition.address) for c in _built_once(composition.containers)},
        "networks": {n.name: {"internal": True} if n.internal else None for n in composition.networks},
        "volumes": dict.fromkeys(composition.volumes),
        "secrets": {name: {"file": f"./{path}"} for name, path in composition.secrets.items()},
    }
    return {key: _literal(section) for key, section in sections.items() if section}


def _built_once(containers: Sequence[Container]) -> Iterator[Container]:
    """The same, with the build of an image at the first container alone: Compose builds for each that names one.

    The others must not have it pulled, see ``written_service``.
    """
    built: set[str] = set()
    for container in containers:
        first = container.build and container.image not in built
        built |= {container.image} if first else set()
        yield container if first or not container.build else replace(container, build=None, pull="never")


def _merged(container: Container, address: str) -> Service:
    """A service that takes what it can from the shared part."""
    service, shared = written_service(container, address), written_hardening(_HARDENING, address)
    own = {key: value for key, value in service.items() if shared.get(key) != value}
    return {"<<": "*safe", **own}


def _literal(value: Json) -> Json:
    """A value in whose texts Compose does not look for variables."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _literal(inner) for key, inner in value.items()}
    return [_literal(inner) for inner in value] if isinstance(value, list | tuple) else value


def _style(composition: Composition) -> Style:
    shared, services = "x-safe/{}".format, "services/*/{}".format
    purposes = {f"services/{c.name}": c.purpose for c in composition.containers}
    internal = {f"networks/{n.name}": _INTERNAL for n in composition.networks if n.internal}
    return Style(
        plain=(*map(services, (*_PLAIN, *_PLAIN_HARDENING)), *map(shared, _PLAIN_HARDENING)),
        inline=(
            *map(services, ("depends_on/*", "healthcheck", *_INLINE_HARDENING)),
            *map(shared, _INLINE_HARDENING),
            "secrets/*",
        ),
        spaced=("", "services"),
        anchors={"x-safe": "safe"},
        above={**purposes, **internal},
        beside=_BESIDE,
    )
