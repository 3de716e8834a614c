"""The wheel holds all that is needed: built, installed into clean environments, run from an empty folder elsewhere."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.e2e.conftest import NO_ENGINE, Folder, free_offset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]


def required(by: Distribution, extra: str) -> dict[str, Distribution]:
    """All that a distribution and one of its extras ask for, one by one, out of this environment."""
    found: dict[str, Distribution] = {}
    todo = [(by, frozenset({extra}))]
    while todo:
        own, extras = todo.pop()
        for requirement in map(Requirement, own.requires or ()):
            marker, name = requirement.marker, canonicalize_name(requirement.name)
            if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                continue
            if name == canonicalize_name(by.name):
                todo.append((by, frozenset(requirement.extras)))
            elif requirement.extras or name not in found:
                found[name] = distribution(name)
                todo.append((found[name], frozenset(requirement.extras)))
    return found


def lent(own: Distribution, site: Path) -> None:
    """Put an installed distribution into another environment, by links to what its record names."""
    for top in {file.parts[0] for file in own.files or () if file.parts[0] != ".."}:
        link = site / top
        if not link.exists():
            link.symlink_to(Path(str(own.locate_file(top))))


def environment(wheel: Path, at: Path, extra: str) -> Path:
    """An environment of nothing but the wheel and what it and an extra ask for ("" for none); its ``obsctl``.

    That pip finds and installs the same distributions is what ``make setup`` has shown, with the same pins.
    """
    venv.create(at, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(at / "bin" / "python"), "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], check=True, timeout=300)
    (site,) = (at / "lib").glob("python3*/site-packages")
    (own,) = distributions(name="obsctl", path=[str(site)])
    for needed in required(own, extra).values():
        lent(needed, site)
    return at / "bin" / "obsctl"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """An empty folder with everything of ``obsctl`` from the wheel, and nothing that only developers have."""
    work = tmp_path_factory.mktemp("all")
    command = environment(wheel, work / "venv", "all")
    (work / "empty").mkdir()
    home = Folder(work / "empty", free_offset(), (str(command),), {"PYTHONPATH": "", "DOCKER_HOST": NO_ENGINE})
    yield home
    home.run("down", "--volumes")


@pytest.fixture(scope="module")
def base(wheel: Path, installed: Folder, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The same folder, with the ``obsctl`` of an environment without any extra."""
    command = environment(wheel, tmp_path_factory.mktemp("base") / "venv", "")
    return replace(installed, command=(str(command),))


def test_the_wheel_carries_the_pages_and_they_stay_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        pages = [one for one in archive.infolist() if one.filename.startswith("obsctl/ui/static/")]
    assert {"index.html", "icon.svg"} <= {Path(one.filename).name for one in pages}
    scripts = sum(one.file_size for one in pages if one.filename.endswith(".js.gz"))
    assert 0 < scripts <= 680_000
    assert sum(one.compress_size for one in pages) <= 2_500_000


def test_it_runs_from_the_wheel_and_without_what_developers_have(installed: Folder) -> None:
    python = str(Path(installed.command[0]).with_name("python"))
    ask = "import importlib.util as u, obsctl; print(obsctl.__file__, u.find_spec('pytest'), u.find_spec('hypothesis'))"
    told = subprocess.run([python, "-c", ask], cwd=installed.path, capture_output=True, text=True, check=True).stdout
    assert told.startswith(str(Path(python).parents[1]))
    assert told.split()[1:] == ["None", "None"]


def test_the_main_job_from_the_wheel_and_from_the_base_alone(installed: Folder, base: Folder) -> None:
    """What runs needs its extras; what looks at it does not."""
    assert installed.up().status == 0
    for folder in (installed, base):
        verified = folder.run("verify")
        assert verified.status == 0, verified.out
        assert "POST /matches" in folder.ok("trace", "last").out
    base.ok("check", "--no-rule-tests")
    base.ok("status")
    refused = base.run("restart", "api")
    assert (refused.status, refused.err.count("\n")) == (3, 1), refused
    assert "pip install 'obsctl[sample]'" in refused.err
    assert installed.pids().keys() == {"backend", "redis", "api", "worker", "ai"}
    base.ok("down")


def test_the_base_alone_says_in_one_line_what_it_lacks(base: Folder, tmp_path: Path) -> None:
    elsewhere = replace(base, path=tmp_path)
    refused = elsewhere.run("up", "--json")
    (error,) = refused.envelope["errors"]
    assert (refused.status, error["code"], error["hint"]) == (3, "missing_part", "")
    assert error["message"].endswith("pip install 'obsctl[embedded,sample]'")
    assert f"error: {error['message']}\n" in elsewhere.up().err
    listened = elsewhere.run(
        "init", "drafted", "--from", "http://127.0.0.1:9/metrics", "--listen", "1", "--port-offset", str(base.offset)
    )
    assert (listened.status, "pip install 'obsctl[embedded]'" in listened.err) == (3, True), listened


def test_a_process_says_in_one_line_what_it_lacks(base: Folder, tmp_path: Path) -> None:
    python = Path(base.command[0]).with_name("python")
    for extra, command in {
        "embedded": ("obsctl.embedded", "--config", "config.json"),
        "sample": ("sample_service", "api"),
    }.items():
        done = subprocess.run([python, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (3, 1), done
        assert done.stderr.endswith(f"pip install 'obsctl[{extra}]'\n")


def test_init_from_the_wheel(installed: Folder) -> None:
    installed.ok("init", "project")
    assert (installed.path / "project" / "contract.yaml").exists()
