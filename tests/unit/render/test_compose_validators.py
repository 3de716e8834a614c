"""The products' own validators on the golden files. Who does not have one skips it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from obsctl.spec.presets import preset_names
from tests.required import missing
from tests.unit.render.stacks import GOLDEN, default_stack, files, rendered

every_preset = pytest.mark.parametrize("preset", preset_names())


def tool(name: str) -> str:
    return shutil.which(name) or missing("validators", f"{name} is not installed")


def checked(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@every_preset
def test_prometheus_takes_its_configuration(preset: str) -> None:
    checked(tool("promtool"), "check", "config", "prometheus.yml", cwd=GOLDEN / preset / "prometheus")


@every_preset
def test_alertmanager_takes_its_configuration(preset: str, tmp_path: Path) -> None:
    texts = files(rendered(default_stack(preset=preset, alerting=True)))
    (tmp_path / "alertmanager.yml").write_text(texts["alertmanager/alertmanager.yml"])
    checked(tool("amtool"), "check-config", "alertmanager.yml", cwd=tmp_path)


@every_preset
def test_compose_takes_the_compose_file(preset: str) -> None:
    """Asked for its reading of the file, since one wrapper of it that is around ends with 0 whatever happens."""
    told = checked(tool("docker-compose"), "config", "--format", "json", cwd=GOLDEN / preset)
    services = json.loads(told)["services"]
    assert set(services) == {c.name for c in rendered(default_stack(preset=preset)).containers}
    assert all(p["host_ip"] == "127.0.0.1" for s in services.values() for p in s.get("ports", ()))
