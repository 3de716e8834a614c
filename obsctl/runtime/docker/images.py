"""Images: pulled at the same time, with what has come of each; built where the stack brings the sources."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from obsctl.errors import StartError
from obsctl.events import Emit, Event
from obsctl.runtime.docker.connection import Engine, EngineJson
from obsctl.runtime.docker.faults import engine_faults, explained
from obsctl.runtime.docker.project import Project, ProjectContainer
from obsctl.runtime.docker.task_graph import TaskStopped

_EVERY = 0.2
"""Seconds between two progress events of one image."""

_HAVE = ("Already exists", "Pull complete")


@dataclass
class Progress:
    """What has come of one image: layers, and bytes of those whose size is known."""

    done: set[str] = field(default_factory=set)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, event: EngineJson) -> None:
        """One event of a pull. Layers without a size, and events without a layer, are fine."""
        layer, status = str(event.get("id") or ""), str(event.get("status") or "")
        detail = event.get("progressDetail") or {}
        if not layer or status.startswith("Pulling from"):
            return
        current, total = detail.get("current"), detail.get("total")
        if status == "Downloading" and isinstance(current, int) and isinstance(total, int):
            self.sizes[layer] = (current, total)
        elif status in ("Download complete", *_HAVE) and layer in self.sizes:
            self.sizes[layer] = (self.sizes[layer][1], self.sizes[layer][1])
        self.sizes.setdefault(layer, (0, 0))
        if status in _HAVE:
            self.done.add(layer)

    @property
    def bytes(self) -> tuple[int, int]:
        """Bytes that have come, and bytes in all as far as is known."""
        return sum(c for c, _ in self.sizes.values()), sum(t for _, t in self.sizes.values())

    def __str__(self) -> str:
        come, total = (f"{count / 1024**2:.1f}" for count in self.bytes)
        return f"{len(self.done)} of {len(self.sizes)} layers, {come} of {total} MiB"


def pull(engine: Engine, image: str, platform: str, emit: Emit, stop: threading.Event) -> None:
    """Pull an image. StartError says why it cannot be had; a failure half-way counts as one, too."""
    begun, reported_at, progress = time.monotonic(), 0.0, Progress()
    emit(Event("noted", image, "pulling"))
    failure = ""
    for event in _pull_events(engine, image, platform):
        if stop.is_set():
            raise TaskStopped
        failure = failure or str(event.get("error") or "")  # not raised by the SDK, the stream just ends
        progress.take(event)
        if time.monotonic() - reported_at > _EVERY:
            reported_at = time.monotonic()
            come, total = progress.bytes
            emit(Event("progress", image, str(progress), done=come, total=total))
    if failure:
        raise explained(f"cannot pull {image}", failure)
    emit(Event("ready", image, "pulled", time.monotonic() - begun))


def _pull_events(engine: Engine, image: str, platform: str) -> Iterable[EngineJson]:
    """The stream of a pull. Where the configured helper for credentials is missing, it is tried without any."""
    import docker.errors

    repository, tag = split_reference(image)
    options: dict[str, object] = {"stream": True, "decode": True, "platform": platform or None}
    with engine_faults(f"cannot pull {image}"):
        try:
            stream = engine.client.pull(repository, tag=tag, **options)
        except docker.errors.APIError:
            raise
        except docker.errors.DockerException:  # the credentials helper; public images need none
            stream = engine.client.pull(repository, tag=tag, auth_config={"username": "", "password": ""}, **options)
        yield from stream


def split_reference(image: str) -> tuple[str, str]:
    """An image's repository and its tag or digest; ``latest`` where it has none."""
    repository, at, digest = image.partition("@")
    if at:
        return repository, digest
    head, colon, tag = repository.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (repository, "latest")


def build(engine: Engine, container: ProjectContainer, emit: Emit, stop: threading.Event) -> None:
    """Build an image from the files of the stack. StartError with the last output of the step that failed."""
    begun, output, failure = time.monotonic(), list[str](), ""
    emit(Event("noted", container.image, "building"))
    with engine_faults(f"cannot build {container.image}"):
        stream = engine.client.build(
            fileobj=archive(container.build_files),
            custom_context=True,
            tag=container.image,
            buildargs=dict(container.spec.build.args if container.spec.build else {}),
            platform=container.spec.platform or None,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for event in stream:
            if stop.is_set():
                raise TaskStopped
            failure = failure or str(event.get("error") or "")
            output = [*output, *(line for line in str(event.get("stream", "")).splitlines() if line.strip())][-8:]
    if failure:
        tail = "".join(f"\n    {line}" for line in output)
        raise explained(f"cannot build {container.image}; the last it said:{tail}\n ", failure)
    emit(Event("ready", container.image, "built", time.monotonic() - begun))


def archive(files: Mapping[str, bytes]) -> io.BytesIO:
    """Files as an uncompressed tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    buffer.seek(0)
    return buffer


def obtain(engine: Engine, project: Project, image: str, emit: Emit, stop: threading.Event) -> None:
    """Have the engine get an image, in the way its first user says."""
    container = next(w for w in project.containers if w.image == image)
    try:
        if container.spec.build:
            build(engine, container, emit, stop)
        else:
            pull(engine, image, container.spec.platform, emit, stop)
    except TaskStopped:
        emit(Event("stopped", image, "given up"))
        raise
    except StartError:
        emit(Event("failed", image))
        raise
