"""Where the shipper finds the log files of the services: which folders it is shown, and under which names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath

from obsctl.backends import SAMPLE
from obsctl.render.containers import Mount
from obsctl.render.template import render_inline
from obsctl.spec.stack import Service, Stack

LABEL_FIELDS = ("level",)
METADATA_FIELDS = ("trace_id", "span_id", "request_id")
"""Fields of a JSON line that become labels of its stream, and those that become metadata of the line."""

_INSIDE = "/var/log/services"


@dataclass(frozen=True)
class Source:
    """The log files of one component. ``inside`` is their glob as the shipper sees it, ``mount`` what shows them."""

    component: str
    namespace: str
    inside: str
    mount: Mount


def log_sources(stack: Stack, up: str) -> tuple[Source, ...]:
    """The log files of every component that has some. ``up`` leads from the rendered files to the spec's folder."""
    return tuple(source for service in stack.services for source in _of_service(stack, service, up))


def _of_service(stack: Stack, service: Service, up: str) -> Iterator[Source]:
    for component in service.components:
        if service.run:
            inside, mount = _bundled(component.name)
        elif component.logs:
            inside, mount = _on_host(stack, component.name, component.logs, up)
        else:
            continue
        yield Source(component.name, service.contract.service, inside, mount)


def _bundled(component: str) -> tuple[str, Mount]:
    """A file in the volume that the sample's containers share with the shipper."""
    variant = SAMPLE.variant
    ((volume, target),) = variant.volumes.items()
    return render_inline(variant.environment["LOG_FILE"], {"component": component}), Mount("volume", volume, target)


def _on_host(stack: Stack, component: str, glob: str, up: str) -> tuple[str, Mount]:
    below = f"{stack.folder}/"
    inside = glob.startswith(below)  # that folder's own name is no pattern, whatever it looks like
    folder, rest = split_glob(glob.removeprefix(below))
    folder = str(PurePosixPath(below, folder)) if inside else folder
    target = f"{_INSIDE}/{component}"
    return f"{target}/{rest}", Mount("host", _seen_from_files(folder, stack, up), target)


def split_glob(glob: str) -> tuple[str, str]:
    """A glob as the folder that holds all it finds, and the rest: ``/var/log/web/*.log`` -> that folder, ``*.log``."""
    parts = PurePosixPath(glob).parts
    plain = next((i for i, part in enumerate(parts) if re.search(r"[*?\[{\\]", part)), len(parts) - 1)
    return str(PurePosixPath(*parts[:plain])), "/".join(parts[plain:])


def _seen_from_files(folder: str, stack: Stack, up: str) -> str:
    """A folder below the spec's is written relative, so that the files are the same on every machine."""
    path = PurePath(folder)
    if path.is_relative_to(stack.folder):
        return str(PurePosixPath(up) / path.relative_to(stack.folder).as_posix())
    return folder
