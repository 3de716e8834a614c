"""Small stacks for a real engine: an image of one static program, made here, and containers that run it."""

from __future__ import annotations

import io
import os
import shutil
import socket
import tarfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.events import Event
from obsctl.render.compose_file import compose_file
from obsctl.render.containers import Composition, Container, HealthCheck, Mount, Network, Published, Tmpfs
from obsctl.render.desired import File
from obsctl.runtime.docker.connection import Engine
from obsctl.runtime.docker.engine import find_engine
from obsctl.runtime.docker.inventory import image_id
from obsctl.runtime.docker.runtime import DockerRuntime
from obsctl.runtime.state import prepare
from obsctl.spec.stack import url_host
from tests.e2e.engine import VARIABLE
from tests.required import missing

IMAGE = "obsctl-test/box:1"
OTHER_IMAGE = "obsctl-test/box:2"
USER = 65534
APPLETS = ("sh", "sleep", "httpd", "cat", "test", "true", "false", "echo", "ls", "id", "touch", "dd")
WEB = ("/bin/sh", "-c", "cat /etc/web/index.html; exec /bin/httpd -f -p 8080 -h /etc/web")
SLEEP = ("/bin/sleep", "1000")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that tests may use: never one that a user happens to have, unless they say so."""
    url = os.environ.get(VARIABLE, "")
    if not url:
        missing("engine", f"{VARIABLE} names no engine for tests; `make e2e` starts one")
    found = find_engine({"DOCKER_HOST": url}, Path("/nonexistent"))
    for image in (IMAGE, OTHER_IMAGE):
        if not image_id(found, image):
            import_image(found, image)
    yield found
    found.client.close()


def import_image(engine: Engine, image: str) -> None:
    """An image with one static program, under as many names as it has uses."""
    program = shutil.which("busybox")
    data = Path(program).read_bytes() if program else b""
    if not data or b"/ld-linux" in data:
        missing("engine", "a static busybox is needed: install Debian's busybox-static")
    repository, _, tag = image.rpartition(":")
    engine.client.import_image_from_data(root_filesystem(data, tag), repository=repository, tag=tag)


def root_filesystem(program: bytes, mark: str) -> bytes:
    """A tar of it. ``mark`` makes two images differ."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, owner in (("bin", 0), ("etc", 0), ("tmp", 0), ("data", USER)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o755, owner, owner
            tar.addfile(entry)
        for name, content, mode in (("bin/busybox", program, 0o755), ("etc/mark", mark.encode(), 0o644)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
        for name in APPLETS:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return buffer.getvalue()


def box(name: str, command: Sequence[str] = SLEEP, **more: Any) -> Container:
    """A container of the test image."""
    values: dict[str, Any] = {
        "purpose": "A test.",
        "image": IMAGE,
        "user": f"{USER}:{USER}",
        "memory": 64 * 1024**2,
        "pids": 64,
        "tmpfs": (Tmpfs("/tmp", 8 * 1024**2, str(USER), str(USER)),),
        "networks": ("default",),
    }
    return Container(name=name, command=tuple(command), **{**values, **more})


def web(name: str, port: int, text: str = "hello", **more: Any) -> Container:
    """A container that serves a rendered file, and prints it when it starts."""
    values: dict[str, Any] = {
        "ports": (Published(name, port, 8080),),
        "mounts": (Mount("config", name, "/etc/web"),),
        "files": (File(f"{name}/index.html", f"{text}\n"),),
    }
    return box(name, WEB, **{**values, **more})


def slow(name: str = "db") -> Container:
    """A container that becomes healthy some time after its start, and keeps a volume."""
    command = ("/bin/sh", "-c", "sleep 1; touch /tmp/ready; exec sleep 1000")
    mounts = (Mount("volume", "data", "/data", read_only=False),)
    return box(name, command, health=HealthCheck(("CMD", "/bin/test", "-f", "/tmp/ready")), mounts=mounts)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def composition(name: str, containers: Sequence[Container], bind: str = "127.0.0.1") -> Composition:
    """A stack of these containers, with its Compose file."""
    networks = tuple(Network(n, internal=n == "data") for n in sorted({n for c in containers for n in c.networks}))
    stack = Composition(
        name=name,
        preset="test",
        bind=bind,
        containers=tuple(containers),
        networks=networks,
        volumes=tuple(sorted({m.source for c in containers for m in c.mounts if m.kind == "volume"})),
        secrets={secret: f"secrets/{secret}" for c in containers for secret in c.secrets},
        files=tuple(dict.fromkeys(file for c in containers for file in c.files)),
        endpoints=Endpoints(tuple(_endpoint(bind, c) for c in containers if c.ports)),
    )
    return Composition(**{**vars(stack), "files": (compose_file(stack), *stack.files)})


def _endpoint(bind: str, container: Container) -> Endpoint:
    url = f"http://{url_host(bind)}:{container.ports[0].host}"
    return Endpoint(container.name, Role.SERVICE, url, Dialect.HTTP, f"{url}/")


@dataclass
class Lab:
    """A folder with a stack in it, and the engine that runs it. ``events`` are all that were told."""

    engine: Engine
    path: Path
    stack: str = field(default_factory=lambda: f"obsctl-test-{uuid.uuid4().hex[:10]}")
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        prepare(self.home)
        self.runtime = DockerRuntime(self.home, self.root, self.stack, engine=self.engine)

    @property
    def home(self) -> Path:
        return self.path / ".obsctl"

    @property
    def root(self) -> Path:
        return self.path / "deploy"

    def write(self, *containers: Container, bind: str = "127.0.0.1") -> Composition:
        """Render: files that are the same are left alone."""
        made = composition(self.stack, containers, bind)
        texts = {self.root / f.path: f.text for f in made.files}
        texts |= {self.root / path: f"secret of {name}\n" for name, path in made.secrets.items()}
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
        return made

    def up(self, *containers: Container, **options: Any) -> tuple[str, ...]:
        return self.runtime.apply(self.write(*containers), self.events.append, **options)

    def down(self, *, volumes: bool = True) -> tuple[str, ...]:
        return self.runtime.down(self.events.append, volumes=volumes)

    def ids(self) -> dict[str, str]:
        """Service -> id of its container."""
        return {c["Labels"]["com.docker.compose.service"]: c["Id"] for c in self.containers()}

    def containers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.engine.client.containers(all=True, filters=self._filter)
        return found

    def left(self) -> list[str]:
        """Everything on the engine that carries the stack's name, or belongs to it."""
        api = self.engine.client
        everything = [name for c in api.containers(all=True) for name in c["Names"]]
        everything += [n["Name"] for n in api.networks()] + [v["Name"] for v in api.volumes()["Volumes"] or []]
        helpers = [c["Id"] for c in api.containers(all=True, filters={"label": f"dev.obsctl.helper={self.stack}"})]
        return [name for name in everything if self.stack in name] + helpers

    @property
    def _filter(self) -> dict[str, str]:
        return {"label": f"com.docker.compose.project={self.stack}"}

    def wipe(self) -> None:
        """Remove whatever a test left, by force."""
        api = self.engine.client
        for raw in self.containers():
            api.remove_container(raw["Id"], force=True, v=True)
        for raw in api.networks(filters=self._filter):
            api.remove_network(raw["Id"])
        for raw in api.volumes(filters=self._filter)["Volumes"] or []:
            api.remove_volume(raw["Name"])


@pytest.fixture
def lab(engine: Engine, tmp_path: Path) -> Iterator[Lab]:
    """An empty folder and a name of its own."""
    made = Lab(engine, tmp_path)
    yield made
    made.wipe()
