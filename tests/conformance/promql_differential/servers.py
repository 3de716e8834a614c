"""Who is asked: a real Prometheus, and the embedded server. Both are addresses; both take the same remote writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.conformance import products
from tests.conformance.promql_differential.dataset import Series
from tests.conformance.promql_differential.remote_write import HEADERS, requests

PATIENCE = products.PATIENCE


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """A Prometheus without data that takes remote writes; gives its address."""
    features = "promql-experimental-functions,otlp-deltatocumulative"  # limitk and limit_ratio; delta metrics by OTLP
    flags = ("--web.enable-remote-write-receiver", "--web.enable-otlp-receiver", f"--enable-feature={features}")
    config = "global: {evaluation_interval: 1m}\notlp: {promote_scope_metadata: true}\n"
    with products.prometheus(folder, config, *flags) as address:
        yield address


def load(address: str, series: Sequence[Series]) -> None:
    """Write samples to a server."""
    with httpx.Client(trust_env=False, timeout=PATIENCE) as session:
        for body in requests(series):
            answer = session.post(f"{address}/api/v1/write", content=body, headers=HEADERS)
            assert answer.status_code in (200, 204), answer.text
