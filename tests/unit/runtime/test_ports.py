"""A taken port is named with its key, its holder, and the option that moves it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from obsctl.errors import StartError
from obsctl.runtime.ports import files_written_behind, require_free


def test_a_taken_port_is_named_with_its_holder_and_the_way_out() -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        port, open_port = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        with pytest.raises(StartError) as caught:
            require_free("127.0.0.1", {"prometheus": port, "loki": open_port})
    assert f"port {port} (prometheus) is taken by pid {os.getpid()}" in caught.value.message
    assert str(open_port) not in caught.value.message
    assert "--port-offset" in caught.value.hint
    assert f"ports: {{prometheus: {port + 1}}}" in caught.value.hint


def test_free_ports_are_fine() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    require_free("127.0.0.1", {"loki": port})


def test_an_offset_is_not_counted_twice() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as caught:
            require_free("127.0.0.1", {"prometheus": port}, offset=1000)
    assert f"ports: {{prometheus: {port - 1000 + 1}}}" in caught.value.hint


def test_ports_of_one_holder_are_one_sentence() -> None:
    with socket.socket() as one, socket.socket() as two:
        ports = {}
        for key, taken in (("prometheus", one), ("loki", two)):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            ports[key] = taken.getsockname()[1]
        with pytest.raises(StartError) as caught:
            require_free("127.0.0.1", ports)
    told = f"ports {ports['prometheus']} (prometheus), {ports['loki']} (loki) are taken by pid {os.getpid()}"
    assert told in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.usefixtures("starts_programs")
def test_another_stack_is_named_with_its_folder(tmp_path: Path) -> None:
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    home = tmp_path / "my shop" / ".obsctl"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "OBSCTL_STACK": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        with pytest.raises(StartError, match=f"`obsctl down -C '{home.parent}'` stops it"):
            require_free("127.0.0.1", {"loki": port})
        other.communicate("\n", timeout=10)


def test_an_address_of_another_machine_is_not_called_taken() -> None:
    with pytest.raises(StartError, match=r"port 9090 \(prometheus\) on 192.0.2.1 cannot be used"):
        require_free("192.0.2.1", {"prometheus": 9090})


def test_the_end_of_a_connection_takes_a_port_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        port = client.getsockname()[1]
        with pytest.raises(StartError, match=rf"port {port} \(loki\) is taken by pid {os.getpid()}"):
            require_free("127.0.0.1", {"loki": port})


def test_the_files_that_a_server_writes_are_found_by_its_port(tmp_path: Path) -> None:
    (tmp_path / "read").write_text("x")
    program = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); r = open('read'); w = open('app.log', 'a');"
        "print(s.getsockname()[1], file=sys.stderr, flush=True); sys.stdin.read()"
    )
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", program], cwd=tmp_path, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE
        )
    with process:
        assert process.stderr
        found = files_written_behind(int(process.stderr.readline()))
    assert {path.name for path in found} == {"out", "app.log"}
