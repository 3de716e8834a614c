"""Servers for the dialect suites: started once, asked by every test, for each implementation in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from obsctl.wait import Deadline, until
from tests.conformance.dialects.servers import IMPLEMENTATIONS, PATIENCE, Servers
from tests.conformance.dialects.target import Target, running_target


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    """What the servers scrape."""
    with running_target() as running:
        yield running


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every implementation of the dialect that a suite is about; with ``role``, of each of its dialects."""
    if "servers" not in metafunc.fixturenames:
        return
    able = [each for each in IMPLEMENTATIONS if each.to_the_letter or getattr(metafunc.module, "FOR_CLIENTS", False)]
    pairs = [(each, role) for role in metafunc.module.ROLES for each in able if role in each.roles]
    if "role" in metafunc.fixturenames:
        ids = [f"{each.name}-{role}" for each, role in pairs]
        metafunc.parametrize(("servers", "role"), pairs, ids=ids, indirect=["servers"], scope="package")
    else:
        servers = [each for each, _ in pairs]
        metafunc.parametrize("servers", servers, ids=[each.name for each in servers], indirect=True, scope="package")


@pytest.fixture(scope="package")
def servers(request, target, tmp_path_factory) -> Iterator[Servers]:
    """Running servers."""
    with request.param.start(target.url, tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="package")
def http() -> Iterator[httpx.Client]:
    """A client that minds no proxy."""
    with httpx.Client(trust_env=False, timeout=PATIENCE) as session:
        yield session


@pytest.fixture(scope="package")
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Ask until the answer is truthy, and give it; fails when it stays empty."""

    def ask(probe: Callable[[], Any]) -> Any:
        answer = until(probe, Deadline.after(PATIENCE))
        assert answer, "nothing arrived in time"
        return answer

    return ask
