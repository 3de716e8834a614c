"""The stand-ins understand what obsctl renders. What they serve is proven by the end-to-end run itself."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from obsctl.ops.render import render

HERE = Path(__file__).parent


def loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shipper() -> ModuleType:
    """What both have in common; each finds it by this name."""
    return loaded("follow", HERE / "shipper" / "follow.py")


@pytest.fixture(scope="module")
def plans(shipper: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Shipper -> what its stand-in reads in the configuration that is rendered for it."""
    del shipper
    folder = tmp_path_factory.mktemp("stack")
    for preset in ("current", "seed"):
        render(folder, folder / preset, preset=preset, check=False, force=False)
    alloy = loaded("alloy_standin", HERE / "alloy" / "serve.py")
    promtail = loaded("promtail_standin", HERE / "promtail" / "serve.py")
    return {
        "alloy": alloy.read_plan((folder / "current" / "alloy" / "config.alloy").read_text()),
        "promtail": promtail.read_plan(yaml.safe_load((folder / "seed" / "promtail" / "config.yaml").read_text())),
    }


every = pytest.mark.parametrize("name", ["alloy", "promtail"])


@every
def test_it_reads_the_rendered_configuration(plans: dict[str, Any], name: str) -> None:
    plan = plans[name]
    assert plan.targets["/var/log/sample/worker.log"]["service_name"] == "worker"
    assert all("__path__" not in labels for labels in plan.targets.values())
    assert plan.labels == ("level",)
    assert plan.metadata == ("trace_id", "span_id", "request_id")
    assert plan.url == "http://loki:3100/loki/api/v1/push"
    assert [expression.pattern for expression, _ in plan.masks] == [e.pattern for e, _ in plans["alloy"].masks] != []


@every
def test_a_line_is_masked_and_its_ids_are_kept_beside_it(shipper: ModuleType, plans: dict[str, Any], name: str) -> None:
    plan = plans[name]
    fields = {
        "timestamp": "2026-11-24T15:30:46.448412Z",
        "level": "info",
        "trace_id": "5b8a",
        "span_id": "",
        "to": "robin@example.com",
    }
    stream, (time, line, metadata) = shipper.entry(plan, json.dumps(fields), {"service_name": "api"})
    assert stream == {"service_name": "api", "level": "info"}
    assert time == "1795534246448412000"
    assert json.loads(line)["to"] == "****"
    assert metadata == {"trace_id": "5b8a"}


@every
def test_a_line_that_is_not_json_stays_as_it_is(shipper: ModuleType, plans: dict[str, Any], name: str) -> None:
    plan = plans[name]
    stream, (_, line, metadata) = shipper.entry(plan, "Traceback: [1, 2", {"service_name": "api"})
    assert (stream, line, metadata) == ({"service_name": "api"}, "Traceback: [1, 2", {})


def test_only_whole_new_lines_are_read_and_a_new_file_from_its_start(shipper: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    positions: dict[str, list[int]] = {}
    log.write_text("one\ntw")
    assert list(shipper.new_lines(str(log), positions)) == ["one"]
    log.write_text("one\ntwo\n")
    assert list(shipper.new_lines(str(log), positions)) == ["two"]
    log.rename(tmp_path / "a.log.1")
    log.write_text("three\n")
    assert list(shipper.new_lines(str(log), positions)) == ["three"]
    log.unlink()
    assert list(shipper.new_lines(str(log), positions)) == []
