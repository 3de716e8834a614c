"""Real products as plain processes on free ports of the loopback interface, in memory or in a folder of the test's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from obsctl.wait import Deadline, until
from tests.e2e.images.build import program
from tests.required import missing

VARIABLE = "OBSCTL_PROMETHEUS"
HINT = "`python -m tests.e2e.images.build --binaries` makes them"
PATIENCE = 30.0
_JAEGER = Path(__file__).resolve().parents[1] / "golden" / "current" / "jaeger" / "config.yaml"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on: all are held until all are known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def prometheus_program() -> Path | None:
    """Prometheus 3: what the environment names, the one that was made for the tests, or the one on the path."""
    found = os.environ.get(VARIABLE) or program("prometheus", "prometheus") or shutil.which("prometheus")
    if not found:
        return None
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True, timeout=PATIENCE)
    return None if "version 2." in told.stdout + told.stderr else Path(found)


def promtool() -> str:
    """Prometheus 3's promtool: the one beside the server. Skips without it, and fails where it is required."""
    server = prometheus_program()
    found = server.with_name("promtool") if server else None
    if not found or not found.exists():
        missing("prometheus", f"no promtool 3 beside what {VARIABLE} names")
    return str(found)


def jaeger_program() -> Path | None:
    """Jaeger 2, as it was made for the tests."""
    return program("jaeger", "jaeger-linux")


def jaeger_release() -> tuple[int, int]:
    """Which Jaeger 2 was made: the newest release whose source the Go module proxy has."""
    found = jaeger_program()
    old = found and "@v1.76.0" in (found.parents[1] / "made.json").read_text()
    return (2, 13) if old else (2, 20)


def alertmanager_program() -> Path | None:
    """Alertmanager, any release with the API v2: the one that was made for the tests, or the one on the path."""
    found = program("alertmanager", "alertmanager") or shutil.which("prometheus-alertmanager")
    return Path(found) if found else None


@contextmanager
def alertmanager(folder: Path, config: str) -> Iterator[str]:
    """An Alertmanager with this configuration; gives its address."""
    (folder / "alertmanager.yml").write_text(config)
    (port,) = free_ports(1)
    command = [
        *(str(alertmanager_program()), f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="),
    ]
    with _running(command, f"http://127.0.0.1:{port}/-/ready", folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def prometheus(folder: Path, config: str, *flags: str) -> Iterator[str]:
    """A Prometheus with this configuration and no data; gives its address."""
    (folder / "prometheus.yml").write_text(config)
    (port,) = free_ports(1)
    command = [
        *(str(prometheus_program()), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--scrape.discovery-reload-interval=100ms", "--log.level=error"),
        *flags,
    ]
    with _running(command, f"http://127.0.0.1:{port}/-/ready", folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def jaeger(folder: Path) -> Iterator[Mapping[str, str]]:
    """A Jaeger with the configuration that is rendered for it, on other ports; where ``query`` and ``otlp`` are."""
    text = _JAEGER.read_text()
    names = {"query": "16686", "query-grpc": "16685", "health": "13133", "otlp-grpc": "4317", "otlp": "4318"}
    ports = dict(zip([*names, "metrics"], free_ports(len(names) + 1), strict=True))
    for name, port in names.items():
        assert f'"0.0.0.0:{port}"' in text, f"{_JAEGER} has no address for {name}"
        text = text.replace(f'"0.0.0.0:{port}"', f'"127.0.0.1:{ports[name]}"')
    text = text.replace("host: 0.0.0.0, port: 8888", f"host: 127.0.0.1, port: {ports['metrics']}")
    assert "0.0.0.0" not in text
    (folder / "jaeger.yaml").write_text(text)
    addresses = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    with _running(
        [str(jaeger_program()), f"--config={folder}/jaeger.yaml"], f"{addresses['query']}/api/services", folder
    ):
        yield addresses


def victoriametrics_program() -> Path | None:
    """VictoriaMetrics, as it was made for the tests."""
    return program("victoriametrics", "victoria-metrics-prod")


@contextmanager
def victoriametrics(folder: Path, config: str) -> Iterator[str]:
    """A VictoriaMetrics with this scrape configuration and no data; gives its address."""
    (folder / "scrape.yml").write_text(config)
    (port,) = free_ports(1)
    command = [
        *(str(victoriametrics_program()), f"-promscrape.config={folder}/scrape.yml", f"-storageDataPath={folder}/data"),
        *(f"-httpListenAddr=127.0.0.1:{port}", "-search.latencyOffset=0s", "-loggerLevel=ERROR"),
    ]
    with _running(command, f"http://127.0.0.1:{port}/health", folder):
        yield f"http://127.0.0.1:{port}"


def victoriatraces_program() -> Path | None:
    """VictoriaTraces: what the environment names, or the one on the path. No package registry has it."""
    found = os.environ.get("OBSCTL_VICTORIATRACES") or shutil.which("victoria-traces")
    return Path(found) if found else None


@contextmanager
def victoriatraces(folder: Path) -> Iterator[str]:
    """A VictoriaTraces without data; gives its address."""
    (port,) = free_ports(1)
    command = [
        *(str(victoriatraces_program()), f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}"),
        "-loggerLevel=ERROR",
    ]
    with _running(command, f"http://127.0.0.1:{port}/health", folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(command: Sequence[str], ready: str, folder: Path) -> Iterator[None]:
    """A process while it is needed, from when it answers."""
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder)
        try:
            until(lambda: answers(ready) or process.poll() is not None, Deadline.after(PATIENCE))
            assert process.poll() is None, (folder / "output").read_text()[-3000:]
            assert answers(ready), f"{command[0]} did not answer in {PATIENCE:g} s"
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)


def answers(url: str) -> bool:
    """Whether a server gives an answer of success."""
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
