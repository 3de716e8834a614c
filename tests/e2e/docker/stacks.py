"""A whole stack on the tests' engine: brought up from nothing but a spec, and taken away with all that it stored."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obsctl.runtime.docker.connection import Engine
from tests.e2e.conftest import Folder, free_offset
from tests.e2e.images.build import CACHE, locked

OFFICIAL = os.environ.get("OBSCTL_E2E_IMAGES") == "official"
DASHBOARDS = "true" if OFFICIAL else "false"


@dataclass
class Stack(Folder):
    """A folder whose stack runs on the engine; ``word`` makes its project's name one of its own."""

    engine: Engine | None = None
    word: str = "e2e"

    def write(self, more: str = "") -> None:
        """The spec, with more settings of the containers."""
        text = f"version: 1\nname: {self.name}\nruntime: docker\ncontainers: {{dashboards: {DASHBOARDS}{more}}}\n"
        (self.path / "obsctl.yaml").write_text(text)

    @property
    def name(self) -> str:
        """The project's."""
        return f"{self.word}-{os.getpid()}"

    def seen(self, what: str) -> list[dict[str, Any]]:
        """Containers, networks or volumes of this stack."""
        assert self.engine
        api, mine = self.engine.client, {"label": f"com.docker.compose.project={self.name}"}
        if what == "containers":
            return api.containers(all=True, filters=mine)
        return api.networks(filters=mine) if what == "networks" else api.volumes(filters=mine)["Volumes"] or []

    def ids(self) -> dict[str, str]:
        """Service -> id of its container."""
        return {c["Labels"]["com.docker.compose.service"]: c["Id"] for c in self.seen("containers")}

    def failing(self) -> set[str]:
        """The checks that say so, or that could not look."""
        done = self.run("verify", "--json", timeout=180)
        found = {c["id"] for c in done.data["checks"] if c["status"] in ("fail", "error")}
        assert done.status == bool(found), done
        return found

    def passed(self) -> dict[str, dict[str, Any]]:
        """The checks by id, none of which fails."""
        done = self.run("verify", "--json", timeout=180)
        checks = done.data["checks"]
        assert {c["id"]: c["summary"] for c in checks if c["status"] in ("fail", "error")} == {}
        assert done.status == 0
        return {c["id"]: c for c in checks}


@contextlib.contextmanager
def brought_up(engine: Engine, folder: Path, word: str = "e2e", more: str = "") -> Iterator[Stack]:
    """A stack that runs in an empty folder."""
    made = Stack(folder, free_offset(), env={"DOCKER_HOST": engine.candidate.url}, engine=engine, word=word)
    made.write(more)
    try:
        with locked(CACHE / "stacks.lock"):  # of two that build the same image at once, one is left with the older one
            done = made.run("up", "--port-offset", str(made.offset), "--timeout", "180", timeout=500)
        assert done.status == 0, done
        yield made
    finally:
        made.run("down", "--volumes", timeout=120)
