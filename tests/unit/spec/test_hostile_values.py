"""Whatever `check` accepts a stack can start with: each key of the spec with hostile values that may be valid."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obsctl.embedded.config import parse
from obsctl.errors import SpecError
from obsctl.render.compose import compose
from obsctl.render.stack import embedded
from obsctl.schema.records import RecordType
from obsctl.schema.reference import mappings
from obsctl.spec.presets import load_preset
from obsctl.spec.stack import Stack
from obsctl.spec.stack_load import StackFile, load_stack_file

from .good import write

TLS = {"ca_file": "ca.pem", "cert_file": "me.pem", "key_file": "me.key", "server_name": "shop", "insecure": False}
REMOTE: dict[str, Any] = {"url": "https://metrics.example/prometheus", "lag": "5s", "tls": TLS}
FILE_KEYS: dict[str, Any] = {
    "version": 1,
    "name": "shop",
    "runtime": "embedded",
    "bind": "127.0.0.1",
    "port_offset": 0,
    "ports": {"loki": 3100},
    "scrape_interval": "2s",
    "retention": {"age": "24h", "size": "2GiB"},
    "alerts_url": "http://127.0.0.1:9094",
    "span_metrics": True,
    "remote": {
        "metrics": {**REMOTE, "auth": {"basic": {"user": "me", "password": "${file:password}"}}},
        "logs": {**REMOTE, "auth": {"bearer": "${file:token}"}},
        "traces": {**REMOTE, "api": "tempo", "auth": {"headers": {"X-Scope-OrgID": "shop"}}},
        "alerts": {"url": "http://127.0.0.1:9"},
        "dashboards": {"url": "http://127.0.0.1:9"},
        "deployed": True,
    },
    "access": {"hosts": ["lab.example"], "origins": ["https://*.shop.example"], "token": "${file:token}"},
    "containers": {
        "preset": "current",
        "metrics": "prometheus",
        "logs": "loki",
        "traces": "jaeger",
        "shipper": "alloy",
        "alerting": True,
        "dashboards": True,
        "images": {"loki": "grafana/loki:3.7.6"},
        "registry": "mirror.example.com/hub",
        "platform": "linux/arm64",
        "log_ids": "metadata",
        "debug": False,
    },
    "check": {
        "rules": ["rules/*.yml"],
        "dashboards": ["boards/*.json"],
        "scrape": ["pages/*.txt"],
        "external": ["node_*"],
        "labels": ["cluster"],
        "suppress": [{"id": "rules.*", "target": "x", "reason": "known"}],
    },
}
COMPONENT: dict[str, Any] = {
    "name": "web",
    "url": "http://127.0.0.1:5000",
    "metrics": "/metrics",
    "ready": "/readyz",
    "logs": "logs/*.log",
    "tls": TLS,
    "auth": {
        "basic": {"user": "me", "password": "${file:password}"},
        "headers": {"X-Key": "${file:key}", "X-Tenant": "blue"},
    },
}
STEP: dict[str, Any] = {
    "id": "order",
    "method": "POST",
    "route": "/orders",
    "body": {"item": "{nonce}"},
    "headers": {"X-A": "b"},
    "expect": 201,
    "capture": {"order_id": "id"},
    "until": {"state": "paid"},
    "rises": [{"metric": "orders_total", "labels": {"kind": "book"}, "by": 1}],
}
OTHER_STEPS: list[dict[str, Any]] = [
    {"id": "form", "method": "POST", "route": "/orders", "form": {"item": "a"}, "expect": 201},
    {"id": "parts", "method": "POST", "route": "/orders", "multipart": {"item": "a"}, "expect": 201},
    {"id": "read", "method": "GET", "route": "/orders/{order_id}", "params": {"order_id": "7"}, "query": {"page": 1}},
    {
        "id": "call",
        "method": "POST",
        "route": "/shop.Orders/Place",
        "grpc": {"url": "http://127.0.0.1:50051", "descriptor": "orders.binpb", "code": "NOT_FOUND"},
    },
]
SCRAPE: dict[str, Any] = {
    "follow_redirects": True,
    "honor_labels": False,
    "honor_timestamps": True,
    "sample_limit": 5000,
    "label_limit": 30,
    "label_name_length_limit": 100,
    "label_value_length_limit": 100,
}
SERVICE = {
    "name": "shop",
    "contract": "contract.yaml",
    "components": [COMPONENT],
    "scrape": SCRAPE,
    "drive": [STEP, *OTHER_STEPS],
    "verify": {"lag": {"metrics": "20s", "traces": "2s", "logs": "5s"}},
}
OTHER = {"name": "billing", "url": "http://127.0.0.1:5001", "auth": {"bearer": "${file:token}"}}
DOCUMENT = {**FILE_KEYS, "services": [{**SERVICE, "components": [COMPONENT, OTHER]}]}
LEFT_OUT = {"services[].run", "ports", "containers.images"}
"""Keys that exclude others here, and mappings whose keys are all of one kind."""

TEXTS = (
    *(
        "",
        " ",
        "a b",
        " a",
        "a ",
        "a:b",
        "a: b",
        "- a",
        "ü",
        "größe.log",
        "日本",
        "é😀",
        "[x]",
        "[",
        "]",
        "{x}",
        "{",
        "}",
    ),
    *('"', "'", '"x"', "`", "$", "$X", "${X}", "$$", "@{x}", "%41", "%", "\\", "\\n", "#", "a #b", "&a", "*a", "!t"),
    *("|", ">", "?", "~", "null", "yes", "1e3", "0x1", "1:2", "2001-01-01", "<<", "=", ",", ";", "//", "..", "../x"),
    *("/", "~/x", "**", "{{x}}", "{{", "#if x", "#end", "x" * 300, "y" * 4000, "\u2028", "\u00a0", "\ufeff", "\x7f"),
    *("\x85", "a\tb", "a\nb"),
)
NUMBERS = (0, 1, -1, 2, 65535, 65536, 10**9, 2**31, 2**63, 10**20, 0.1, 1e308)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list):
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, step))
    else:
        yield path


LEAVES = [path for path in leaves(DOCUMENT) if path != ("version",)]


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def variants(valid: Any) -> st.SearchStrategy[Any]:
    """Hostile values, and the valid one with something hostile in it."""
    if isinstance(valid, bool):
        return st.booleans()
    if not isinstance(valid, str):
        return st.sampled_from(NUMBERS)
    inside = st.tuples(st.sampled_from(TEXTS), st.integers(0, len(valid)))
    mixed = inside.map(lambda pair: valid[: pair[1]] + pair[0] + valid[pair[1] :])
    return st.sampled_from(TEXTS) | mixed | mixed


def accepted(folder: Path, document: dict[str, Any]) -> Stack | None:
    (folder / "obsctl.yaml").write_text(json.dumps(document), encoding="utf-8")
    try:
        return load_stack_file(folder / "obsctl.yaml", folder)
    except SpecError:
        return None


def test_every_key_is_walked() -> None:
    shown = {"".join("[]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".") for path in LEAVES}
    missing = [
        key
        for mapping in mappings(RecordType(StackFile))
        for entry in mapping.keyed.keys
        if not LEFT_OUT & (keys := {f"{path}.{entry.name}".lstrip(".") for path in mapping.paths})
        if not LEFT_OUT & set(mapping.paths)
        if not any(one == key or one.startswith((f"{key}.", f"{key}[")) for one in shown for key in keys)
        for key in keys
    ]
    assert missing == ["version"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("a [b] ü: 'c' $d"))


def test_the_document_itself_is_accepted(folder: Path) -> None:
    (folder / "obsctl.yaml").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    assert load_stack_file(folder / "obsctl.yaml", folder)


@pytest.mark.parametrize("path", LEAVES, ids=lambda path: ".".join(map(str, path)))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_accepted_can_be_started(folder: Path, path: tuple[str | int, ...], data: st.DataObject) -> None:
    valid: Any = DOCUMENT
    for step in path:
        valid = valid[step]
    stack = accepted(folder, changed(path, data.draw(variants(valid))))
    if stack is None:
        return
    config, *rules = embedded(stack, version="1").processes[0].files
    parse(json.loads(config.text))
    assert all(json.loads(file.text) for file in rules)
    if data.draw(st.integers(0, 2)):
        return  # a stack of containers takes ten times as long
    try:
        composition = compose(stack, load_preset(stack.choices.preset), version="1")
    except SpecError:
        return
    for file in composition.files:
        if file.path.endswith((".yml", ".yaml")):
            list(yaml.safe_load_all(file.text))
        elif file.path.endswith(".json"):
            json.loads(file.text)


@pytest.mark.parametrize("text", TEXTS)
def test_prometheus_reads_what_is_rendered_for_it(folder: Path, tmp_path: Path, text: str) -> None:
    tool = shutil.which("promtool")
    document = copy.deepcopy(DOCUMENT)
    component = document["services"][0]["components"][0]
    component["metrics"], component["auth"]["headers"]["X-Tenant"] = f"/m{text}", text
    component["auth"]["basic"]["user"] = text
    stack = accepted(folder, document)
    if stack is None or tool is None:
        return
    found = {file.path: file.text for file in compose(stack, load_preset("current"), version="1").files}
    job = next(
        j for j in yaml.safe_load(found["prometheus/prometheus.yml"])["scrape_configs"] if j["job_name"] == "web"
    )
    assert job["metrics_path"] == f"/m{text}" or "%" in text
    assert job["basic_auth"]["username"] == text
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
    checked = subprocess.run(
        [tool, "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0 or "http_headers" in checked.stderr, checked.stderr
