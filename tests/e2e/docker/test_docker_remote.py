"""An engine that cannot see this machine's files: they are copied, or it is refused; nothing is silently empty."""

from __future__ import annotations

import dataclasses
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from obsctl.errors import StartError
from obsctl.render.containers import Mount
from obsctl.runtime.docker.connection import Engine
from obsctl.runtime.docker.engine import find_engine
from obsctl.runtime.docker.file_volumes import shares_files
from obsctl.runtime.docker.project import project_of
from obsctl.wait import Deadline, until
from tests.e2e.docker.boxes import Lab, box, free_port, web
from tests.e2e.docker.breaks import Cable

READ = ("/bin/sh", "-c", "cat /etc/web/index.html /run/secrets/word; ls -ln /run/secrets /etc/web; exec sleep 1000")


@pytest.fixture
def remote(engine: Engine, tmp_path: Path) -> Iterator[Lab]:
    """The engine, as if it were on another machine: behind an address that is not loopback."""
    kind, _, path = engine.candidate.url.partition("://")
    if kind != "unix":
        pytest.skip("the engine is on another machine already")
    network = engine.client.create_network(f"obsctl-test-{uuid.uuid4().hex[:10]}")["Id"]
    try:
        gateway = engine.client.inspect_network(network)["IPAM"]["Config"][0]["Gateway"]
        cable = Cable(path, gateway)
        found = find_engine({"DOCKER_HOST": cable.url}, tmp_path)
        made = Lab(found, tmp_path)
        yield made
        made.wipe()
        found.client.close()
        cable.cut()
    finally:
        engine.client.remove_network(network)


def test_files_are_copied_to_an_engine_on_another_machine(remote: Lab) -> None:
    port, lab = free_port(), remote
    made = lab.write(web("front", port), box("reader", READ, secrets=("word",), **seen("reader")), bind="0.0.0.0")
    lab.runtime.apply(made, lab.events.append)
    url = lab.runtime.endpoints().all[0].url
    assert url == f"http://{lab.engine.host}:{port}"

    def page() -> str:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    assert until(page, Deadline.after(10)) == "hello\n"
    until(lambda: sum(line.startswith("-") for line in lab.runtime.exit_log("reader", 20)) == 2, Deadline.after(10))
    said = lab.runtime.exit_log("reader", 20)
    assert said[:2] == ["hello", "secret of word"]
    assert {line.split()[-1]: line.split()[:4] for line in said if line.startswith("-")} == {
        "word": ["-r--------", "1", "65534", "65534"],
        "index.html": ["-rw-r--r--", "1", "65534", "65534"],
    }


def seen(name: str) -> dict[str, object]:
    """A rendered file that a container sees."""
    front = web(name, 1)
    return {"mounts": front.mounts, "files": front.files}


def test_copies_are_not_made_again_and_old_ones_go(remote: Lab) -> None:
    port, lab = free_port(), remote

    def copies() -> list[str]:
        return [name for name in lab.left() if "_files-" in name]

    def up(text: str) -> tuple[str, ...]:
        return lab.runtime.apply(lab.write(web("front", port, text), bind="0.0.0.0"), lab.events.append)

    assert up("one") == ("front",)
    first = copies()
    assert len(first) == 1
    assert up("one") == ()
    assert copies() == first
    assert up("two") == ("front",)
    assert len(copies()) == 1
    assert copies() != first
    lab.down(volumes=False)
    assert lab.left() == []


def test_folders_that_change_are_refused(remote: Lab) -> None:
    follower = box("follower", mounts=(Mount("host", "../logs", "/logs"),))
    with pytest.raises(
        StartError, match=r"follower follows files in .*, which the engine at tcp://.* cannot see"
    ) as caught:
        remote.runtime.apply(remote.write(follower, bind="0.0.0.0"), remote.events.append)
    assert "shipper" in caught.value.hint
    assert remote.left() == []


def test_loopback_of_another_machine_is_refused(remote: Lab) -> None:
    with pytest.raises(StartError, match="cannot be reached from here") as caught:
        remote.up(web("front", free_port()))
    assert "bind" in caught.value.hint


def test_whether_an_engine_sees_the_files_is_asked(lab: Lab) -> None:
    made = lab.write(web("front", free_port()))
    here = project_of(made, lab.root)
    if not lab.engine.host:
        assert shares_files(lab.engine, here, "run")
    assert not shares_files(lab.engine, dataclasses.replace(here, root=Path("/nowhere/at/all")), "run")
    assert lab.left() == []
