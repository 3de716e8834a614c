"""Starts a program when somebody connects to its port, like socket activation of systemd; until then it costs nothing.

The server listens. With the first connection it starts the program, which inherits the socket, and looks away until the
program ends. The program writes a line to its standard output once it answers, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Sequence

START_SECONDS = 30.0
"""How long a program may take until it answers."""

_END_SECONDS = 2.0
_CHUNK = 4096
_READ_SECONDS = 2.0
_LONGEST_HEAD = 1 << 16
_DESCRIPTOR = "{fd}"


class Activation:
    """One port and its program: ``command`` are arguments of this Python, in which ``{fd}`` stands for the socket."""

    def __init__(self, listener: socket.socket, command: Sequence[str]) -> None:
        self._listener = listener
        listener.setblocking(False)
        self._command = [part.replace(_DESCRIPTOR, str(listener.fileno())) for part in command]
        self._running: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = False
        self._ended = False

    def watch(self) -> None:
        """Wait for a connection, in the loop that runs."""
        if not self._ended:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._connected)

    def end(self) -> None:
        """Start nothing any more, and ask the program to end."""
        self._ended = True
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        if self._process:
            self._process.terminate()

    async def ended(self) -> None:
        """Return when the program has gone; it is made to where it does not."""
        if self._running:
            _, stubborn = await asyncio.wait({self._running}, timeout=_END_SECONDS)
            if stubborn and self._process:
                self._process.kill()
                await self._running

    def _connected(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            problem = await self._program()
            if problem and not self._ended:
                sys.stderr.write(f"{self._command}: {problem}\n")
                await self._answer(problem)
        finally:
            self._process = None
            self.watch()

    async def _program(self) -> str:
        """Start the program and wait until it has ended; why it never answered, "" for one that did."""
        try:
            self._process = process = self._spawned()
        except OSError as error:
            return f"it cannot be started: {error.strerror}"
        with process:
            problem = await self._output(process)
            status = await asyncio.to_thread(process.wait)
        return problem or ("" if self._answered else f"it ended with status {status}")

    def _spawned(self) -> subprocess.Popen[bytes]:
        """The program. The loop would fork for it, and the handlers of gRPC for that write to the log."""
        return subprocess.Popen(
            [sys.executable, "-P", *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._listener.fileno()],
        )

    async def _output(self, process: subprocess.Popen[bytes]) -> str:
        """Read the output of the program to its end; it is ended where it says nothing for too long."""
        self._answered = False
        said = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), process.stdout)
        try:
            self._answered = bool(await asyncio.wait_for(said.read(_CHUNK), START_SECONDS))
            while await said.read(_CHUNK):
                pass
        except TimeoutError:
            process.kill()
            return f"it did not answer within {START_SECONDS:g} s"
        finally:
            pipe.close()
        return ""

    async def _answer(self, problem: str) -> None:
        """Answer everybody who waits with the problem."""
        waiting: list[socket.socket] = []
        with contextlib.suppress(OSError):
            while True:
                waiting.append(self._listener.accept()[0])
        await asyncio.gather(*(_say(connection, problem) for connection in waiting), return_exceptions=True)


async def _say(connection: socket.socket, problem: str) -> None:
    text = f"What answers here did not start: {problem}. The log of this server says why (`obsctl logs backend`).\n"
    head = (
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"x-content-type-options: nosniff\r\ncontent-length: {len(text.encode())}\r\nconnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(sock=connection, limit=_LONGEST_HEAD)
    try:
        # what is not read when the connection is closed makes the client lose the answer
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _READ_SECONDS)
        writer.write((head + text).encode())
        await writer.drain()
    finally:
        writer.close()
