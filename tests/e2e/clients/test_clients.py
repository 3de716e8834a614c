"""The client matrix as it is run: everything that each client sends is read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.clients.catalogue import Client, load
from tests.e2e.clients.run import Result, run_all
from tests.e2e.clients.stack import running
from tests.required import missing

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
CLIENTS = load().clients


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Result]]:
    """All of them at once, as much of each run is its pause."""
    able = [client for client in CLIENTS if not client.lacks]
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield {result.client.name: result for result in run_all(able, stack)}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_everything_sent_is_read_back(client: Client, results: Mapping[str, Result]) -> None:
    if client.lacks:
        missing("clients", f"{client.title} needs {', '.join(client.lacks)}")
    result = results[client.name]
    assert not result.fault
    assert result.stored.keys() == set(client.cases)
    faults = {f"{case} {s}": c.fault for case, of in result.stored.items() for s, c in of.counts.items() if c.fault}
    assert not faults
    for case, stored in result.stored.items():
        assert set(stored.counts) == set(case.signals)


@pytest.mark.parametrize("client", [client for client in CLIENTS if client.keeps], ids=lambda client: client.name)
def test_connections_outlive_the_pause(client: Client, results: Mapping[str, Result]) -> None:
    if client.lacks:
        missing("clients", f"{client.title} needs {', '.join(client.lacks)}")
    assert results[client.name].connections >= len(client.cases)
