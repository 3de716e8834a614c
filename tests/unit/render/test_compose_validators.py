"""The products' own validators on the rendered files. Who does not have one skips it.

Each preset is judged by the versions that it pins, as they were made for the end-to-end tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from obsctl.spec.presets import preset_names
from tests.conformance.products import HINT
from tests.e2e.images.build import program
from tests.required import missing
from tests.unit.render.stacks import default_stack, files, golden_stack, rendered

pytestmark = pytest.mark.usefixtures("starts_programs")

MADE = {
    ("promtool", "current"): "prometheus",
    ("promtool", "seed"): "seed-prometheus",
    ("amtool", "current"): "alertmanager",
    ("otelcol-contrib", "current"): "collector",
    ("otelcol", "seed"): "seed-collector",
    ("victoria-metrics-prod", "current"): "victoriametrics",
    ("vmalert-prod", "current"): "vmalert",
}
"""The tool for a preset -> the recipe that it comes with."""
COLLECTORS = {"current": "otelcol-contrib", "seed": "otelcol"}
every_preset = pytest.mark.parametrize("preset", preset_names())


def tool(name: str, preset: str = "") -> str:
    recipe = MADE.get((name, preset))
    found = program(recipe, name) if recipe else None
    return str(found or shutil.which(name) or missing("validators", f"{name} is not installed; {HINT}"))


def checked(*command: str, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@every_preset
def test_prometheus_takes_its_configuration(preset: str, tmp_path: Path) -> None:
    folder = golden_stack(preset, tmp_path / "deploy")
    checked(tool("promtool", preset), "check", "config", "prometheus.yml", cwd=folder / "prometheus")


@pytest.mark.parametrize("alerting", [True, False])
def test_victoriametrics_and_vmalert_take_their_configuration(alerting: bool, tmp_path: Path) -> None:
    made = rendered(default_stack(metrics="victoriametrics", alerting=alerting))
    for path, text in files(made).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    for name in ("victoria-metrics", "vmalert"):
        (wanted,) = (c for c in made.containers if c.name == name.replace("-", ""))
        command = (argument.replace("/etc/", f"{tmp_path}/") for argument in wanted.command)
        data = [f"-storageDataPath={tmp_path}/data"] if name == "victoria-metrics" else []
        checked(tool(f"{name}-prod", "current"), *command, *data, "-dryRun", cwd=tmp_path)


@every_preset
def test_alertmanager_takes_its_configuration(preset: str, tmp_path: Path) -> None:
    texts = files(rendered(default_stack(preset=preset, alerting=True)))
    (tmp_path / "alertmanager.yml").write_text(texts["alertmanager/alertmanager.yml"])
    checked(tool("amtool", preset), "check-config", "alertmanager.yml", cwd=tmp_path)


@every_preset
@pytest.mark.parametrize("choices", [{}, {"traces": "tempo"}, {"shipper": "none"}, {"debug": True}], ids=str)
def test_the_collector_takes_its_configuration(preset: str, choices: dict[str, Any], tmp_path: Path) -> None:
    made = rendered(default_stack(preset=preset, **choices))
    (tmp_path / "config.yaml").write_text(files(made)["collector/config.yaml"])
    (collector,) = (c for c in made.containers if c.name == "otel-collector")
    checked(
        tool(COLLECTORS[preset], preset),
        "validate",
        "--config=config.yaml",
        cwd=tmp_path,
        **dict(collector.environment),
    )


def test_the_collector_takes_the_statements_that_move_ids_of_log_records(tmp_path: Path) -> None:
    """Without the processor that groups by them: the collector that is made for the tests has it not."""
    made = rendered(default_stack(log_ids="labels"))
    text = files(made)["collector/config.yaml"]
    lines = [line for line in text.splitlines(keepends=True) if "groupbyattrs/ids" not in line]
    assert text.count("groupbyattrs/ids") == 2
    (tmp_path / "config.yaml").write_text("".join(lines))
    (collector,) = (c for c in made.containers if c.name == "otel-collector")
    command = (tool("otelcol-contrib", "current"), "validate", "--config=config.yaml")
    checked(*command, cwd=tmp_path, **dict(collector.environment))
    (tmp_path / "config.yaml").write_text("".join(lines).replace("log.span_id.string", "log.span_idea.string"))
    with pytest.raises(AssertionError, match="span_idea"):
        checked(*command, cwd=tmp_path, **dict(collector.environment))


@every_preset
def test_the_collectors_validator_minds_what_is_wrong(preset: str, tmp_path: Path) -> None:
    """Here a validator that says yes to everything would show."""
    made = rendered(default_stack(preset=preset))
    (tmp_path / "config.yaml").write_text(files(made)["collector/config.yaml"].replace("memory_limiter:", "limiter:"))
    with pytest.raises(AssertionError, match="limiter"):
        checked(tool(COLLECTORS[preset], preset), "validate", "--config=config.yaml", cwd=tmp_path)


@every_preset
def test_compose_takes_the_compose_file(preset: str, tmp_path: Path) -> None:
    """Asked for its reading of the file, since one wrapper of it that is around ends with 0 whatever happens."""
    folder = golden_stack(preset, tmp_path / "deploy")
    told = checked(tool("docker-compose"), "config", "--format", "json", cwd=folder)
    services = json.loads(told)["services"]
    assert set(services) == {c.name for c in rendered(default_stack(preset=preset)).containers}
    assert all(p["host_ip"] == "127.0.0.1" for s in services.values() for p in s.get("ports", ()))
