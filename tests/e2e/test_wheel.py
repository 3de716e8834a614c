"""The wheel holds all that is needed: built, installed into a clean venv, run from an empty folder elsewhere."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.e2e.conftest import Folder, free_offset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]


def required(by: Distribution) -> dict[str, Distribution]:
    """All that a distribution asks for, one by one, out of this environment: nothing that only developers have."""
    found: dict[str, Distribution] = {}
    todo = [(by, frozenset[str]())]
    while todo:
        own, extras = todo.pop()
        for requirement in map(Requirement, own.requires or ()):
            marker, name = requirement.marker, canonicalize_name(requirement.name)
            wanted = marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))
            if wanted and (requirement.extras or name not in found):
                found[name] = distribution(name)
                todo.append((found[name], frozenset(requirement.extras)))
    return found


def lent(own: Distribution, site: Path) -> None:
    """Put an installed distribution into another environment, by links to what its record names."""
    for top in {file.parts[0] for file in own.files or () if file.parts[0] != ".."}:
        link = site / top
        if not link.exists():
            link.symlink_to(Path(str(own.locate_file(top))))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """An empty folder with ``obsctl`` from a freshly built wheel, in an environment of nothing but what it asks for.

    That pip finds and installs the same distributions is what ``make setup`` has shown, with the same pins.
    """
    work = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = (work / "dist").glob("*.whl")
    venv.create(work / "venv", with_pip=False)
    python = work / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, timeout=300)
    (site,) = (work / "venv" / "lib").glob("python3*/site-packages")
    (wheels,) = distributions(name="obsctl", path=[str(site)])
    for own in required(wheels).values():
        lent(own, site)
    (work / "empty").mkdir()
    home = Folder(work / "empty", free_offset(), (str(work / "venv" / "bin" / "obsctl"),), {"PYTHONPATH": ""})
    yield home
    home.run("down", "--volumes")


def test_it_runs_from_the_wheel_and_without_what_developers_have(installed: Folder) -> None:
    python = str(Path(installed.command[0]).with_name("python"))
    ask = "import importlib.util as u, obsctl; print(obsctl.__file__, u.find_spec('pytest'), u.find_spec('hypothesis'))"
    told = subprocess.run([python, "-c", ask], cwd=installed.path, capture_output=True, text=True, check=True).stdout
    assert told.startswith(str(Path(python).parents[1]))
    assert told.split()[1:] == ["None", "None"]


def test_the_main_job_from_the_wheel(installed: Folder) -> None:
    assert installed.up().status == 0
    verified = installed.run("verify")
    assert verified.status == 0, verified.out
    assert "POST /matches" in installed.ok("trace", "last").out
    installed.ok("down")


def test_init_from_the_wheel(installed: Folder) -> None:
    installed.ok("init", "project")
    assert (installed.path / "project" / "contract.yaml").exists()
