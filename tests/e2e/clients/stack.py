"""The embedded stack that the clients send to, as ``obsctl up`` starts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import Folder, free_offset


@dataclass(frozen=True)
class Stack:
    """Where its ports are."""

    offset: int

    @property
    def ports(self) -> frozenset[int]:
        """Those that clients send to."""
        return frozenset(port + self.offset for port in (4317, 4318, 9090, 3100))

    def url(self, port: int) -> str:
        """Of the service that has this port without an offset."""
        return f"http://127.0.0.1:{port + self.offset}"

    @property
    def env(self) -> Mapping[str, str]:
        """What the programs read."""
        return {
            "MATRIX_GRPC": f"127.0.0.1:{4317 + self.offset}",
            "MATRIX_HTTP": self.url(4318),
            "MATRIX_PROMETHEUS": self.url(9090),
            "MATRIX_LOKI": self.url(3100),
        }


@contextmanager
def running(folder: Path, offset: int | None = None) -> Iterator[Stack]:
    """A stack in an empty folder; everything is stopped and removed at the end."""
    home = Folder(folder, free_offset() if offset is None else offset)
    done = home.up()
    try:
        assert done.status == 0, done
        yield Stack(home.offset)
    finally:
        home.run("down", "--volumes")
