"""How long searching a million log lines takes: through the HTTP API of a server process, once its blocks are made."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from urllib.parse import urlencode

from bench.ingest import Server, closing_connection, embedded_server
from bench.traces import milliseconds, wait_for_index

_STORED = 1_000_000
_BATCH = 5_000
_STREAMS = 20
_SPACING_NS = 3_600_000
"""Time between two lines: all of them together are an hour."""


def search(stored: int = _STORED) -> dict[str, object]:
    """Milliseconds of queries over an hour of lines, and how long the blocks took to catch up after the last line."""
    chance = random.Random(1)
    with embedded_server() as server, ExitStack() as stack:
        end = time.time_ns()
        start = end - stored * _SPACING_NS
        began = time.perf_counter()
        wanted = _load(server, stack, stored, start, chance)
        loaded = time.perf_counter()
        wait_for_index(server, "lines", "line_blocks")
        indexed = time.perf_counter()
        queries = _queries(wanted, start, end)
        figures = {f"{name}_ms": milliseconds(server, stack, "loki", path) for name, path in queries.items()}
        return {
            "lines": stored,
            "load_s": round(loaded - began, 1),
            "index_s": round(indexed - loaded, 1),
            **figures,
            "resident_mb": round(server.rss_megabytes),
            "disk_bytes_per_line": round(server.disk_bytes / stored),
        }


def _load(server: Server, stack: ExitStack, stored: int, start: int, chance: random.Random) -> Mapping[str, str]:
    """Push the lines; the fields of one in the middle."""
    connection = closing_connection(stack, server.connect("loki"))
    wanted: Mapping[str, str] = {}
    for first in range(0, stored, _BATCH):
        fields = [_fields(chance) for _ in range(_BATCH)]
        if first <= stored // 2:
            wanted = fields[0]
        body = json.dumps({"streams": list(_streams(fields, start + first * _SPACING_NS))})
        connection.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        if answer.status != 204:
            raise RuntimeError(f"push: {answer.status} {told[:200]!r}")
    return wanted


def _fields(chance: random.Random) -> dict[str, str]:
    status = "500" if not chance.randrange(500) else "200"
    return {
        "level": "error" if status == "500" else "info",
        "message": f"GET /matches/{chance.randrange(1_000_000)}",
        "status": status,
        "trace_id": f"{chance.getrandbits(128):032x}",
        "request_id": f"{chance.getrandbits(64):016x}",
        "duration": f"{chance.randrange(2_000)}ms",
    }


def _streams(lines: list[dict[str, str]], start: int) -> Iterator[dict[str, object]]:
    for number in range(_STREAMS):
        values = [
            [str(start + index * _SPACING_NS), json.dumps(fields), {"job_id": fields["request_id"][:8]}]
            for index, fields in enumerate(lines)
            if index % _STREAMS == number
        ]
        yield {"stream": {"service_name": f"service-{number % 5}", "instance": f"i{number}"}, "values": values}


def _queries(wanted: Mapping[str, str], start: int, end: int) -> Mapping[str, str]:
    """Paths by name: selective ones over all lines, and metrics over the last minutes."""
    every, one = '{service_name=~".+"}', '{service_name="service-1"}'
    recent = end - 60 * 10**9

    def asked(query: str, begin: int = start, **more: object) -> str:
        return f"/loki/api/v1/query_range?{urlencode({'query': query, 'start': begin, 'end': end, **more})}"

    return {
        "text": asked(f'{every} |= "{wanted["trace_id"]}"'),
        "text_one_service": asked(f'{one} |= "{wanted["request_id"]}" | json'),
        "metadata": asked(f'{every} | job_id="{wanted["request_id"][:8]}"'),
        "nowhere": asked(f'{every} |= "no such text"'),
        "newest_errors": asked(f'{every} |= "\\"status\\": \\"500\\"" | json | duration > 1s', limit=100),
        "newest_100": asked(every, limit=100),
        "rate_1m": asked(f"sum by (service_name) (rate({every}[1m]))", recent, step=15),
        "labels": f"/loki/api/v1/labels?{urlencode({'start': start, 'end': end})}",
    }
