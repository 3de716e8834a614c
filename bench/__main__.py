"""``make bench``: prints each figure as it is measured. ``python -m bench NAME…`` measures only those."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping

from bench import docker, ingest, logs, metrics, pages, promql, traces, verbs

FIGURES: Mapping[str, Callable[[], Mapping[str, object]]] = {
    "help": verbs.help_time,
    "up": verbs.up_time,
    "verify": verbs.verify_time,
    "verify-second": verbs.second_verify_time,
    "ingest": ingest.otlp_spans_per_second,
    "queryable": ingest.span_to_queryable,
    "trace-100k": lambda: ingest.trace_by_id(100_000),
    "trace-1m": lambda: ingest.trace_by_id(1_000_000),
    "search-1m": traces.search,
    "logs": logs.search,
    "remote-write": metrics.remote_write,
    "pages": pages.pages,
    "docker": docker.beside_compose,
    "promql-range": promql.range_queries,
    "promql-instant": promql.instant_queries,
}


def main(names: list[str]) -> int:
    """Measure the named figures, or all."""
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        print(f"no figure {', '.join(unknown)}; there are {', '.join(FIGURES)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    for name in names or FIGURES:
        figures = ", ".join(f"{key} {value}" for key, value in FIGURES[name]().items())
        print(f"{name:<12} {figures}", flush=True)
    return 0


sys.exit(main(sys.argv[1:]))
