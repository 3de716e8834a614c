"""Both servers, loaded with the same remote writes: started once for the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conformance import products
from tests.conformance.promql_differential import dataset, servers
from tests.required import missing
from tests.unit.embedded.conftest import Embedded, make_config

BASE = 1_700_000_000 // 3_600 * 3_600_000
"""The first sample, in milliseconds."""

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Asks an endpoint of the query API, with parameters; gives the answer as JSON."""


@dataclass(frozen=True)
class Server:
    """Where a server takes queries, and OTLP metrics."""

    address: str
    otlp: str


@pytest.fixture(scope="session")
def their_server(tmp_path_factory) -> Iterator[Server]:
    """A real Prometheus 3. Without one there is nothing to compare with."""
    if products.prometheus_program() is None:
        missing("prometheus", f"no Prometheus 3; {products.HINT}")
    with servers.prometheus(tmp_path_factory.mktemp("prometheus")) as address:
        servers.load(address, dataset.series(BASE))
        yield Server(address, f"{address}/api/v1/otlp/v1/metrics")


@pytest.fixture(scope="session")
def our_server(tmp_path_factory) -> Iterator[Server]:
    """The embedded server, a process of its own that gets the same remote writes."""
    folder = tmp_path_factory.mktemp("embedded")
    server = Embedded(folder, make_config(folder))
    try:
        address = server.url("prometheus", "")
        servers.load(address, dataset.series(BASE))
        yield Server(address, server.url("otlp_http", "/v1/metrics"))
    finally:
        server.stop()


@pytest.fixture(scope="session")
def theirs(their_server: Server) -> Iterator[Ask]:
    """Asks Prometheus."""
    yield from _asked(their_server)


@pytest.fixture(scope="session")
def ours(our_server: Server) -> Iterator[Ask]:
    """Asks the embedded server."""
    yield from _asked(our_server)


def _asked(server: Server) -> Iterator[Ask]:
    base = f"{server.address}/api/v1/"
    with httpx.Client(trust_env=False, timeout=servers.PATIENCE, base_url=base) as session:
        yield lambda path, params: session.post(path, data=params).json()
