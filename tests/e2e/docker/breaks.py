"""Things that break: an engine that goes away, and registries that refuse, answer half, or limit."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import socket
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Cable:
    """A socket in front of an engine's, which can be cut: at a path, or at a port of an address."""

    def __init__(self, engine: str, place: Path | str) -> None:
        self._engine, self._path = engine, place if isinstance(place, Path) else None
        self._ends: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX if self._path else socket.AF_INET)
        self._listener.bind(str(place) if self._path else (place, 0))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        if self._path:
            return f"unix://{self._path}"
        host, port = self._listener.getsockname()
        return f"tcp://{host}:{port}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                self._ends += [near, far]
                far.connect(self._engine)
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """From now on nobody answers, and who was talking is cut off."""
        if self._path:
            self._path.unlink(missing_ok=True)
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@dataclass
class Registry:
    """An image registry with one image, ``any/box``. ``behave`` may answer a path itself: status, body."""

    behave: Callable[[str], tuple[int, bytes] | None] = lambda _path: None
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifest: bytes = b""
    port: int = 0

    def add(self, layers: int = 3) -> None:
        """Make the image of layers that do not compress."""
        packed = [_layer(f"{uuid.uuid4()}") for _ in range(layers)]
        tars = [f"sha256:{hashlib.sha256(gzip.decompress(p)).hexdigest()}" for p in packed]
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": tars}})
        parts = [self._keep(p, "application/vnd.docker.image.rootfs.diff.tar.gzip") for p in packed]
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": self._keep(config.encode(), "application/vnd.docker.container.image.v1+json"),
                "layers": parts,
            }
        ).encode()

    def _keep(self, data: bytes, kind: str) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return {"mediaType": kind, "size": len(data), "digest": digest}

    def answer(self, path: str) -> tuple[int, bytes]:
        own = self.behave(path)
        if own:
            return own
        if path.endswith("/v2/"):
            return 200, b"{}"
        if "/manifests/" in path and "/any/box/" in path:
            return 200, self.manifest
        digest = path.rpartition("/")[2]
        return (
            (200, self.blobs[digest])
            if digest in self.blobs
            else (404, refusal("MANIFEST_UNKNOWN", "manifest unknown"))
        )


def refusal(code: str, message: str) -> bytes:
    """An error as registries say it."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def _layer(word: str) -> bytes:
    """A file that no engine has yet."""
    data = b"".join(hashlib.sha256(f"{word} {i}".encode()).digest() for i in range(8192))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        entry = tarfile.TarInfo("noise")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@contextlib.contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """The registry on a port of its own, which engines on this machine trust without TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = registry.answer(self.path)
            self.send_response(status)
            kind = (
                "application/vnd.docker.distribution.manifest.v2+json"
                if "/manifests/" in self.path
                else "application/json"
            )
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.end_headers()
            if self.command == "GET":
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
