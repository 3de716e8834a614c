"""The stand-ins understand what obsctl renders. What they serve is proven by the end-to-end run itself."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from obsctl.ops.render import render

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("stack")
    render(folder, folder / "deploy", preset=None, check=False, force=False)
    return (folder / "deploy" / "alloy" / "config.alloy").read_text()


@pytest.fixture(scope="module")
def alloy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("alloy_standin", HERE / "alloy" / "serve.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_it_reads_the_rendered_configuration(alloy: ModuleType, rendered: str) -> None:
    plan = alloy.read_plan(rendered)
    assert plan.targets["/var/log/sample/worker.log"]["service_name"] == "worker"
    assert all("__path__" not in labels for labels in plan.targets.values())
    assert plan.labels == ("level",)
    assert plan.metadata == ("trace_id", "span_id", "request_id")
    assert plan.url == "http://loki:3100/loki/api/v1/push"
    assert len(plan.masks) == rendered.count("stage.replace {") > 0


def test_a_line_is_masked_and_its_ids_are_kept_beside_it(alloy: ModuleType, rendered: str) -> None:
    plan = alloy.read_plan(rendered)
    fields = {
        "timestamp": "2026-11-24T15:30:46.448412Z",
        "level": "info",
        "trace_id": "5b8a",
        "span_id": "",
        "to": "robin@example.com",
    }
    stream, (time, line, metadata) = alloy.entry(plan, json.dumps(fields), {"service_name": "api"})
    assert stream == {"service_name": "api", "level": "info"}
    assert time == "1795534246448412000"
    assert json.loads(line)["to"] == "****"
    assert metadata == {"trace_id": "5b8a"}


def test_a_line_that_is_not_json_stays_as_it_is(alloy: ModuleType, rendered: str) -> None:
    plan = alloy.read_plan(rendered)
    stream, (_, line, metadata) = alloy.entry(plan, "Traceback: [1, 2", {"service_name": "api"})
    assert (stream, line, metadata) == ({"service_name": "api"}, "Traceback: [1, 2", {})


def test_only_whole_new_lines_are_read_and_a_new_file_from_its_start(alloy: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    positions: dict[str, list[int]] = {}
    log.write_text("one\ntw")
    assert list(alloy.new_lines(str(log), positions)) == ["one"]
    log.write_text("one\ntwo\n")
    assert list(alloy.new_lines(str(log), positions)) == ["two"]
    log.rename(tmp_path / "a.log.1")
    log.write_text("three\n")
    assert list(alloy.new_lines(str(log), positions)) == ["three"]
    log.unlink()
    assert list(alloy.new_lines(str(log), positions)) == []
