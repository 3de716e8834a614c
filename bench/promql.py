"""How long PromQL queries take, beside a real Prometheus when there is one (``OBSCTL_PROMETHEUS``, or on the path).

Both get the same samples: an hour of ``_SERIES`` counters, bucket series and gauges at 15 s, and one scrape of
``_MANY`` gauges. Prometheus is asked over loopback HTTP; the embedded server's API is asked in this process, over its
store on disk, so what a socket costs is not in its figures (well under a millisecond).
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from obsctl.embedded.prometheus import api as prometheus
from obsctl.embedded.records import Batch, SampleRecord
from obsctl.embedded.store.sqlite import SqliteStore
from tests.conformance import products
from tests.conformance.promql_differential import servers
from tests.conformance.promql_differential.dataset import Series
from tests.unit.embedded.memory_store import Api

_SERIES = 1_000
_MANY = 10_000
_STEP_MS = 15_000
_HOUR_MS = 3_600_000
_BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "2", "5", "10", "30", "+Inf")
_RUNS = 7
_RANGE = {
    "rate": "sum by (job) (rate(requests_total[5m]))",
    "rate_each": "rate(requests_total[5m])",
    "quantile": "histogram_quantile(0.9, sum by (le) (rate(seconds_bucket[5m])))",
    "topk": "topk(5, rate(requests_total[5m]))",
}
_INSTANT = {"instant_sum": "sum by (job) (gauge)", "instant_all": "gauge", "instant_topk": "topk(10, gauge)"}

Ask = Callable[[str, Mapping[str, Any]], httpx.Response]


def range_queries() -> dict[str, object]:
    """Milliseconds (median) of queries over ``_SERIES`` series and an hour in steps of 15 s."""
    end = time.time() // 15 * 15 - 60
    params = {"start": end - 3_600, "end": end, "step": 15}
    return _measured(_history(int(end) * 1000), "query_range", _RANGE, params)


def instant_queries() -> dict[str, object]:
    """Milliseconds (median) of queries over ``_MANY`` series at one time."""
    end = time.time() // 15 * 15 - 60
    gauges = [_gauge(number, int(end) * 1000) for number in range(_MANY)]
    return _measured(gauges, "query", _INSTANT, {"time": end})


def _history(end: int) -> list[Series]:
    chance = random.Random(1)
    found: list[Series] = []
    times = range(end - _HOUR_MS, end + 1, _STEP_MS)
    for number in range(_SERIES):
        labels = {"job": f"j{number % 10}", "instance": f"i{number}"}
        found.append((labels | {"__name__": "requests_total"}, _counter(times, chance, 10)))
        bound = number % len(_BOUNDS)
        name = {"__name__": "seconds_bucket", "le": _BOUNDS[bound], "instance": f"i{number // len(_BOUNDS)}"}
        found.append((name, _counter(times, chance, 2 + bound)))
    return found


def _counter(times: range, chance: random.Random, most: int) -> dict[int, float]:
    value, found = 0.0, {}
    for moment in times:
        value += chance.randrange(most)
        found[moment] = value
    return found


def _gauge(number: int, end: int) -> Series:
    labels = {"__name__": "gauge", "job": f"j{number % 10}", "instance": f"i{number}"}
    return labels, {end - 5_000: number * 1.5}


def _measured(
    series: list[Series], path: str, queries: Mapping[str, str], params: Mapping[str, Any]
) -> dict[str, object]:
    """Medians of both servers by query; ``x`` is how many times longer ours takes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(_embedded(folder / "ours", series))
        theirs = stack.enter_context(_prometheus(folder, series)) if products.prometheus_program() else None
        figures: dict[str, object] = {}
        for name, query in queries.items():
            asked = {**params, "query": query}
            mine = _milliseconds(ours, path, asked)
            figures[f"{name}_ms"] = mine
            if theirs:
                other = _milliseconds(theirs, path, asked)
                figures |= {f"{name}_prometheus_ms": other, f"{name}_x": round(mine / other, 1)}
        return figures


def _milliseconds(ask: Ask, path: str, params: Mapping[str, Any]) -> float:
    spent = []
    for _ in range(_RUNS):
        begun = time.perf_counter()
        answer = ask(path, params)
        spent.append(time.perf_counter() - begun)
        if answer.status_code != 200 or not answer.json()["data"]["result"]:
            raise SystemExit(f"{params['query']} has no answer: {answer.text[:500]}")
    return round(statistics.median(spent) * 1000, 1)


@contextmanager
def _embedded(folder: Path, series: list[Series]) -> Iterator[Ask]:
    store = SqliteStore(folder)
    try:
        for labels, points in series:
            key = tuple(sorted(labels.items()))
            batch = Batch(samples=[SampleRecord(key, moment, value) for moment, value in points.items()])
            store.submit(batch).result()
        api = Api(Starlette(routes=prometheus.routes(store, list)))
        yield lambda path, params: api.post(f"/api/v1/{path}", data=dict(params))
    finally:
        store.close()


@contextmanager
def _prometheus(folder: Path, series: list[Series]) -> Iterator[Ask]:
    with servers.prometheus(folder) as address, httpx.Client(trust_env=False, timeout=60) as session:
        servers.load(address, series)
        yield lambda path, params: session.post(f"{address}/api/v1/{path}", data=dict(params))
