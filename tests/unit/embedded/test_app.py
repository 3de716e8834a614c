"""The program: configuration, start, health, stop."""

from __future__ import annotations

import copy
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from obsctl.embedded.config import load, parse
from obsctl.embedded.prometheus.exposition import Parser
from obsctl.embedded.self_metrics import SelfMetric, SelfMetrics
from obsctl.errors import UsageError

from .conftest import ROLES, Embedded, ask, make_config
from .test_receive_http import PROTOBUF, trace_request

HTTP_ROLES = ROLES[1:]


def run(folder: Path, config: Any) -> tuple[int, str]:
    """Exit status and standard error of a server that should not start."""
    file = folder / "config.json"
    file.write_text(config if isinstance(config, str) else json.dumps(config))
    command = [sys.executable, "-m", "obsctl.embedded", "--config", file]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("role", HTTP_ROLES)
def test_every_port_says_how_it_is(shared: Embedded, role: str) -> None:
    for path in ("/-/ready", "/-/healthy", "/ready"):
        answer = shared.get(role, path)
        assert (answer.status, answer.body) == (200, b"ready\n")
    answer = shared.get(role, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = Parser(lambda labels: tuple(sorted(labels.items()))).parse(answer.body.decode(), openmetrics=False)
    families = {dict(labels)["__name__"] for labels in found.samples}
    assert {"obsctl_items_received_total", "obsctl_store_queue_items", "obsctl_store_bytes"} <= families
    assert families <= found.families.keys()


def test_each_port_serves_its_own_api_only(shared: Embedded) -> None:
    paths = {"prometheus": "/api/v1/labels", "loki": "/loki/api/v1/labels", "jaeger": "/api/services"}
    for role in paths:
        statuses = {other: shared.get(role, path).status for other, path in paths.items()}
        assert {other for other, status in statuses.items() if status == 200} == {role}


def test_a_stopped_server_ends_well_and_keeps_its_data(embedded: Callable[..., Embedded]) -> None:
    server = embedded()
    request = trace_request()
    trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
    assert ask("POST", server.url("otlp_http", "/v1/traces"), request.SerializeToString(), PROTOBUF).status == 200
    assert server.stop() == (0, "")
    server.start()
    assert server.get("jaeger", f"/api/traces/{trace_id}").status == 200


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize("role", ["otlp_grpc", "loki"])
def test_a_port_that_is_taken_is_named(tmp_path: Path, role: str) -> None:
    config = make_config(tmp_path)
    host, _, port = config["listen"][role].rpartition(":")
    with socket.create_server((host, int(port))):
        status, errors = run(tmp_path, config)
    assert (status, errors) == (3, f"{host}:{port} ({role}) is taken by another process.\n")


def test_a_data_folder_in_use_is_named(shared: Embedded, tmp_path: Path) -> None:
    status, errors = run(tmp_path, make_config(tmp_path, data_dir=shared.config["data_dir"]))
    assert status == 3
    assert "is in use by another server. Stop that one first: `obsctl down`." in errors


@pytest.mark.usefixtures("starts_programs")
def test_a_broken_database_is_named(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    Path(config["data_dir"]).mkdir()
    (Path(config["data_dir"]) / "telemetry.db").write_text("not a database, whatever its name may say" * 100)
    status, errors = run(tmp_path, config)
    assert status == 3
    assert "telemetry.db cannot be used as a database: file is not a database." in errors
    assert "obsctl down --volumes" in errors
    assert "Traceback" not in errors


@pytest.mark.usefixtures("starts_programs")
def test_a_bad_configuration_is_one_sentence(tmp_path: Path) -> None:
    assert run(tmp_path, make_config(tmp_path) | {"extra": 1})[0] == 2
    status, errors = run(tmp_path, "{")
    assert status == 2
    assert len(errors.splitlines()) == 1
    assert "is not JSON" in errors


_ABSENT = object()
TARGET = {"job": "a", "url": "http://x", "labels": {}}
BAD = [
    ("data_dir", "relative", "data_dir must be an absolute path, not 'relative'"),
    ("data_dir", _ABSENT, "data_dir is missing"),
    ("data_dir", 5, "data_dir must be a non-empty string, not 5"),
    ("listen", [], "listen must be an object, not a list"),
    ("listen.loki", _ABSENT, "listen.loki is missing"),
    ("listen.tempo", "127.0.0.1:3200", "unknown key listen.tempo; known here: alerts, jaeger, loki"),
    ("listen.loki", "127.0.0.1", "listen.loki must be host:port with a port from 1 to 65535, not '127.0.0.1'"),
    ("listen.loki", "127.0.0.1:0", "with a port from 1 to 65535"),
    ("listen.loki", "127.0.0.1:65536", "with a port from 1 to 65535"),
    ("listen.loki", "127.0.0.1:\u0663", "with a port from 1 to 65535"),
    ("listen.loki", "0.0.0.0:3100", "listen.loki says 0.0.0.0:3100, which other machines reach; give access.token"),
    ("listen.loki", "example.org:3100", "must be an IP address and a port"),
    ("listen.loki", "127.0.0.1:9999", "listen.jaeger and listen.loki both say 127.0.0.1:9999"),
    ("scrape.interval_seconds", "2s", 'scrape.interval_seconds must be a number from 0.05 to 86400, not "2s"'),
    ("scrape.interval_seconds", True, "must be a number from 0.05 to 86400, not true"),
    ("scrape.timeout_seconds", 0, "must be a number from 0.05 to 3600, not 0"),
    ("scrape.targets", {}, "scrape.targets must be a list, not an object"),
    ("scrape.targets", ["x"], 'scrape.targets[0] must be an object, not "x"'),
    ("scrape.targets", [{"job": "a", "url": "ftp://x/", "labels": {}}], "targets[0].url must be an http:// or"),
    ("scrape.targets", [{"job": "a", "url": "http://x:99999", "labels": {}}], "must be an http:// or https:// URL"),
    ("scrape.targets", [{"job": "a", "url": "http://x", "labels": {"a": 1}}], "labels must be an object of strings"),
    ("scrape.targets", [{**TARGET, "honor_labels": 1}], "targets[0].honor_labels must be true or false, not 1"),
    ("scrape.targets", [{**TARGET, "sample_limit": -1}], "targets[0].sample_limit must be a whole number from 0"),
    ("scrape.targets", [{"job": "a", "url": "http://x", "labels": {}}] * 2, "names http://x twice for job 'a'"),
    ("log_files", [{"path": "x.log", "labels": {}}], "log_files[0].path must be an absolute path or glob, not 'x.log'"),
    ("log_fields.labels", [1], "log_fields.labels must be a list of non-empty strings"),
    ("scrub.attributes", "x", 'scrub.attributes must be a list, not "x"'),
    ("scrub.patterns", {"p": "("}, "scrub.patterns.p is not a regular expression: missing )"),
    ("scrub.patterns", {"p": "x*"}, "scrub.patterns.p matches the empty string, so it would mask every value"),
    ("retention.age_seconds", 0, "retention.age_seconds must be a number from 1 to"),
    ("retention.size_bytes", 2.5, "retention.size_bytes must be a whole number from 1048576 to"),
    ("limits.body_bytes", -1, "limits.body_bytes must be a whole number from 1024 to"),
    ("activate", [{"listen": "0.0.0.0:3000", "command": []}], "activate[0].listen says 0.0.0.0:3000, which other"),
    ("pages", 65536, "pages must be a whole number from 0 to 65535, not 65536"),
    ("limits.queue_items", None, "limits.queue_items must be a whole number from 1 to 100000000, not null"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "says"), BAD)
def test_mistakes_in_the_configuration_are_named(tmp_path: Path, key: str, value: Any, says: str) -> None:
    config = copy.deepcopy(make_config(tmp_path))
    config["listen"]["jaeger"] = "127.0.0.1:9999"
    *path, last = key.split(".")
    place = config
    for part in path:
        place = place[part]
    if value is _ABSENT:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(UsageError) as caught:
        parse(config)
    assert says in caught.value.message


@pytest.mark.parametrize("left_out", ["jaeger", "traceql"])
def test_one_api_for_traces_is_enough(tmp_path: Path, left_out: str) -> None:
    config = make_config(tmp_path)
    del config["listen"][left_out]
    assert set(parse(config).listen) == set(ROLES) - {left_out}


def test_without_an_api_for_traces_there_is_none(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    del config["listen"]["jaeger"], config["listen"]["traceql"]
    with pytest.raises(UsageError, match=r"listen\.jaeger is missing"):
        parse(config)


@pytest.mark.parametrize("document", [None, [], "x", 5])
def test_a_configuration_that_is_no_object(document: Any) -> None:
    with pytest.raises(UsageError, match="the configuration must be an object"):
        parse(document)


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the configuration .*: No such file or directory"):
        load(str(tmp_path / "none.json"))


def test_own_metrics_escape_and_group() -> None:
    metrics = SelfMetrics()
    family = SelfMetric("x_total", "counter", "Help.", ("who",))
    metrics.add(family, 1, 'a"b\\c\n')
    metrics.add(family, 1.5, "z")
    metrics.add(family, 1, "z")
    metrics.gauge(SelfMetric("g", "gauge", "Now."), lambda: 0.5)
    assert metrics.expose() == (
        "# HELP g Now.\n# TYPE g gauge\ng 0.5\n"
        '# HELP x_total Help.\n# TYPE x_total counter\nx_total{who="a\\"b\\\\c\\n"} 1\nx_total{who="z"} 2.5\n'
    )
