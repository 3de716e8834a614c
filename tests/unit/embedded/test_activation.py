"""A port whose program is started by the first connection: by a real server, with a real program."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.embedded.conftest import Embedded, ask, eventually, free_ports

PROGRAM = """
import os, socket, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
listener = socket.socket(fileno=int(sys.argv[1]))
listener.setblocking(True)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        asked = connection.recv(65536)
        body = str(os.getpid()).encode()
        connection.sendall(b"HTTP/1.0 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body) + body)
    if b"/end" in asked:
        sys.exit(0)
"""
FAILS = "import sys; sys.exit('no such part')"


def activated(program: str) -> tuple[str, dict[str, Any]]:
    [port] = free_ports(1)
    entry = {"listen": f"127.0.0.1:{port}", "command": ["-c", program, "{fd}"]}
    return f"http://127.0.0.1:{port}", {"activate": [entry]}


@pytest.fixture
def served(embedded: Callable[..., Embedded]) -> tuple[Embedded, str]:
    url, changes = activated(PROGRAM)
    return embedded(**changes), url


def children(server: Embedded) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def pid_at(url: str, path: str = "/") -> int:
    return int(ask("GET", url + path).body)


def test_the_program_runs_from_the_first_connection_until_it_ends_and_then_again(served: tuple[Embedded, str]) -> None:
    server, url = served
    assert not children(server)
    first = pid_at(url)
    assert [child.pid for child in children(server)] == [first] == [pid_at(url)]
    assert pid_at(url, "/end") == first
    eventually(lambda: not children(server))
    assert pid_at(url) not in (first, server.process.pid)


def test_the_program_ends_with_the_server(served: tuple[Embedded, str]) -> None:
    server, url = served
    pid = pid_at(url)
    assert server.stop() == (0, "")
    assert not psutil.pid_exists(pid)
    with listening_at(url):
        pass  # the port is free at once


def test_the_program_ends_when_the_server_is_killed(served: tuple[Embedded, str]) -> None:
    server, url = served
    pid = pid_at(url)
    server.kill()
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_program_that_does_not_start_is_answered_with_a_sentence(embedded: Callable[..., Embedded]) -> None:
    url, changes = activated(FAILS)
    server = embedded(**changes)
    for _ in range(2):  # the next connection tries again
        answer = ask("GET", url)
        assert answer.status == 503
        assert b"did not start: it ended with status 1." in answer.body
    status, errors = server.stop()
    assert status == 0
    assert errors.count("no such part\n") == 2
    (server.folder / "errors.txt").write_text("")


def test_an_activated_port_that_is_taken_is_named(tmp_path: Path, embedded: Callable[..., Embedded]) -> None:
    url, changes = activated(PROGRAM)
    with listening_at(url), pytest.raises(AssertionError, match=r"activate\) is taken by another process"):
        embedded(**changes)
    os.truncate(tmp_path / "errors.txt", 0)


@contextmanager
def listening_at(url: str) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
        yield
