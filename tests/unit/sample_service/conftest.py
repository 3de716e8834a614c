from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.sample_service.collector import Collector, collecting
from tests.unit.sample_service.processes import Stack, stack


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="session")
def sample(starts_programs: None, tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    """The whole sample, with faults enabled, sending its spans to ``collector``."""
    folder = tmp_path_factory.mktemp("sample")
    with stack(folder, SAMPLE_FAULTS="1", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as running:
        running.start("redis", "api", "worker", "ai")
        yield running
