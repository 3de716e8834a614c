"""Decisions of ``up`` on Docker: one step for each container, with the cause that a person would give."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.endpoints import Endpoints
from obsctl.errors import StartError
from obsctl.render.containers import Build, Composition, Condition, Container, Mount, Network
from obsctl.render.desired import File
from obsctl.runtime.base import Operation
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.compose_labels import FINGERPRINT
from obsctl.runtime.docker.create_request import create_body
from obsctl.runtime.docker.inventory import Inventory, ListedContainer
from obsctl.runtime.docker.plan import plan, schedule, settling, unsettled_restart
from obsctl.runtime.docker.project import Project, ProjectContainer, project_of
from obsctl.runtime.docker.task_graph import TaskGraph

NAMES = ("db", "front", "other")
IMAGE, IDENT = "example/box:1", "sha256:1"


def container(name: str) -> Container:
    mounts = (Mount("volume", "data", "/data", read_only=False),)
    return Container(name, "A test.", IMAGE, "1:1", 2**26, 64, mounts=mounts, networks=("default",))


def composition(*containers: Container) -> Composition:
    return Composition(*("s", "test", "127.0.0.1", containers, (Network("default"),), ("data",), {}, (), Endpoints()))


def wanted(*names: str) -> Project:
    return project_of(composition(*(container(name) for name in names)), Path("/deploy"))


def found(w: ProjectContainer, state: str = "running", **changed: object) -> ListedContainer:
    whole = ListedContainer(
        ident=f"id of {w.name}",
        engine_name=w.engine_name,
        state=state,
        status=state,
        image=w.image,
        image_id=IDENT,
        labels=w.labels,
        networks=frozenset(w.networks),
        volumes=frozenset(w.volumes),
        created=100.0,
        ports=frozenset(),
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def seen(stack: Project, *containers: ListedContainer) -> Inventory:
    return Inventory(
        containers,
        {n.name: dict(n.labels) for n in stack.networks},
        {v.name: dict(v.labels) for v in stack.volumes},
        {IMAGE: IDENT},
    )


def only(stack: Project, container: ListedContainer) -> str:
    """The one step about a container."""
    (step,) = plan(stack, seen(stack, container))
    return str(step)


def test_an_empty_engine_gets_everything_and_each_image_once() -> None:
    assert [str(s) for s in plan(wanted("db", "front"), Inventory())] == [
        f"pull {IMAGE}: the engine does not have it",
        "network default: not there",
        "volume data: not there",
        "create db: not there",
        "create front: not there",
    ]


def test_an_image_that_the_stack_brings_is_built(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text("FROM scratch\n")
    built = replace(container("db"), build=Build("context"), files=(File("context/Dockerfile", ""),))
    stack = project_of(composition(built), tmp_path)
    assert stack.containers[0].build_files == {"Dockerfile": b"FROM scratch\n"}
    assert plan(stack, Inventory())[0].kind == "build"


def test_each_state_has_its_step() -> None:
    stack = wanted("db")
    (w,) = stack.containers
    assert only(stack, found(w)) == "keep db: running, nothing changed"
    assert only(stack, found(w, "restarting")) == "keep db: running, nothing changed"
    assert only(stack, found(w, "paused")) == "resume db: it was paused"
    assert only(stack, found(w, "created")) == "start db: it was never started"
    assert only(stack, found(w, "exited", status="Exited (3)")) == "start db: it had ended: Exited (3)"
    assert only(stack, found(w, "dead")) == "replace db: the engine could not remove it"


def test_each_change_has_its_cause() -> None:
    stack = wanted("db")
    (w,) = stack.containers
    assert only(stack, found(w, labels={**w.labels, FINGERPRINT: "x"})) == "replace db: its configuration changed"
    assert only(stack, found(w, image_id="sha256:2")) == f"replace db: {IMAGE} is another image now"
    assert only(stack, found(w, networks=frozenset())) == "replace db: it is not attached to the network s_default"
    assert only(stack, found(w, volumes=frozenset())) == "replace db: it does not have the volume s_data"


def test_what_compose_made_is_kept_while_its_hash_and_its_files_are_the_same() -> None:
    stack = wanted("db")
    (w,) = stack.containers
    labels = {key: text for key, text in w.labels.items() if not key.startswith(compose_labels.OWN)}
    assert only(stack, found(w, labels=labels)) == "keep db: running, nothing changed"
    changed = replace(stack, containers=(replace(w, changed=200.0),))
    assert only(changed, found(w, labels=labels)) == "replace db: its configuration changed"
    assert only(stack, found(w, labels={**labels, compose_labels.HASH: "x"})) == "replace db: its configuration changed"


def test_a_stack_of_the_same_name_from_another_folder_is_left_alone() -> None:
    stack = wanted("db")
    (w,) = stack.containers
    with pytest.raises(StartError, match="another stack named 's', made from /elsewhere") as caught:
        plan(stack, seen(stack, found(w, labels={**w.labels, compose_labels.FOLDER: "/elsewhere"})))
    assert "name" in caught.value.hint


def test_a_network_that_was_made_in_another_way_is_not_made_anew_under_running_containers() -> None:
    stack = wanted("db")
    there = seen(stack)
    with pytest.raises(StartError, match="network s_default is there, but made in another way"):
        plan(stack, replace(there, networks={"s_default": {compose_labels.HASH: "x"}}))
    assert [s.kind for s in plan(stack, replace(there, networks={"s_default": {}}))] == ["create"]


def test_nothing_of_an_unfinished_up_is_started_by_the_engine_itself(tmp_path: Path) -> None:
    stack = wanted("one", "two")
    restart = unsettled_restart(podman=False)
    body: Any = create_body(
        stack.named("one"), "sha256:1", run="r", volumes={}, selinux=False, init=True, restart=restart
    )
    assert body["HostConfig"]["RestartPolicy"] == {"Name": "no"}
    # what was made anew gets its policy in the end; what was there before has its own
    assert settling(stack, {"two": "id-two"}, podman=False) == {"id-two": "unless-stopped"}
    assert settling(stack, {}, podman=False) == {}
    # Podman's engine cannot change it, and starts nothing by itself
    assert (unsettled_restart(podman=True), settling(stack, {"two": "id-two"}, podman=True)) == ("", {})


def test_further_containers_are_reported() -> None:
    stack = wanted("db")
    (w,) = stack.containers
    second = found(w, ident="2", engine_name="s-db-2", labels={**w.labels, compose_labels.NUMBER: "2"})
    gone = found(w, ident="3", engine_name="s-old-1", labels={**w.labels, compose_labels.SERVICE: "old"})
    assert [(s.kind, s.name) for s in plan(stack, seen(stack, found(w), second, gone))] == [
        ("keep", "db"),
        ("orphan", "s-db-2"),
        ("orphan", "s-old-1"),
    ]


@given(
    st.lists(st.sampled_from(NAMES), unique=True),
    st.dictionaries(
        st.sampled_from(NAMES),
        st.tuples(st.sampled_from(["running", "exited", "created", "paused", "dead"]), st.booleans()),
    ),
)
def test_every_container_gets_exactly_one_step(names: list[str], there: dict[str, tuple[str, bool]]) -> None:
    everything = {w.name: w for w in wanted(*NAMES).containers}
    stack = wanted(*names)
    containers = [
        found(
            everything[name],
            state,
            labels={**everything[name].labels, **({} if same else {FINGERPRINT: "x"})},
        )
        for name, (state, same) in there.items()
    ]
    steps = plan(stack, seen(stack, *containers))
    about = [s.name.removeprefix("s-").removesuffix("-1") if s.kind == "orphan" else s.name for s in steps]
    assert sorted(about) == sorted({*names, *there})
    kept = {s.name for s in steps if s.kind == "keep"}
    assert kept == {name for name in names if there.get(name) == ("running", True)}


def work(after: dict[str, dict[str, Condition]], *, kept: str = "") -> dict[str, tuple[str, ...]]:
    parts = (replace(container(name), depends_on=needed) for name, needed in after.items())
    stack = project_of(composition(*parts), Path("/deploy"))
    steps = {n: Operation("keep" if n == kept else "create", n, "") for n in after}
    return schedule(stack, steps)


def test_what_has_to_be_healthy_is_awaited_and_goes_first_with_all_that_it_needs_itself() -> None:
    after = {"page": {}, "api": {"db": "service_healthy", "page": "service_started"}, "db": {"disk": "service_started"}}
    assert work({**after, "disk": {}}) == {
        "start page": ("start db", "start disk"),
        "start api": ("await db", "start page", "start db", "start disk"),
        "start db": ("start disk",),
        "await db": ("start db",),
        "start disk": (),
    }


def test_nothing_is_awaited_for_the_sake_of_what_runs_already() -> None:
    assert work({"api": {"db": "service_healthy"}, "db": {}}, kept="api") == {
        "start api": ("start db",),
        "start db": (),
    }


@given(st.lists(st.sets(st.integers(0, 5)), min_size=6, max_size=6), st.sets(st.integers(0, 5)))
def test_work_never_waits_for_itself(chosen: list[set[int]], healthy: set[int]) -> None:
    after = {
        str(i): {str(n): "service_healthy" if n in healthy else "service_started" for n in needed if n < i}
        for i, needed in enumerate(chosen)
    }
    done: list[str] = []
    TaskGraph(work(after), done.append, threading.Event()).run()
    assert {name for name in after if f"start {name}" not in done} == set()
