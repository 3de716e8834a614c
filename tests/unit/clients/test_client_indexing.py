"""What the embedded server says of how far its indexing is behind."""

from __future__ import annotations

import pytest

from obsctl.clients.indexing import IndexLag, index_lags
from obsctl.embedded.self_metrics import INDEX_ITEMS, INDEX_SECONDS, SelfMetrics
from obsctl.endpoints import Dialect, Endpoint, Role
from tests.unit.clients.canned import HTML, TEXT, Answer, serving


def test_it_is_read_from_the_servers_own_metrics():
    metrics = SelfMetrics()
    for signal, rows, seconds in (("traces", 350_000, 181.5), ("logs", 12, 0)):
        metrics.gauge(INDEX_ITEMS, lambda rows=rows: rows, signal)
        metrics.gauge(INDEX_SECONDS, lambda seconds=seconds: seconds, signal)
    with serving({"/metrics": Answer(metrics.expose(), headers=TEXT)}) as server:
        logs, traces = index_lags(Endpoint("logs", Role.LOGS, server.url, Dialect.LOGQL))
    assert (logs, logs.note) == (IndexLag("logs", 12, 0.0), "")
    assert traces == IndexLag("traces", 350_000, 181.5)
    assert traces.note.startswith("indexing of traces is behind by 350,000 records and 182 s; until it has caught up")


@pytest.mark.parametrize("answer", [Answer("no", 404), Answer("up 1\n", headers=TEXT), Answer("<html>", headers=HTML)])
def test_other_servers_do_not_say(answer):
    with serving({"/metrics": answer}) as server:
        assert index_lags(Endpoint("logs", Role.LOGS, server.url, Dialect.LOGQL)) == []
