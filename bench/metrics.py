"""What storing samples costs, beside a real Prometheus when there is one: rate by remote write, memory, bytes on disk.

Both get the same requests over loopback HTTP, one after the other from one client: ``_SERIES`` series for an hour at
15 s, half of them counters and half gauges with three decimals.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import httpx
from cramjam import snappy

from bench.ingest import Server, embedded_server
from obsctl.embedded.prometheus.write_requests import Label, WriteRequest
from obsctl.wait import Deadline, until
from tests.conformance import products
from tests.conformance.promql_differential.remote_write import HEADERS

_SERIES = 2_000
_STEP_MS = 15_000
_STEPS = 240
_ROW_BYTES = 20
"""Of a sample in the journal, where the newest are."""


def remote_write() -> dict[str, object]:
    """Samples a second, megabytes resident afterwards, and bytes on disk of a sample once it is packed."""
    bodies = list(_bodies())
    with embedded_server() as server:
        rate = _written(f"http://127.0.0.1:{server.ports['prometheus']}", bodies)
        figures: dict[str, object] = {"samples_per_second": rate, "megabytes": round(server.rss_megabytes, 1)}
        figures["bytes_per_sample"] = _packed_bytes(server)
    return figures | (_prometheus(bodies) if products.prometheus_program() else {})


def _bodies() -> Iterator[bytes]:
    """One request for each scrape."""
    chance = random.Random(1)
    values = [0.0] * _SERIES
    labels = [_packed(number) for number in range(_SERIES)]
    end = int(time.time()) // 15 * 15_000
    for moment in range(end - (_STEPS - 1) * _STEP_MS, end + 1, _STEP_MS):
        request = WriteRequest()
        for number in range(_SERIES):
            values[number] = values[number] + chance.randrange(10) if number % 2 else round(chance.uniform(0, 9), 3)
            series = request.timeseries.add(labels=labels[number])
            series.samples.add(timestamp=moment, value=values[number])
        yield bytes(snappy.compress_raw(request.SerializeToString()))


def _packed(number: int) -> list[bytes]:
    name = ("bench_load", "bench_total")[number % 2] + str(number % 20)
    pairs = {"__name__": name, "instance": f"i{number // 20}", "job": "bench", "zone": f"z{number % 3}"}
    return [Label(name=name, value=value).SerializeToString() for name, value in pairs.items()]


def _written(address: str, bodies: Sequence[bytes]) -> int:
    with httpx.Client(trust_env=False, timeout=60) as session:
        begun = time.perf_counter()
        for body in bodies:
            answer = session.post(f"{address}/api/v1/write", content=body, headers=HEADERS)
            if answer.status_code != 204:
                raise SystemExit(f"samples were refused: {answer.status_code} {answer.text[:300]}")
        return round(_SERIES * len(bodies) / (time.perf_counter() - begun))


def _packed_bytes(server: Server) -> float:
    """Bytes of pages by the samples in them, once there are some."""

    def packed() -> float | None:
        with closing(sqlite3.connect(server.database)) as file:
            size, journal = file.execute(
                """SELECT (SELECT sum(length(data) + length(members)) FROM pages),
                          (SELECT sum(length(data)) FROM journal)"""
            ).fetchone()
        return round(size / (_SERIES * _STEPS - (journal or 0) / _ROW_BYTES), 2) if size else None

    found = until(packed, Deadline.after(30), interval=0.2)
    if found is None:
        raise SystemExit("no samples were packed")
    return found


def _prometheus(bodies: Sequence[bytes]) -> dict[str, object]:
    flags = ("--web.enable-remote-write-receiver", "--web.enable-admin-api")
    with tempfile.TemporaryDirectory() as folder:
        with products.prometheus(Path(folder), "global: {}\n", *flags) as address:
            rate = _written(address, bodies)
            metrics = httpx.get(f"{address}/metrics", trust_env=False).text.splitlines()
            resident = next(line for line in metrics if line.startswith("process_resident_memory_bytes "))
            httpx.post(f"{address}/api/v1/admin/tsdb/snapshot", trust_env=False, timeout=60).raise_for_status()
        chunks = Path(folder, "data", "snapshots").rglob("chunks/*")
        size = sum(file.stat().st_size for file in chunks) / (_SERIES * _STEPS)
    return {
        "prometheus_samples_per_second": rate,
        "prometheus_megabytes": round(float(resident.split()[1]) / (1 << 20), 1),
        "prometheus_bytes_per_sample": round(size, 2),
    }
