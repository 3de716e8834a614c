"""Whatever goes wrong: no orphan, no hang, and an error that says why."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from obsctl.errors import StartError
from obsctl.events import Event
from obsctl.render.containers import Build, HealthCheck
from obsctl.render.desired import File
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.connection import Engine
from obsctl.runtime.docker.engine import find_engine
from obsctl.runtime.docker.file_volumes import copy_files
from obsctl.runtime.docker.inventory import take_inventory
from obsctl.runtime.docker.plan import plan
from obsctl.runtime.docker.project import project_of
from obsctl.runtime.docker.runtime import DockerRuntime
from obsctl.runtime.docker.up import Up
from obsctl.runtime.state import State
from obsctl.wait import Deadline, until
from tests.e2e.docker.boxes import IMAGE, Lab, box, free_port, slow, web
from tests.e2e.docker.breaks import Cable, Registry, refusal, serving
from tests.e2e.engine import VARIABLE


def local(engine: Engine) -> str:
    """The path of the engine's socket."""
    kind, _, path = engine.candidate.url.partition("://")
    if kind != "unix":
        pytest.skip("the engine is not on this machine")
    return path


@pytest.fixture
def cable(engine: Engine, tmp_path: Path) -> Iterator[Cable]:
    made = Cable(local(engine), tmp_path / "e.sock")
    yield made
    made.cut()


@pytest.fixture
def runtime(cable: Cable, lab: Lab) -> Iterator[DockerRuntime]:
    """The lab's runtime, behind the cable."""
    found = find_engine({"DOCKER_HOST": cable.url}, lab.path)
    yield DockerRuntime(lab.home, lab.root, lab.stack, engine=found)
    found.client.close()
    with warnings.catch_warnings():  # the SDK does not close a socket that could not be connected
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("at", ["network made", "db started"])
def test_an_engine_that_dies_is_an_error_and_down_clears_up_once_it_is_back(
    lab: Lab, cable: Cable, runtime: DockerRuntime, at: str
) -> None:
    made = lab.write(slow("db"), web("front", free_port(), depends_on={"db": "service_healthy"}))
    told: list[Event] = []

    def emit(event: Event) -> None:
        told.append(event)
        if at in (f"network {event.detail.removeprefix('network ')}", f"{event.subject} {event.kind}"):
            cable.cut()

    with pytest.raises(StartError, match="does not answer"):
        runtime.apply(made, emit)
    assert any(e.kind == "failed" and "obsctl down" in e.detail for e in told)
    assert (runtime.state.read().runtime, runtime.state.read().settled) == ("docker", False)
    made_anew = [lab.engine.client.inspect_container(ident) for ident in lab.ids().values()]
    policies = {raw["HostConfig"]["RestartPolicy"]["Name"] for raw in made_anew}
    assert policies == {"no"} or (at, policies) == ("network made", set())  # it comes back by nobody's doing
    lab.down()
    assert lab.left() == []
    assert runtime.state.read() == State()


def test_down_removes_what_an_engine_makes_only_after_it_has_looked(lab: Lab) -> None:
    labels = {"dev.obsctl.helper": lab.stack}
    made, late = lab.engine.client.create_container_from_config, threading.Event()

    def make_another(event: Event) -> None:
        if event.kind == "stopped" and not late.is_set():
            late.set()
            threading.Timer(0.3, lambda: made({"Image": IMAGE, "Cmd": ["-"], "Labels": labels})).start()

    lab.up(box("one"))
    lab.runtime.state.write(replace(lab.runtime.state.read(), settled=False))
    lab.runtime.down(make_another, volumes=True)
    assert late.is_set()
    assert lab.left() == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_engine_that_is_gone_is_said_at_once(cable: Cable, runtime: DockerRuntime) -> None:
    assert runtime.observe() == ()
    cable.cut()
    with pytest.raises(StartError, match="does not answer"):
        runtime.observe()


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    made.add()
    with serving(made):
        yield made


def image(registry: Registry, name: str = "any/box") -> str:
    return f"127.0.0.1:{registry.port}/{name}:1"


def forget(lab: Lab, *images: str) -> None:
    for name in images:
        lab.engine.client.remove_image(name, force=True)


def test_images_are_pulled_together_and_progress_is_told(lab: Lab, registry: Registry) -> None:
    local(lab.engine)
    assert sorted(lab.up(box("one", image=image(registry)), box("two"))) == ["one", "two"]
    lab.down()
    forget(lab, image(registry))
    pulled = [e for e in lab.events if e.subject == image(registry)]
    assert [pulled[0].detail, pulled[-1].detail] == ["pulling", "pulled"]
    shown = [e for e in pulled if e.kind == "progress"]
    assert shown
    assert all(0 <= e.done <= e.total for e in shown)
    assert lab.left() == []


