"""Both servers, loaded with the same samples: started once for the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from obsctl.embedded.signals import Batch, SampleRecord
from obsctl.embedded.store.sqlite import SqliteStore
from tests.conformance.promql_differential import dataset, servers
from tests.required import missing
from tests.unit.embedded import memory_store

BASE = 1_700_000_000 // 3_600 * 3_600_000
"""The first sample, in milliseconds."""

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Asks an endpoint of the query API, with parameters; gives the answer as JSON."""


@pytest.fixture(scope="session")
def theirs(tmp_path_factory) -> Iterator[Ask]:
    """A real Prometheus 3. Without one there is nothing to compare with."""
    if servers.binary() is None:
        missing("prometheus", f"no Prometheus 3: neither {servers.VARIABLE} nor the path names one")
    with (
        servers.prometheus(tmp_path_factory.mktemp("prometheus")) as address,
        httpx.Client(trust_env=False, timeout=servers.PATIENCE, base_url=f"{address}/api/v1/") as session,
    ):
        servers.load(address, dataset.series(BASE))
        yield lambda path, params: session.post(path, data=params).json()


@pytest.fixture(scope="session")
def ours(tmp_path_factory) -> Iterator[Ask]:
    """The embedded server's API and store, in this process."""
    store = SqliteStore(tmp_path_factory.mktemp("store"))
    try:
        for labels, points in dataset.series(BASE):
            key = tuple(sorted(labels.items()))
            store.submit(Batch(samples=[SampleRecord(key, time, value) for time, value in points.items()])).result()
        api = memory_store.client(store)
        yield lambda path, params: api.post(f"/api/v1/{path}", data=params).json()
    finally:
        store.close()
