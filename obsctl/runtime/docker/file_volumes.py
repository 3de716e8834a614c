"""Getting the rendered files into containers where the engine cannot see this machine's folders.

Asked, not guessed: behind a local socket there may be a virtual machine that shares only some folders, and a folder
that an engine does not have is silently taken for an empty one. So a helper, a container that is never started, shows
whether the engine finds the Compose file with the very content it has here. If not, files go into volumes.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from obsctl.errors import StartError
from obsctl.json_types import Json
from obsctl.render.desired import COMPOSE_FILE
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.connection import Engine, Sdk
from obsctl.runtime.docker.faults import engine_faults
from obsctl.runtime.docker.project import MountedFiles, Project, ProjectContainer

HELPER_LABEL = f"{compose_labels.OWN}helper"
_PLACE = "/seed"
_MOST = 1024**2


def shares_files(engine: Engine, project: Project, run: str) -> bool:
    """Whether the engine can mount the rendered files itself."""
    if engine.host:
        return False
    file = project.root / COMPOSE_FILE
    mount: dict[str, Json] = {"Type": "bind", "Source": str(project.root), "Target": _PLACE, "ReadOnly": True}
    with engine_faults("cannot see whether the engine shares files with this machine"):
        try:
            with helper(engine, project.name, project.containers[0].image, run, {"Mounts": [mount]}) as ident:
                return _content(engine.client, ident, f"{_PLACE}/{file.name}") == file.read_bytes()
        except _AbsentError:
            return False


class _AbsentError(Exception):
    """The engine does not have a folder or file."""


@contextlib.contextmanager
def helper(engine: Engine, project: str, image: str, run: str, host_config: Mapping[str, Json]) -> Iterator[str]:
    """A container that only gives access to what it mounts. It is never started, so any image will do."""
    import docker.errors

    body = {
        "Image": image,
        "Cmd": ["-"],
        "Labels": {HELPER_LABEL: project, compose_labels.RUN: run},
        "HostConfig": dict(host_config),
    }
    try:
        ident = engine.client.create_container_from_config(body)["Id"]
    except docker.errors.APIError as error:
        if error.status_code in (400, 404) and "source path" in str(error.explanation):
            raise _AbsentError from error
        raise
    try:
        yield ident
    finally:
        engine.client.remove_container(ident, force=True, v=True)


def _content(api: Sdk, ident: str, path: str) -> bytes:
    """A file in a container; raises _AbsentError."""
    import docker.errors

    try:
        stream, _stat = api.get_archive(ident, path)
    except docker.errors.NotFound as error:
        raise _AbsentError from error
    packed = io.BytesIO()
    for chunk in stream:
        packed.write(chunk)
        if packed.tell() > _MOST:
            raise _AbsentError
    packed.seek(0)
    with tarfile.open(fileobj=packed) as tar:
        member = tar.next()
        found = tar.extractfile(member) if member and member.isfile() else None
        return found.read() if found else b""


def require_no_folders(engine: Engine, container: ProjectContainer) -> None:
    """Folders of this machine, such as those with the logs of a service, cannot be copied: they change."""
    if container.hosts:
        place = f"{container.hosts[0]}, which the engine at {engine.candidate.url} cannot see"
        message = f"{container.name} follows files in {place}"
        hint = "run the engine where the files are, or set `containers: {shipper: none}` in obsctl.yaml"
        raise StartError(message, hint=hint)


def copy_files(engine: Engine, project: Project, container: ProjectContainer, run: str) -> dict[str, str]:
    """Put all files of a container into volumes; target -> volume. The name of a volume holds a hash of its content."""
    require_no_folders(engine, container)
    volumes = {}
    for number, mounted in enumerate(container.copies, 1):
        key = f"files-{container.name}-{number}-{mounted.digest}"
        name = f"{project.name}_{key}"
        labels = {
            compose_labels.PROJECT: project.name,
            f"{compose_labels.PREFIX}volume": key,
            compose_labels.FILE_COPY: container.name,
            compose_labels.RUN: run,
        }
        with engine_faults(f"cannot copy the files of {container.name} to the engine"):
            engine.client.create_volume(name, labels=labels)
            with helper(engine, project.name, container.image, run, {"Binds": [f"{name}:{_PLACE}"]}) as ident:
                engine.client.put_archive(ident, _PLACE, _packed(mounted))
        volumes[mounted.target] = name
    return volumes


def _packed(mounted: MountedFiles) -> bytes:
    """The files as a tar, with the owner and the rights that the container needs."""
    user, _, group = mounted.user.partition(":")
    owner = (int(user or 0), int(group or 0)) if user.isdigit() and (group or "0").isdigit() else (0, 0)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in sorted({str(p) for path in mounted.files for p in Path(path).parents} - {"."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode, (entry.uid, entry.gid) = tarfile.DIRTYPE, 0o755, owner
            tar.addfile(entry)
        for path, data in sorted(mounted.files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, (entry.uid, entry.gid) = len(data), 0o400 if mounted.secret else 0o644, owner
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
