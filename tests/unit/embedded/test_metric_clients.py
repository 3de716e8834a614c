"""Clients that other people wrote, unchanged against the embedded server's Prometheus API."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime

import pytest
from prometheus_api_client import PrometheusConnect

from obsctl.embedded.prometheus.write_requests import WriteRequest
from tests.required import missing

from .conftest import Embedded
from .test_receive_remote_write import add, post

STEP = 15


@pytest.fixture(scope="module")
def loaded(shared: Embedded) -> tuple[Embedded, int]:
    """A server with a counter of two instances over five minutes; the time (s) of the newest sample."""
    end = int(time.time()) // STEP * STEP
    request = WriteRequest()
    for instance in ("a", "b"):
        times = [end - STEP * back for back in range(20, -1, -1)]
        samples = [(moment * 1_000, float(index * 3)) for index, moment in enumerate(times)]
        add(request, {"__name__": "client_total", "instance": instance, "job": "clients"}, *samples)
    assert post(shared, request).status == 204
    return shared, end


def promtool(server: Embedded, *words: str) -> list[str]:
    """Lines that ``promtool query`` prints."""
    found = shutil.which("promtool")
    if found is None:
        missing("validators", "promtool is not on the path")
    verb, *options = words
    flags = [word for word in options if word.startswith("-")]
    rest = [word for word in options if not word.startswith("-")]
    command = [found, "query", verb, *flags, server.url("prometheus", ""), *rest]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.split("\n"))


def test_promtool_queries(loaded: tuple[Embedded, int]) -> None:
    server, end = loaded
    instant = promtool(server, "instant", f"--time={end}", "sum by (instance) (client_total)")
    assert [line for line in instant if line] == [f'{{instance="{name}"}} => 60 @[{end}]' for name in ("a", "b")]
    times = (f"--start={end - 30}", f"--end={end}", "--step=15s")
    lines = promtool(server, "range", *times, 'client_total{instance="a"}')
    assert [line for line in lines if "@" in line] == [
        f"{54 + 3 * index} @[{end - 30 + STEP * index}]" for index in range(3)
    ]
    series = promtool(server, "series", "--match=client_total")
    assert len([line for line in series if line]) == 2
    assert {"a", "b"} <= set(promtool(server, "labels", "instance"))


def test_promtool_shows_the_error_of_a_query(loaded: tuple[Embedded, int]) -> None:
    server, _ = loaded
    with pytest.raises(AssertionError, match="parse error"):
        promtool(server, "instant", "sum(")


def test_prometheus_api_client(loaded: tuple[Embedded, int], monkeypatch: pytest.MonkeyPatch) -> None:
    server, end = loaded
    monkeypatch.setenv("NO_PROXY", "*")
    client = PrometheusConnect(url=server.url("prometheus", ""), disable_ssl=True)
    assert client.check_prometheus_connection()
    assert "client_total" in client.all_metrics()
    current = client.get_current_metric_value("client_total", label_config={"instance": "a"}, params={"time": end})
    assert [one["value"] for one in current] == [[end, "60"]]
    moments = [datetime.fromtimestamp(moment, UTC) for moment in (end - 60, end)]
    ranged = client.custom_query_range("sum(client_total)", moments[0], moments[1], step="15s")
    assert [value for _, value in ranged[0]["values"]] == [str(96 + 6 * index) for index in range(5)]
    chunks = client.get_metric_range_data("client_total", {"job": "clients"}, moments[0], moments[1])
    assert sorted(len(one["values"]) for one in chunks) == [4, 4]
    assert "instance" in client.get_label_names()
    (rate,) = client.custom_query("sum(rate(client_total[2m]))", params={"time": end})
    assert float(rate["value"][1]) == pytest.approx(2 * 3 / STEP)
