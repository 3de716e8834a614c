"""What the dialect suites run on: addresses of running servers, however they were started.

A suite knows addresses only, and says by ``ROLES`` which dialects it asks for. ``IMPLEMENTATIONS`` lists who can serve
which: the embedded server all of them, each real product its own. Those that scrape are given ``target`` to scrape as
job ``conformance``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from obsctl.backends.victoriametrics import VICTORIAMETRICS
from obsctl.backends.victoriatraces import VICTORIATRACES
from obsctl.endpoints import Feature
from obsctl.wait import Deadline, until
from tests.conformance import products
from tests.conformance.products import free_ports
from tests.required import missing

PATIENCE = 20.0
ROLES = ("otlp_grpc", "otlp_http", "prometheus", "loki", "jaeger", "traceql")
READY = {"prometheus": "/-/ready", "loki": "/ready", "jaeger": "/api/services", "traceql": "/ready"}
JOB = "conformance"


@dataclass(frozen=True)
class Servers:
    """Base URLs, without a trailing slash, of servers that are ready; "" for what is not served.

    ``jaeger_release`` is the release of Jaeger that it is, or claims to be like; ``without`` what its description says
    that it leaves out.
    """

    otlp_http: str = ""
    prometheus: str = ""
    loki: str = ""
    jaeger: str = ""
    traceql: str = ""
    jaeger_release: tuple[int, int] = (2, 20)
    without: tuple[Feature, ...] = ()


@contextmanager
def embedded(target: str, folder: Path) -> Iterator[Servers]:
    """The embedded server as a process of its own, with its data in ``folder``."""
    addresses = {role: f"127.0.0.1:{port}" for role, port in zip(ROLES, free_ports(len(ROLES)), strict=True)}
    config = {
        "data_dir": str(folder / "data"),
        "listen": addresses,
        "scrape": {
            "interval_seconds": 0.2,
            "timeout_seconds": 2.0,
            "targets": [{"job": JOB, "url": target, "labels": {"zone": "test"}}],
        },
        "log_files": [],
        "log_fields": {"labels": [], "metadata": []},
        "scrub": {"attributes": [], "patterns": {}},
        "retention": {"age_seconds": 86_400, "size_bytes": 1 << 30},
        "limits": {"body_bytes": 1 << 24, "queue_items": 100_000},
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    with (folder / "stderr").open("w+") as stderr:
        process = subprocess.Popen([sys.executable, "-m", "obsctl.embedded", "--config", str(path)], stderr=stderr)
        try:
            for role, probe in READY.items():
                url = f"http://{addresses[role]}{probe}"
                until(lambda url=url: products.answers(url) or process.poll() is not None, Deadline.after(PATIENCE))
            assert process.poll() is None, (folder / "stderr").read_text()
            yield Servers(**{role: f"http://{addresses[role]}" for role in ROLES if role != "otlp_grpc"})
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[Servers]:
    """A real Prometheus."""
    if not products.prometheus_program():
        missing("prometheus", f"no Prometheus 3; {products.HINT}")
    with products.prometheus(folder, _scrape_config(target), "--enable-feature=exemplar-storage") as address:
        yield Servers(prometheus=address)


def _scrape_config(target: str) -> str:
    """What has a server that reads Prometheus' configuration scrape the target."""
    url = httpx.URL(target)
    config = {
        "scrape_configs": [
            {
                "job_name": JOB,
                "scrape_interval": "200ms",
                "scrape_timeout": "200ms",
                "metrics_path": url.path,
                "static_configs": [{"targets": [url.netloc.decode()], "labels": {"zone": "test"}}],
            }
        ]
    }
    return json.dumps(config)


@contextmanager
def victoriametrics(target: str, folder: Path) -> Iterator[Servers]:
    """A real VictoriaMetrics."""
    if not products.victoriametrics_program():
        missing("victoriametrics", f"no VictoriaMetrics; {products.HINT}")
    (served,) = VICTORIAMETRICS.serves
    with products.victoriametrics(folder, _scrape_config(target)) as address:
        yield Servers(prometheus=address, without=served.without)


@contextmanager
def jaeger(target: str, folder: Path) -> Iterator[Servers]:
    """A real Jaeger."""
    if not products.jaeger_program():
        missing("jaeger", f"no Jaeger 2; {products.HINT}")
    with products.jaeger(folder) as addresses:
        yield Servers(addresses["otlp"], jaeger=addresses["query"], jaeger_release=products.jaeger_release())


@contextmanager
def victoriatraces(target: str, folder: Path) -> Iterator[Servers]:
    """A real VictoriaTraces, at the paths that its description says."""
    if not products.victoriatraces_program():
        missing(
            "victoriatraces", "no VictoriaTraces; build it from its repository and name it in OBSCTL_VICTORIATRACES"
        )
    (served,), (accepted,) = VICTORIATRACES.serves, VICTORIATRACES.accepts
    with products.victoriatraces(folder) as address:
        yield Servers(f"{address}{accepted.path}", jaeger=f"{address}{served.path}", without=served.without)


@dataclass(frozen=True)
class Implementation:
    """Who serves dialects: ``roles`` are fields of ``Servers``.

    One that does not serve them ``to_the_letter`` takes part where a suite is ``FOR_CLIENTS``: it asks what our own
    readers ask, which is less than all of an API.
    """

    roles: frozenset[str]
    start: Callable[[str, Path], AbstractContextManager[Servers]]
    to_the_letter: bool = True

    @property
    def name(self) -> str:
        """As tests are called by it."""
        return self.start.__name__


IMPLEMENTATIONS = (
    Implementation(frozenset(ROLES), embedded),
    Implementation(frozenset({"prometheus"}), prometheus),
    Implementation(frozenset({"prometheus"}), victoriametrics, to_the_letter=False),
    Implementation(frozenset({"jaeger", "otlp_http"}), jaeger),
    Implementation(frozenset({"jaeger", "otlp_http"}), victoriatraces, to_the_letter=False),
)
