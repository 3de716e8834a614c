"""How long connections to the stack's ports are open, as Linux tells it: one look at all of them every so often."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_LOOK_SECONDS = 0.25
_ESTABLISHED = "01"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


class Connections:
    """Of every process on this machine, by the inode of the client's socket. Safe to share between threads."""

    def __init__(self, ports: frozenset[int]) -> None:
        self._ports = ports
        self._seen: dict[str, tuple[float, float]] = {}
        self._done = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[Connections]:
        """Look for as long as this is open."""
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        try:
            yield self
        finally:
            self._done.set()
            watcher.join()

    def lasting(self, inodes: set[str], seconds: float) -> int:
        """How many of these sockets were open for so long."""
        times = [self._seen[inode] for inode in inodes if inode in self._seen]
        return sum(last - first >= seconds for first, last in times)

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            now = time.monotonic()
            for inode in self._established():
                self._seen[inode] = (self._seen.get(inode, (now, now))[0], now)

    def _established(self) -> Iterator[str]:
        for table in ("tcp", "tcp6"):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                _, _, remote, state, *rest = line.split()
                if state == _ESTABLISHED and int(remote.rpartition(":")[2], 16) in self._ports:
                    yield rest[5]


def sockets(pid: int) -> set[str]:
    """Inodes of the sockets of a process and its children now."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return set()
    return {inode for process in processes for inode in _own(process.pid)}


def _own(pid: int) -> Iterator[str]:
    try:
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return  # it ended, or closed one, meanwhile; the next look sees the rest
    for link in links:
        if found := _SOCKET.fullmatch(link):
            yield found[1]
