"""Empty servers, one after the other: each is loaded and asked over its API and then thrown away."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from obsctl.wait import Deadline, until
from tests.conformance import products
from tests.conformance.promql_differential.remote_write import HEADERS
from tests.unit.embedded.conftest import make_config

PATIENCE = products.PATIENCE
_CONFIG = """
global: {evaluation_interval: 1m}
storage: {tsdb: {out_of_order_time_window: 1000d}}
"""


class Api:
    """One connection to a server: remote write, and queries."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def write(self, body: bytes) -> None:
        """Send samples, which all have to be taken."""
        status, text = self._sent("/api/v1/write", body, HEADERS)
        assert status in (200, 204), text

    def query(self, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The answer of ``query`` or ``query_range``."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        _, text = self._sent(f"/api/v1/{path}", urlencode(parameters).encode(), form)
        answer: dict[str, Any] = json.loads(text)
        return answer

    def ready(self) -> bool:
        """Whether the server answers by now."""
        try:
            self._connection.request("GET", "/-/ready")
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
        return response.status == 200

    def _sent(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()


Server = Callable[[], AbstractContextManager[Api]]
"""Starts an empty server."""


@contextmanager
def embedded() -> Iterator[Server]:
    """Starts embedded servers, each with a data folder of its own."""
    command = [sys.executable, "-W", "error", "-m", "tests.conformance.promql_published.forks"]
    lock = threading.Lock()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as forks:
        assert forks.stdin
        assert forks.stdout

        def started(config: Path) -> int:
            with lock:
                forks.stdin.write(f"{config}\n")
                forks.stdin.flush()
                return int(forks.stdout.readline())

        try:
            yield lambda: _embedded(started)
        finally:
            forks.stdin.close()
            forks.wait(PATIENCE)


@contextmanager
def _embedded(started: Callable[[Path], int]) -> Iterator[Api]:
    with tempfile.TemporaryDirectory(prefix="obsctl-published-", ignore_cleanup_errors=True) as folder:
        config = make_config(Path(folder))
        file = Path(folder) / "config.json"
        file.write_text(json.dumps(config))
        process = started(file)
        api = Api(f"http://{config['listen']['prometheus']}")
        try:
            assert until(api.ready, Deadline.after(PATIENCE), interval=0.01), "the server does not answer"
            yield api
        finally:
            api.close()
            os.kill(process, signal.SIGKILL)  # nothing of it is kept


@contextmanager
def prometheus(*features: str) -> Iterator[Server]:
    """Starts real ones that take samples of any age."""

    @contextmanager
    def started() -> Iterator[Api]:
        flags = ["--web.enable-remote-write-receiver", f"--enable-feature={','.join(features)}"]
        with (
            tempfile.TemporaryDirectory(prefix="obsctl-published-") as folder,
            products.prometheus(Path(folder), _CONFIG, *flags) as address,
        ):
            api = Api(address)
            yield api
            api.close()

    yield started
