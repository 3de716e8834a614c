#!/usr/bin/env python3
"""In Qdrant's place: its client library's local mode, behind the paths of the server's API that the sample uses.

It keeps collections in the server's folder, compares vectors one by one, and knows no cluster, no gRPC and no keys.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel, ValidationError
from qdrant_client import QdrantClient, models

PORT = 6333
FOLDER = "/qdrant/storage/local"
MOST_BYTES = 32 << 20
Answer = Callable[[QdrantClient, str, dict[str, Any]], Any]


def collections(client: QdrantClient, _name: str, _body: dict[str, Any]) -> Any:
    """All of them."""
    return client.get_collections()


def exists(client: QdrantClient, name: str, _body: dict[str, Any]) -> Any:
    """Whether there is one of that name."""
    return {"exists": client.collection_exists(name)}


def create(client: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    """A collection of vectors of one kind."""
    wanted = models.CreateCollection.model_validate(body)
    return client.create_collection(name, vectors_config=wanted.vectors)


def upsert(client: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    """Points, in place of earlier ones of the same ids."""
    return client.upsert(name, points=models.PointsList.model_validate(body).points)


def query(client: QdrantClient, name: str, body: dict[str, Any]) -> Any:
    """The points nearest to a vector."""
    wanted = models.QueryRequest.model_validate(body)
    return client.query_points(
        name,
        query=wanted.query,
        query_filter=wanted.filter,
        limit=wanted.limit or 10,
        with_payload=wanted.with_payload or False,
        with_vectors=wanted.with_vector or False,
    )


ROUTES: tuple[tuple[str, str, Answer], ...] = (
    ("GET", r"/collections", collections),
    ("GET", r"/collections/(?P<name>[^/]+)/exists", exists),
    ("PUT", r"/collections/(?P<name>[^/]+)", create),
    ("PUT", r"/collections/(?P<name>[^/]+)/points", upsert),
    ("POST", r"/collections/(?P<name>[^/]+)/points/query", query),
)


class Server(ThreadingHTTPServer):
    """The store, which takes one call at a time, and those who ask."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("0.0.0.0", PORT), Asking)
        self.client = QdrantClient(path=FOLDER, force_disable_check_same_thread=True)
        self.lock = threading.Lock()


class Asking(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if self.path in ("/readyz", "/livez", "/healthz"):
            self._answer(200, b"all shards are ready")
        else:
            self._route()

    def do_PUT(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def _route(self) -> None:
        began = time.monotonic()
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, MOST_BYTES))
        path = self.path.partition("?")[0]
        for method, pattern, answer in ROUTES:
            if method == self.command and (found := re.fullmatch(pattern, path)):
                status, result = self._ask(answer, found.groupdict().get("name", ""), body)
                word = "ok" if status == 200 else {"error": result}
                whole = {"result": result if status == 200 else None, "status": word, "time": time.monotonic() - began}
                self._answer(status, json.dumps(whole).encode())
                return
        self._answer(404, b'{"status": {"error": "not served by this stand-in"}, "time": 0}')

    def _ask(self, answer: Answer, name: str, body: bytes) -> tuple[int, Any]:
        try:
            with self.server.lock:
                result = answer(self.server.client, name, json.loads(body or b"{}"))
        except ValidationError as error:
            return 422, str(error)
        except ValueError as error:  # of the local mode: no such collection, one that exists, another size
            return 404 if "not found" in str(error) else 409 if "exists" in str(error) else 400, str(error)
        return 200, result.model_dump(mode="json") if isinstance(result, BaseModel) else result

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if body.startswith(b"{") else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """No line for every request."""


def main() -> int:
    """Serve until SIGTERM."""
    server = Server()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"serving {PORT}", flush=True)
    server.serve_forever()
    server.client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
