"""What is in the way of a stack, and what one leaves behind: taken ports, full disks, damaged and removed state."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from dataclasses import replace

import pytest

from tests.e2e.conftest import COMPONENTS, Folder, stack_processes

pytestmark = pytest.mark.e2e


def test_a_taken_port_is_named_and_nothing_is_left(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 9090 + folder.offset)):  # an earlier stack's connections may still fade
        done = folder.up()
    assert done.status == 3
    assert f"port {9090 + folder.offset} (prometheus) is taken by pid {os.getpid()}" in done.err
    assert "--port-offset" in done.err
    assert stack_processes(folder) == []


def test_a_component_that_cannot_start_shows_its_last_lines(folder: Folder) -> None:
    broken = folder.path / "sample_service"
    broken.mkdir()
    (broken / "__init__.py").touch()
    (broken / "__main__.py").write_text("import sys\nsys.exit('the disk is on fire')\n")
    (folder.path / "run.py").write_text(
        "import sys\n"
        "from obsctl.cli.app import main\n"
        "from obsctl.runtime import processes\n"
        "inherited = processes.child_environment\n"
        "def child_environment(outside, own, package):\n"
        f"    broken = {{'PYTHONPATH': {str(folder.path)!r}}} if own.get('OTEL_SERVICE_NAME') == 'ai' else {{}}\n"
        "    return {**inherited(outside, own, package), **broken}\n"
        "processes.child_environment = child_environment\n"
        "main()\n"
    )
    folder = replace(folder, command=(sys.executable, str(folder.path / "run.py")))
    done = folder.up()
    assert done.status == 3
    assert "ai ended while starting" in done.err
    assert "the disk is on fire" in done.err
    assert stack_processes(folder) == []


def test_an_observed_service_is_not_waited_for_and_a_full_disk_does_not_keep_a_stack_running(folder: Folder) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        web = f"{{name: web, url: 'http://127.0.0.1:{unused.getsockname()[1]}', ready: /healthz}}"
        step = "{id: read, method: GET, route: /}"
        (folder.path / "contract.yaml").write_text("version: 1\nservice: shop\ncomponents: [web]\n")
        spec = f"services:\n  - {{name: shop, contract: contract.yaml, components: [{web}], drive: [{step}]}}\n"
        (folder.path / "obsctl.yaml").write_text(f"version: 1\n{spec}")
        started = folder.up("--json")
        assert (started.status, started.data["started"]) == (0, ["backend"]), started
        assert started.data["not_ready"] == ["web"]
        assert "web" in folder.run("status", "--json").envelope["notes"][0]
    full = replace(folder, command=("sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *folder.command))
    refused = full.run("up", "--port-offset", str(folder.offset + 1))
    assert refused.status == 3
    assert "cannot write to" in refused.err
    assert full.ok("down").out.startswith("stopped backend")
    assert stack_processes(folder) == []


def test_a_damaged_state_file_has_a_way_out(folder: Folder) -> None:
    assert folder.up().status == 0
    (folder.path / ".obsctl" / "state.json").write_text("{")
    done = folder.run("status")
    assert done.status == 3
    assert "cannot be read" in done.err
    folder.ok("down")
    assert stack_processes(folder) == []


def test_processes_are_found_even_when_the_state_folder_was_removed(folder: Folder) -> None:
    for repair in ("up", "down"):
        assert folder.up().status == 0
        shutil.rmtree(folder.path / ".obsctl")
        assert len(stack_processes(folder)) == len(COMPONENTS)
        assert (folder.up() if repair == "up" else folder.run("down")).status == 0
        assert sorted(stack_processes(folder)) == sorted(folder.pids().values())
        folder.ok("down")
        assert stack_processes(folder) == []


def test_down_keeps_data_and_volumes_removes_it(folder: Folder) -> None:
    assert folder.up().status == 0
    verified = folder.run("verify", "--json", "--only", "traces")
    trace_id = verified.data["trace_id"]
    folder.ok("down")
    assert stack_processes(folder) == []
    assert folder.up().status == 0
    assert trace_id in folder.ok("trace", trace_id, "--json").out
    folder.ok("down", "--volumes")
    assert list((folder.path / ".obsctl" / "data").iterdir()) == []
    assert folder.up().status == 0
    gone = folder.run("trace", trace_id)
    assert gone.status == 1
    assert "looked" in gone.err
