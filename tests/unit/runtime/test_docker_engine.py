"""Which engine is used: what the user names, never another one; and what is said when none answers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from obsctl.errors import StartError
from obsctl.runtime.docker import compose_labels
from obsctl.runtime.docker.engine import _host, candidates, find_engine, unreachable
from obsctl.runtime.docker.faults import RefusalError
from obsctl.runtime.docker.inventory import take_inventory
from obsctl.runtime.docker.runtime import DockerRuntime
from obsctl.runtime.state import State, StateFile


def context(home: Path, name: str, **endpoint: Any) -> Path:
    """A context as Docker's CLI keeps it."""
    ident = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker/contexts/meta" / ident
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    return home / ".docker/contexts/tls" / ident / "docker"


def choose(home: Path, name: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text(json.dumps({"currentContext": name}))


def urls(environment: dict[str, str], home: Path) -> list[str]:
    return [c.url for c in candidates(environment, home)]


def test_docker_host_beats_every_context(tmp_path: Path) -> None:
    context(tmp_path, "far", Host="tcp://far:2375")
    choose(tmp_path, "far")
    environment = {"DOCKER_HOST": "unix:///x.sock", "DOCKER_CONTEXT": "far"}
    assert urls(environment, tmp_path) == ["unix:///x.sock"]


def test_the_environments_context_beats_the_chosen_one(tmp_path: Path) -> None:
    context(tmp_path, "far", Host="tcp://far:2375")
    context(tmp_path, "near", Host="unix:///near.sock")
    choose(tmp_path, "far")
    assert urls({}, tmp_path) == ["tcp://far:2375"]
    assert urls({"DOCKER_CONTEXT": "near"}, tmp_path) == ["unix:///near.sock"]


@pytest.mark.parametrize("how", ["variable", "file"])
def test_a_context_that_is_not_there_is_an_error_and_not_the_default_socket(tmp_path: Path, how: str) -> None:
    if how == "file":
        choose(tmp_path, "nosuch")
    environment = {"DOCKER_CONTEXT": "nosuch"} if how == "variable" else {}
    with pytest.raises(StartError, match="no Docker context 'nosuch'") as caught:
        urls(environment, tmp_path)
    assert "docker context ls" in caught.value.hint


@pytest.mark.parametrize("text", ["{", "[]", '{"Endpoints": {}}'])
def test_a_damaged_context_is_an_error(tmp_path: Path, text: str) -> None:
    context(tmp_path, "bad", Host="x")
    next((tmp_path / ".docker/contexts/meta").iterdir()).joinpath("meta.json").write_text(text)
    with pytest.raises(StartError, match="of the Docker context 'bad' cannot be read"):
        urls({"DOCKER_CONTEXT": "bad"}, tmp_path)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_configuration_is_an_error(tmp_path: Path, text: str) -> None:
    choose(tmp_path, "x")
    (tmp_path / ".docker/config.json").write_text(text)
    with pytest.raises(StartError, match=r"config\.json cannot be read"):
        urls({}, tmp_path)


def test_certificates_of_a_context_and_of_the_environment_are_used(tmp_path: Path) -> None:
    context(tmp_path, "far", Host="tcp://far:2376", SkipTLSVerify=True).mkdir(parents=True)
    (found,) = candidates({"DOCKER_CONTEXT": "far"}, tmp_path)
    assert found.certificates.endswith("/docker")
    assert not found.verify
    environment = {"DOCKER_HOST": "tcp://far:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}
    (found,) = candidates(environment, tmp_path)
    assert (found.certificates, found.verify) == ("/certs", True)
    (found,) = candidates({"DOCKER_HOST": "tcp://far:2375", "DOCKER_CERT_PATH": "/certs"}, tmp_path)
    assert found.certificates == ""


def test_every_usual_socket_is_tried_where_nothing_is_named(tmp_path: Path) -> None:
    choose(tmp_path, "default")
    why = " ".join(c.why for c in candidates({"XDG_RUNTIME_DIR": "/run/user/7"}, tmp_path))
    for engine in ("the default", "rootless Docker", "Docker Desktop", "Colima", "rootless Podman", "Podman machine"):
        assert engine in why
    assert "unix:///run/user/7/podman/podman.sock" in urls({"XDG_RUNTIME_DIR": "/run/user/7"}, tmp_path)


def test_what_was_tried_is_said(tmp_path: Path) -> None:
    nobody = tmp_path / "old.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(nobody))
    for url, reason in {
        f"unix://{tmp_path}/none.sock": "not there",
        f"unix://{nobody}": "Connection refused",
        "tcp://127.0.0.1:1": "Connection refused",
        "tcp://127.0.0.1:port": "Port could not be cast",
        "ftp://x": "not an address of an engine",
    }.items():
        with pytest.raises(StartError, match="no container engine answers") as caught:
            find_engine({"DOCKER_HOST": url}, tmp_path)
        assert f"{url} (DOCKER_HOST): {reason}" in caught.value.message
        assert "DOCKER_HOST" in caught.value.hint
        assert caught.value.exit_status == 3


def test_something_that_is_no_engine_is_not_taken_for_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        assert unreachable(url) == ""


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("unix:///var/run/docker.sock", ""),
        ("tcp://127.0.0.1:2375", ""),
        ("tcp://localhost:2375", ""),
        ("tcp://[::1]:2375", ""),
        ("tcp://docker:2375", "docker"),
        ("tcp://10.0.0.7:2376", "10.0.0.7"),
        ("ssh://me@far", "far"),
    ],
)
def test_where_published_ports_are(url: str, host: str) -> None:
    assert _host(url) == host


