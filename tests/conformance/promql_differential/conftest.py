"""Both servers, loaded with the same remote writes: started once for the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="session")
def theirs(tmp_path_factory) -> Iterator[Ask]:
    """A real Prometheus 3. Without one there is nothing to compare with."""
    if products.prometheus_program() is None:
        missing("prometheus", f"no Prometheus 3; {products.HINT}")
    with servers.prometheus(tmp_path_factory.mktemp("prometheus")) as address:
        servers.load(address, dataset.series(BASE))
        yield from _asked(address)


@pytest.fixture(scope="session")
def ours(tmp_path_factory) -> Iterator[Ask]:
    """The embedded server, a process of its own that gets the same remote writes."""
    folder = tmp_path_factory.mktemp("embedded")
    server = Embedded(folder, make_config(folder))
    try:
        address = server.url("prometheus", "")
        servers.load(address, dataset.series(BASE))
        yield from _asked(address)
    finally:
        server.stop()


def _asked(address: str) -> Iterator[Ask]:
    with httpx.Client(trust_env=False, timeout=servers.PATIENCE, base_url=f"{address}/api/v1/") as session:
        yield lambda path, params: session.post(path, data=params).json()