REFUSALS: dict[str, tuple[Callable[[str], tuple[int, bytes] | None], str, str]] = {
    "unknown tag": (
        lambda path: (404, refusal("MANIFEST_UNKNOWN", "manifest unknown")) if "manifests" in path else None,
        "there is no such image",
        "images",
    ),
    "rate limit": (
        lambda path: (429, refusal("TOOMANYREQUESTS", "You have reached your pull rate limit")),
        "no more pulls",
        "docker login",
    ),
    "denied": (lambda path: (403, refusal("DENIED", "requested access is denied")), "refuses", "docker login"),
    "half a layer": (lambda path: (200, b"short") if "blobs" in path else None, "cannot pull", ""),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_pull_that_fails_says_why_and_leaves_nothing(lab: Lab, registry: Registry, kind: str) -> None:
    local(lab.engine)
    registry.behave, meaning, hint = REFUSALS[kind]
    registry.add(layers=2)
    with pytest.raises(StartError, match=meaning) as caught:
        lab.up(box("one", image=image(registry)), box("two"))
    assert hint in caught.value.hint
    assert caught.value.exit_status == 3
    assert lab.left() == []


def test_a_registry_that_cannot_be_reached_is_said(lab: Lab) -> None:
    nobody = f"127.0.0.1:{free_port()}/any/box:1"
    with pytest.raises(StartError, match="the registry cannot be reached") as caught:
        lab.up(box("one", image=nobody))
    assert "registry" in caught.value.hint


@pytest.mark.parametrize("holder", ["a process", "a container"])
def test_a_port_that_is_taken_is_found_before_anything_is_made(lab: Lab, holder: str) -> None:
    port = free_port()
    with socket.socket() as taken:
        other = Lab(lab.engine, lab.path / "other")
        if holder == "a process":
            taken.bind(("127.0.0.1", port))
            taken.listen()
        else:
            other.up(web("holder", port))
        try:
            with pytest.raises(StartError, match=rf"port {port}.* is taken by") as caught:
                lab.up(slow("db"), web("front", port))
            assert (f"the container {other.stack}-holder-1" in caught.value.message) == (holder == "a container")
            assert "--port-offset" in caught.value.hint
            assert lab.left() == []
        finally:
            other.wipe()


@pytest.mark.parametrize("holder", ["a process", "a container"])
def test_a_port_that_is_taken_between_plan_and_start_undoes_all(lab: Lab, holder: str) -> None:
    local(lab.engine)
    port, other = free_port(), Lab(lab.engine, lab.path / "other")
    made = project_of(lab.write(slow("db"), web("front", port, depends_on={"db": "service_started"})), lab.root)
    seen = take_inventory(lab.engine, made.name, made.images)
    steps, up = plan(made, seen), Up(lab.engine, made, lab.events.append, patience=30)
    with socket.socket() as taken:
        if holder == "a process":
            taken.bind(("127.0.0.1", port))
            taken.listen()
        else:
            other.up(web("holder", port))
        try:
            with pytest.raises(StartError, match=r"cannot start front: .*port") as caught:
                up.carry_out(seen, steps)
            assert (f"the container {other.stack}-holder-1" in caught.value.message) == (holder == "a container")
            up.undo()
            assert lab.left() == []
        finally:
            other.wipe()


def test_a_disk_that_is_full_is_said_with_what_makes_room(lab: Lab) -> None:
    made = project_of(lab.write(web("front", free_port(), "x" * 100_000)), lab.root)
    wanted = made.named("front")
    small = {"type": "tmpfs", "device": "tmpfs", "o": "size=4k"}
    mine = {compose_labels.PROJECT: lab.stack}
    name = f"{made.name}_files-front-1-{wanted.copies[0].digest}"
    lab.engine.client.create_volume(name, driver="local", driver_opts=small, labels=mine)
    with pytest.raises(StartError, match="the engine's disk is full") as caught:
        copy_files(lab.engine, made, wanted, "a run")
    assert "docker system prune" in caught.value.hint
    assert lab.left() == [name]


def test_a_failed_change_keeps_what_ran_before(lab: Lab) -> None:
    lab.up(slow("db"), box("one"))
    before = lab.ids()
    with pytest.raises(StartError, match="cannot make"):
        lab.up(slow("db"), box("one", memory=1024))  # less than any container may have
    assert lab.ids() == before
    assert {o.state for o in lab.runtime.observe(memory=False)} == {"running"}


def test_a_container_that_goes_on_ending_counts_as_dead_and_its_exit_log_can_be_read(lab: Lab) -> None:
    lab.up(box("one"), box("bad", ("/bin/sh", "-c", "echo no such setting; exit 3")))

    def dead() -> list[str]:
        return [o.name for o in lab.runtime.observe(memory=False) if o.state == "dead"]

    assert until(dead, Deadline.after(20)) == ["bad"]
    assert lab.runtime.exit_log("bad", 1) == ["no such setting"]
    lab.runtime.undo((), lab.events.append)
    assert lab.left() == []


def test_a_container_that_others_wait_for_and_that_ends_is_an_error(lab: Lab) -> None:
    bad = box("db", ("/bin/sh", "-c", "echo no such setting; exit 3"), health=HealthCheck(("CMD", "/bin/false")))
    with pytest.raises(StartError, match=r"db ended with exit code 3 while starting; its last lines:\n    no such"):
        lab.up(bad, box("front", depends_on={"db": "service_healthy"}))
    assert lab.left() == []


def test_a_container_that_never_gets_healthy_is_an_error_after_the_given_time(lab: Lab) -> None:
    bad = box("db", health=HealthCheck(("CMD", "/bin/false")))
    with pytest.raises(StartError, match=r"db was not healthy after 0\.5 s") as caught:
        lab.up(bad, box("front", depends_on={"db": "service_healthy"}), patience=0.5)
    assert "--timeout" in caught.value.hint
    assert lab.left() == []


def test_an_image_is_built_and_a_build_that_fails_shows_its_last_words(lab: Lab) -> None:
    tag = f"{lab.stack}-built:1"

    def built(script: str) -> None:
        files = (File("context/Dockerfile", f"FROM {IMAGE}\n{script}\n"), File("context/word", "x\n"))
        lab.up(box("one", image=tag, build=Build("context"), files=files))

    with pytest.raises(StartError, match=r"cannot build(.|\n)*oh no"):
        built('RUN ["/bin/sh", "-c", "echo oh no; exit 1"]')
    assert lab.left() == []
    built("COPY word /word")
    assert [o.image for o in lab.runtime.observe(memory=False)] == [tag]
    lab.down()
    forget(lab, tag)


def start(lab: Lab, port: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.e2e.docker.driver", str(lab.path), lab.stack, str(port), *more]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, VARIABLE: lab.engine.candidate.url}
    )


@pytest.mark.parametrize("step", ["begun", "network made", "volume made", "started db", "started front"])
def test_ctrl_c_at_any_step_leaves_nothing_half_done(lab: Lab, step: str) -> None:
    with start(lab, free_port()) as process:
        assert process.stdout
        for line in process.stdout:
            words = line.split()
            if step in (line.strip(), " ".join(words[:2]), " ".join(words[-2:]), words[0]):
                process.send_signal(signal.SIGINT)
                break
        process.stdout.read()
        status = process.wait(timeout=40)
    if status == 0:  # it was through already
        assert {o.state for o in lab.runtime.observe(memory=False)} == {"running"}
        lab.down()
    else:
        assert status == 130
    assert lab.left() == []


def test_ctrl_c_while_an_image_is_pulled_does_not_wait_for_it(lab: Lab, registry: Registry) -> None:
    local(lab.engine)
    asked, over = threading.Event(), threading.Event()

    def stall(path: str) -> None:
        if "blobs" in path:
            asked.set()
            over.wait(60)

    registry.behave = stall
    try:
        with start(lab, free_port(), image(registry)) as process:
            assert asked.wait(30)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130
    finally:
        over.set()
    assert lab.left() == []


def test_an_up_that_was_killed_is_put_right_by_the_next(lab: Lab) -> None:
    port = free_port()
    with start(lab, port) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("started db"):
                process.kill()
                break
    assert lab.ids()
    lab.up(slow("db"), web("front", port, depends_on={"db": "service_healthy"}))
    assert {o.state for o in lab.runtime.observe(memory=False)} == {"running"}
    assert len(lab.containers()) == 2
    lab.down()
    assert lab.left() == []


def test_two_at_once_take_turns(lab: Lab) -> None:
    port = free_port()
    with start(lab, port) as one, start(lab, port) as two:
        said = [p.communicate(timeout=60)[0] for p in (one, two)]
        assert [one.returncode, two.returncode] == [0, 0], said
    assert sorted(line for text in said for line in text.splitlines() if line.startswith("done")) == [
        "done",
        "done db front",
    ]
    assert len(lab.containers()) == 2


def test_two_folders_with_one_name_do_not_share_a_stack(lab: Lab) -> None:
    other = Lab(lab.engine, lab.path / "other", stack=lab.stack)
    outcomes: list[object] = []

    def up(which: Lab) -> None:
        try:
            outcomes.append(which.up(box("one"), box("two")))
        except StartError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=up, args=(which,)) for which in (lab, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 2
    assert sum(isinstance(o, StartError) for o in outcomes) >= 1
    folders = {json.dumps(c["Labels"]["com.docker.compose.project.working_dir"]) for c in lab.containers()}
    assert len(folders) <= 1
