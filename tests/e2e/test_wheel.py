"""The wheel holds all that is needed: built, installed into a clean venv, run from an empty folder elsewhere."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Folder, free_offset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """An empty folder with ``obsctl`` from a freshly built wheel."""
    work = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = (work / "dist").glob("*.whl")
    venv.create(work / "venv", with_pip=True)
    python = work / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), str(wheel)], check=True, timeout=300)
    (work / "empty").mkdir()
    home = Folder(work / "empty", free_offset(), (str(work / "venv" / "bin" / "obsctl"),), {"PYTHONPATH": ""})
    yield home
    home.run("down", "--volumes")


def test_the_main_job_from_the_wheel(installed: Folder) -> None:
    assert installed.up().status == 0
    verified = installed.run("verify")
    assert verified.status == 0, verified.out
    assert "POST /matches" in installed.ok("trace", "last").out
    installed.ok("down")


def test_init_from_the_wheel(installed: Folder) -> None:
    installed.ok("init", "project")
    assert (installed.path / "project" / "contract.yaml").exists()
