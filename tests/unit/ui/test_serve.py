"""When a server that belongs to a parent ends: with the parent, and when nobody asks any more."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PROGRAM = """
import socket, sys
from starlette.responses import PlainTextResponse
from obsctl.ui.serve import PageServer
listener = socket.socket(fileno=int(sys.argv[1]))
PageServer(PlainTextResponse("here")).run(listener, lambda: print("ready", flush=True), idle=float(sys.argv[2]))
"""


@contextmanager
def owned(idle: float) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-c", PROGRAM, str(listener.fileno()), str(idle)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[listener.fileno()]
        ) as process:
            try:
                assert process.stdout
                assert process.stdout.readline() == b"ready\n"
                yield process, listener.getsockname()[1]
            finally:
                process.kill()


def ask(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/")
    body = connection.getresponse().read()
    connection.close()
    return body


@pytest.mark.usefixtures("starts_programs")
def test_it_ends_with_its_parent() -> None:
    with owned(900.0) as (process, port):
        assert ask(port) == b"here"
        assert process.poll() is None
        assert process.stdin
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.usefixtures("starts_programs")
def test_it_ends_when_nobody_asks_any_more() -> None:
    with owned(0.5) as (process, _):
        assert process.wait(30) == 0