class Speaker(BaseHTTPRequestHandler):
    """Answers every request as ``said`` says: path -> status, headers, body."""

    said: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, body = self.said.get(self.path.partition("?")[0], (404, {}, b'{"message": "no such thing"}'))
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


PING = {"/_ping": (200, {"Api-Version": "1.41", "Server": "Docker/20.10.24 (linux)"}, b"OK")}
PODMAN = {"/_ping": (200, {"Api-Version": "1.41", "Libpod-Api-Version": "5", "Server": "Libpod/5.4 (linux)"}, b"OK")}


@contextlib.contextmanager
def speaking(said: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    Speaker.said, Speaker.asked = said, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Speaker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("said", "shown"), [(PING, "Docker 20.10.24 at"), (PODMAN, "Podman 5.4 at")])
def test_an_engine_says_who_it_is(
    tmp_path: Path, said: dict[str, tuple[int, dict[str, str], bytes]], shown: str
) -> None:
    with speaking(said) as url:
        found = find_engine({"DOCKER_HOST": url}, tmp_path)
    assert str(found) == f"{shown} {url} (DOCKER_HOST)"
    assert found.podman == shown.startswith("Podman")


@pytest.mark.parametrize("status", [200, 500])
def test_a_server_without_an_api_is_no_engine(tmp_path: Path, status: int) -> None:
    with speaking({"/_ping": (status, {}, b"OK")}) as url, pytest.raises(StartError, match="like an engine"):
        find_engine({"DOCKER_HOST": url}, tmp_path)


def test_what_is_only_read_is_asked_in_the_engines_own_version(tmp_path: Path) -> None:
    with speaking({**PING, "/v1.41/networks": (200, {}, b'[{"Name": "n"}]')}) as url:
        found = find_engine({"DOCKER_HOST": url}, tmp_path)
        assert found.read("/networks", filters={"label": ["a=b"]}) == [{"Name": "n"}]
        with pytest.raises(RefusalError, match="no such thing") as caught:
            found.read("/volumes")
    assert caught.value.status == 404
    assert Speaker.asked[1] == "/v1.41/networks?filters=%7B%22label%22%3A+%5B%22a%3Db%22%5D%7D"


IMAGES = [{"Id": "sha256:1", "RepoTags": ["a/b:1"]}]


@pytest.mark.parametrize(
    ("image", "platform", "ident"),
    [
        ("docker.io/a/b:1", "", "sha256:1"),
        ("a/b:1", "linux/arm64", "sha256:1"),
        ("a/b:1", "linux/arm64/v8", "sha256:1"),
        ("a/b:1", "linux/arm64/v7", ""),
        ("a/b:1", "linux/amd64", ""),
        ("a/b:2", "", ""),
    ],
)
def test_an_image_of_another_platform_is_not_there(tmp_path: Path, image: str, platform: str, ident: str) -> None:
    inspected = json.dumps({"Id": "sha256:1", "Os": "linux", "Architecture": "arm64", "Variant": "v8"}).encode()
    lists = {f"/v1.41/{path}": (200, {}, b"[]") for path in ("containers/json", "networks")}
    said = {**PING, **lists, "/v1.41/volumes": (200, {}, b"{}")}
    said |= {"/v1.41/images/json": (200, {}, json.dumps(IMAGES).encode())}
    said |= {"/v1.41/images/a/b:1/json": (200, {}, inspected)}
    with speaking(said) as url:
        assert take_inventory(find_engine({"DOCKER_HOST": url}, tmp_path), "s", {image: platform}).images == {
            image: ident
        }


def test_a_stack_of_an_engine_that_is_gone_says_where_it_was_started_and_how_to_go_on(tmp_path: Path) -> None:
    home = tmp_path / ".obsctl"
    StateFile(home).write(State("docker", stack="s", engine="tcp://far:2375"))
    runtime = DockerRuntime(home, tmp_path, "s", {"DOCKER_HOST": f"unix://{tmp_path}/none"})
    with pytest.raises(StartError, match="was started on the engine at tcp://far:2375; no container engine") as caught:
        runtime.observe()
    assert "start that engine" in caught.value.hint
    assert str(home / "state.json") in caught.value.hint


def listed(ident: str, state: str, root: Path) -> dict[str, Any]:
    labels = {compose_labels.PROJECT: "s", compose_labels.SERVICE: ident, compose_labels.FOLDER: str(root)}
    return {
        "Id": ident,
        "Names": [f"/s-{ident}-1"],
        "State": state,
        "Status": "Up 3 minutes (Paused)",
        "Labels": labels,
    }


def test_a_container_that_is_paused_is_neither_running_nor_dead(tmp_path: Path) -> None:
    containers = [listed("db", "paused", tmp_path), listed("mail", "exited", tmp_path)]
    said = {**PING, "/v1.41/containers/json": (200, {}, json.dumps(containers).encode())}
    for one in containers:
        inspected = {"State": {"Status": one["State"], "StartedAt": "2026-01-02T03:04:05Z"}, "Config": {}}
        said[f"/v1.41/containers/{one['Id']}/json"] = (200, {}, json.dumps(inspected).encode())
    with speaking(said) as url:
        observed = DockerRuntime(tmp_path / ".obsctl", tmp_path, "s", {"DOCKER_HOST": url}).observe()
    assert [(one.name, one.state) for one in observed] == [("db", "paused"), ("mail", "dead")]
