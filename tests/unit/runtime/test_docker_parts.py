"""The pure parts of the Docker runtime: requests, progress, output, errors, and work on many things at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.endpoints import Endpoints
from obsctl.errors import StartError
from obsctl.render.compose_mapping import canonical_service
from obsctl.render.containers import Composition, Container, HealthCheck, Mount, Network, Published, Tmpfs
from obsctl.render.desired import File
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.create_request import create_body
from obsctl.runtime.docker.faults import engine_faults, explained
from obsctl.runtime.docker.images import Progress, split_reference
from obsctl.runtime.docker.inventory import nanoseconds
from obsctl.runtime.docker.logs import Line, lines
from obsctl.runtime.docker.project import ProjectContainer, project_of
from obsctl.runtime.docker.runtime import _at
from obsctl.runtime.docker.task_graph import TaskGraph
from obsctl.wait import Deadline, until

FRONT = Container(
    name="front",
    purpose="A test.",
    image="example/box:1",
    user="65534:65534",
    memory=2**26,
    pids=64,
    command=("serve",),
    environment={"B": "2", "A": "1"},
    ports=(Published("front", 18080, 80),),
    mounts=(Mount("config", "front", "/etc/front"), Mount("volume", "data", "/data", read_only=False)),
    tmpfs=(Tmpfs("/tmp", 8 * 1024**2, flags=()),),
    networks=("default", "data"),
    depends_on={"db": "service_healthy"},
    health=HealthCheck(("CMD", "/bin/true")),
    secrets=("word",),
    files=(File("front/x.yaml", "x"),),
)


def composition(container: Container = FRONT, bind: str = "127.0.0.1") -> Composition:
    networks = (Network("data", internal=True), Network("default"))
    secrets = {"word": "secrets/word"}
    return Composition("s", "test", bind, (container,), networks, ("data",), secrets, container.files, Endpoints())


def wanted(root: Path, container: Container = FRONT) -> ProjectContainer:
    for path, text in (("front/x.yaml", "x"), ("secrets/word", "hidden")):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    return project_of(composition(container), root).containers[0]


def test_a_request_is_safe_by_default_and_mounts_what_the_container_reads(tmp_path: Path) -> None:
    body: Any = create_body(wanted(tmp_path), "sha256:1", run="r", volumes={}, selinux=False, init=True)
    host = body["HostConfig"]
    assert host["Binds"] == [
        f"{tmp_path}/front:/etc/front:ro",
        "s_data:/data:rw",
        f"{tmp_path}/secrets/word:/run/secrets/word:ro",
    ]
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]}
    assert body["ExposedPorts"] == {"80/tcp": {}}
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Memory"]) == (True, ["ALL"], 2**26)
    assert host["RestartPolicy"] == {"Name": "unless-stopped"}
    assert body["Healthcheck"]["Interval"] == 2_000_000_000
    assert body["NetworkingConfig"]["EndpointsConfig"] == {"s_data": {"Aliases": ["s-front-1", "front"]}}
    assert body["Labels"][compose_labels.IMAGE] == "sha256:1"
    assert "hidden" not in str(body)


def test_a_request_for_an_engine_without_our_files_mounts_copies(tmp_path: Path) -> None:
    copies = {"/etc/front": "s_files-front-1-x", "/run/secrets": "s_files-front-2-y"}
    body: Any = create_body(wanted(tmp_path), "sha256:1", run="r", volumes=copies, selinux=True, init=False)
    assert body["HostConfig"]["Binds"] == [
        "s_files-front-1-x:/etc/front:ro",
        "s_data:/data:rw",
        "s_files-front-2-y:/run/secrets:ro",
    ]
    assert "Init" not in body["HostConfig"]


def test_files_of_this_machine_are_shared_with_selinux_where_it_is_on(tmp_path: Path) -> None:
    body: Any = create_body(wanted(tmp_path), "sha256:1", run="r", volumes={}, selinux=True, init=True)
    assert body["HostConfig"]["Binds"][0] == f"{tmp_path}/front:/etc/front:ro,z"
    assert body["HostConfig"]["Binds"][1] == "s_data:/data:rw"


def test_the_fingerprint_covers_the_files_but_not_the_secrets(tmp_path: Path) -> None:
    first = wanted(tmp_path)
    (tmp_path / "secrets/word").write_text("another")
    again = project_of(composition(), tmp_path).containers[0]
    (tmp_path / "front/x.yaml").write_text("y")
    changed = project_of(composition(), tmp_path).containers[0]
    assert first.fingerprint == again.fingerprint != changed.fingerprint
    assert first.labels[compose_labels.HASH] == changed.labels[compose_labels.HASH]


@pytest.mark.parametrize(
    "other",
    [
        replace(FRONT, environment={"A": "2"}),
        replace(FRONT, command=("other",)),
        replace(FRONT, memory=2**27),
        replace(FRONT, ports=()),
        replace(FRONT, networks=("default",)),
    ],
)
def test_whatever_makes_another_container_changes_both_hashes(tmp_path: Path, other: Container) -> None:
    one, two = wanted(tmp_path), wanted(tmp_path, other)
    assert one.fingerprint != two.fingerprint
    assert one.labels[compose_labels.HASH] != two.labels[compose_labels.HASH]


def test_what_a_container_waits_for_does_not_make_it_another_one(tmp_path: Path) -> None:
    one, two = wanted(tmp_path), wanted(tmp_path, replace(FRONT, depends_on={}))
    assert one.fingerprint == two.fingerprint
    assert one.labels[compose_labels.DEPENDS_ON] == "db:service_healthy:false"
    assert compose_labels.prerequisites(one.labels[compose_labels.DEPENDS_ON]) == {"db": "service_healthy"}
    assert compose_labels.prerequisites("") == {}


def test_a_hash_is_the_one_of_compose() -> None:
    """As ``docker compose config --hash '*'`` of version 2.40.3 says, for the same service in its Compose file."""
    full = Container(
        name="a",
        purpose="A test.",
        image="prom/prometheus:v3",
        user="65534:65534",
        memory=512 * 1024**2,
        pids=256,
        command=("--x=<&>$é",),
        environment={"B": "2", "A": "1"},
        ports=(Published("a", 19090, 9090),),
        mounts=(
            Mount("config", "prometheus", "/etc/prometheus"),
            Mount("volume", "data", "/prometheus", read_only=False),
            Mount("host", "../cf", "/x"),
        ),
        tmpfs=(Tmpfs("/tmp", user="65534", group="65534"),),
        networks=("default", "data"),
        secrets=("gp",),
        extra_hosts={"host.docker.internal": "host-gateway"},
        platform="linux/amd64",
    )
    bare = replace(FRONT, name="b", image="redis", user="1:1", command=(), environment={}, ports=(), mounts=())
    bare = replace(bare, pids=256, tmpfs=(Tmpfs("/tmp", flags=()),), networks=("default",), secrets=())
    bare = replace(bare, health=HealthCheck(("CMD", "true")))
    root = Path("/srv/demo")
    values: Any = canonical_service(full, "127.0.0.1", root)
    second = {"mode": "ingress", "host_ip": "::1", "target": 9091, "published": "19091", "protocol": "tcp"}
    values["ports"].append(second)
    assert compose_labels.config_hash(values) == "fd201869dfbee3606b726434892c7ade749b935dc74ebbb3b3ff919e2a2fcb78"
    assert compose_labels.config_hash(canonical_service(bare, "127.0.0.1", root)) == (
        "9f5ef9301c6f7f8dca1973e7f695afe183328e302f0b7eebc67d7d65d6a46f50"
    )


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=20))
def test_lines_do_not_depend_on_where_frames_are_cut(data: bytes, cuts: list[int]) -> None:
    frames, rest = [], data
    for cut in cuts:
        frames.append(rest[:cut])
        rest = rest[cut:]
    assert list(lines([*frames, rest])) == list(lines([data]))


def test_a_line_keeps_its_time_and_its_text() -> None:
    raw = b'2026-01-02T03:04:05.000000001Z {"a": 1}\r\n2026-01-02T03:04:05Z \nno time at all\n'
    at = 1767323045 * 10**9
    assert list(lines([raw])) == [Line(at + 1, '{"a": 1}'), Line(at, ""), Line(0, "no time at all")]
    assert nanoseconds("never") == nanoseconds("") == 0


def test_a_line_that_never_ends_costs_no_memory() -> None:
    (line,) = lines([b"2026-01-02T03:04:05Z ", *([b"x" * 65536] * 100)])
    assert len(line.text) < 1024**2


def test_progress_counts_layers_and_bytes() -> None:
    progress = Progress()
    for event in (
        {"status": "Pulling from any/box", "id": "1"},
        {"status": "Pulling fs layer", "id": "a"},
        {"status": "Already exists", "id": "b"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 1024**2, "total": 4 * 1024**2}},
        {"status": "Extracting", "id": "c", "progressDetail": {"current": 3}},
        {"status": "Digest: sha256:x"},
    ):
        progress.take(event)
    assert str(progress) == "1 of 3 layers, 1.0 of 4.0 MiB"
    progress.take({"status": "Download complete", "id": "a"})
    progress.take({"status": "Pull complete", "id": "a"})
    assert str(progress) == "2 of 3 layers, 4.0 of 4.0 MiB"


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("redis", ("redis", "latest")),
        ("redis:7", ("redis", "7")),
        ("127.0.0.1:5000/a/b", ("127.0.0.1:5000/a/b", "latest")),
        ("127.0.0.1:5000/a/b:1", ("127.0.0.1:5000/a/b", "1")),
        ("a/b@sha256:00", ("a/b", "sha256:00")),
    ],
)
def test_references_of_images(image: str, parts: tuple[str, str]) -> None:
    assert split_reference(image) == parts


@pytest.mark.parametrize(
    ("said", "meaning", "hint"),
    [
        ("write /x: no space left on device", "the engine's disk is full", "docker system prune"),
        ("toomanyrequests: You have reached your pull rate limit.", "no more pulls", "docker login"),
        ("manifest for a/b:1 not found: manifest unknown", "no such image", "images"),
        ("pull access denied for a, repository does not exist", "refuses", "docker login"),
        ("dial tcp: lookup registry on 1.1.1.1:53: no such host", "cannot be reached", "registry"),
        ("Bind for 127.0.0.1:80 failed: port is already allocated", "a port was taken", "--port-offset"),
        ("listen tcp4 127.0.0.1:80: bind: address already in use", "a port was taken", "--port-offset"),
        ("no matching manifest for linux/arm64 in the manifest list", "not made for this platform", "platform"),
        ("Install paramiko package to enable ssh:// support", "ssh needs a further library", "docker[ssh]"),
    ],
)
def test_what_an_engine_says_is_explained(said: str, meaning: str, hint: str) -> None:
    error = explained("cannot do it", said)
    assert error.message.startswith("cannot do it: ")
    assert meaning in error.message
    assert hint in error.hint


def test_a_connection_that_breaks_is_explained_by_its_innermost_cause() -> None:
    error = ConnectionError("connection pool: retries exceeded")
    error.__cause__ = BrokenPipeError(32, "Broken pipe")
    with pytest.raises(StartError, match="the engine does not answer any more: Broken pipe"), engine_faults("x"):
        raise error


def test_published_ports_of_another_machine_are_there() -> None:
    assert _at("http://127.0.0.1:9090/-/ready", "far") == "http://far:9090/-/ready"
    assert _at("http://[::1]:9090", "fd00::7") == "http://[fd00::7]:9090"
    assert _at("http://elsewhere:80", "far") == "http://elsewhere:80"
    assert _at("", "far") == ""


@settings(deadline=None)  # threads wait for each other, and a busy machine makes them wait longer
@given(
    st.integers(0, 12).flatmap(
        lambda n: st.lists(st.sets(st.integers(0, max(0, n - 1)), max_size=4), min_size=n, max_size=n)
    )
)
def test_work_is_done_in_the_order_of_its_needs(chosen: list[set[int]]) -> None:
    needs = {str(i): [str(n) for n in needed if n < i] for i, needed in enumerate(chosen)}
    done: list[str] = []
    TaskGraph(needs, done.append, threading.Event()).run()
    assert sorted(done) == sorted(needs)
    assert all(done.index(n) < done.index(name) for name, needed in needs.items() for n in needed)


def test_a_failure_stops_what_has_not_begun_and_waits_for_what_has() -> None:
    stop, done = threading.Event(), list[str]()

    def act(name: str) -> None:
        if name == "bad":
            raise StartError("it broke")
        until(stop.is_set, Deadline.after(10))
        done.append(name)

    with pytest.raises(StartError, match="it broke"):
        TaskGraph({"long": (), "bad": (), "later": ("bad",)}, act, stop).run()
    assert done == ["long"]


def test_needs_that_go_round_in_a_circle_are_an_error() -> None:
    with pytest.raises(RuntimeError, match="need each other: a, b"):
        TaskGraph({"a": ("b",), "b": ("a",)}, lambda _name: None, threading.Event()).run()
