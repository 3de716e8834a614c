"""Which engine is used: what the user names, never another one; and what is said when none answers."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from obsctl.errors import StartError
from obsctl.runtime.docker_engine import _host, candidates, find_engine, unreachable


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
