"""The recipes agree with the presets, and what takes long is made once."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from obsctl.spec.presets import load_preset
from tests.architecture.test_imports import ROOMS
from tests.e2e.engine import Engine, main, mounts_below
from tests.e2e.images.build import Made, image_key, materials, source_key
from tests.e2e.images.recipes import FOLDER, RECIPES, UNAVAILABLE, Recipe
from tests.e2e.images.sources import REPOSITORY, BuildError, Wheels, Work


@dataclass(frozen=True)
class Counting:
    """A source that notes how often it was asked, and fails while ``broken`` exists."""

    notes: Path
    broken: Path

    def inputs(self) -> Sequence[str]:
        return ()

    def make(self, into: Path, work: Work) -> str:
        with self.notes.open("a") as notes:
            notes.write("made\n")
        (into / "half").write_text("")
        if self.broken.exists():
            raise BuildError("no registry")
        (into / "whole").write_text(work.run("echo", "a file").strip())
        return "thin air"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "also").mkdir()
    (tmp_path / "also" / "code.py").write_text("1")
    source = Counting(tmp_path / "notes", tmp_path / "broken")
    return Recipe("jaeger", "jaeger", "x:1", source, "everything", also={"code": tmp_path / "also"})


def test_the_tags_are_those_that_the_presets_ask_for() -> None:
    assert [r.name for r in RECIPES if load_preset(r.preset).images[r.product] != r.tag] == []


def test_every_product_of_the_current_preset_is_made_or_known_to_be_unavailable() -> None:
    """What is left out is never noticed late: the newest versions are what most people run."""
    made = {recipe.product for recipe in RECIPES if recipe.preset == "current"}
    assert not made & UNAVAILABLE.keys()
    assert made | UNAVAILABLE.keys() == load_preset("current").images.keys()


def test_no_name_begins_with_another_one() -> None:
    """What an older recipe left in the cache is removed by the name that its folders begin with."""
    assert [(a.name, b.name) for a in RECIPES for b in RECIPES if b.name.startswith(f"{a.name}-")] == []


def test_every_recipe_has_a_folder_and_every_folder_a_recipe() -> None:
    assert {recipe.folder / "Dockerfile" for recipe in RECIPES} == set(FOLDER.glob("*/Dockerfile"))


def test_nothing_is_made_again_for_another_checkout() -> None:
    assert [r.name for r in RECIPES if str(REPOSITORY) in repr(r.source)] == []


def test_lokis_stand_in_gets_all_that_the_embedded_server_needs() -> None:
    """Some of it is imported by name, by others, when it is used first."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extra = {re.split("[>=;]", requirement)[0] for requirement in project["optional-dependencies"]["embedded"]}
    (loki,) = (recipe for recipe in RECIPES if recipe.name == "loki")
    assert isinstance(loki.source, Wheels)
    assert set(loki.source.names) == extra | {"google-re2"}  # of the base, which `languages` needs


def test_lokis_stand_in_gets_every_room_that_the_embedded_server_imports() -> None:
    rooms = {"embedded"}
    while (more := rooms.union(*(ROOMS.get(room, ()) for room in rooms))) != rooms:
        rooms = more
    (loki,) = (recipe for recipe in RECIPES if recipe.name == "loki")
    copied = {Path(name).name.removesuffix(".py") for name in loki.also}
    assert copied == {*rooms, "__init__"}


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r.product == "collector"], ids=lambda r: r.name)
def test_a_collectors_parts_are_of_the_version_in_its_tag(recipe: Recipe) -> None:
    manifest, version = (recipe.folder / "manifest.yaml").read_text(), recipe.tag.split(":")[1]
    assert set(re.findall(r"^\s*- gomod: \S+ v(\S+)$", manifest, re.MULTILINE)) == {version}
    assert f"version: {version}\n" in manifest


def test_materials_are_made_once(recipe: Recipe, tmp_path: Path) -> None:
    first = materials(recipe, tmp_path / "cache")
    assert materials(recipe, tmp_path / "cache") == first
    assert (first.files / "whole").read_text() == "a file"
    assert first.says == "thin air"
    assert (tmp_path / "notes").read_text() == "made\n"


def test_what_failed_half_way_is_made_again(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(BuildError, match="no registry"):
        materials(recipe, tmp_path / "cache")
    (tmp_path / "broken").unlink()
    made: Made = materials(recipe, tmp_path / "cache")
    assert sorted(file.name for file in made.files.iterdir()) == ["half", "whole"]


def test_a_failed_command_is_reported_with_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"(?s)sh ended with 4; .*no such module"):
        Work(tmp_path, tmp_path / "log").run("sh", "-c", "echo no such module >&2; exit 4")


def test_the_code_that_goes_in_changes_the_image_and_not_what_takes_long(recipe: Recipe, tmp_path: Path) -> None:
    image, source = image_key(recipe), source_key(recipe)
    assert (image_key(recipe), source_key(recipe)) == (image, source)
    (tmp_path / "also" / "code.py").write_text("2")
    assert image_key(recipe) != image
    assert source_key(recipe) == source


def test_another_source_changes_both(recipe: Recipe, tmp_path: Path) -> None:
    other = dataclasses.replace(recipe, source=Counting(tmp_path / "elsewhere", tmp_path / "broken"))
    assert source_key(other) != source_key(recipe)
    assert image_key(other) != image_key(recipe)


def test_an_engine_that_does_not_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--home", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"no engine runs at {tmp_path}\n"
    assert main(["stop", "--home", str(tmp_path), "--wipe"]) == 0
    assert not tmp_path.exists()


def test_what_is_mounted_below_an_engines_home_is_found_from_the_inside_out() -> None:
    places = ("/", "/e/data", "/e/data/a\\040b/merged", "/e/data/a\\040b", "/elsewhere", "/e")
    listed = "".join(f"{i} 1 0:{i} / {place} rw - tmpfs tmpfs rw\n" for i, place in enumerate(places))
    assert mounts_below(Path("/e"), listed) == ["/e/data/a b/merged", "/e/data/a b", "/e/data", "/e"]


def test_a_number_that_another_process_has_now_is_not_the_engine(tmp_path: Path) -> None:
    (tmp_path / "dockerd.pid").write_text("1")
    assert Engine(tmp_path).pid is None


def test_numbers_that_a_killed_engine_left_do_not_keep_the_next_from_starting(tmp_path: Path) -> None:
    """A daemon refuses to start while any process has the number in its file."""
    engine, inner = Engine(tmp_path), tmp_path / "exec" / "containerd" / "containerd.pid"
    inner.parent.mkdir(parents=True)
    for file in (tmp_path / "dockerd.pid", inner):
        file.write_text(str(os.getpid()))
    engine._forget_the_dead()
    assert not (tmp_path / "dockerd.pid").exists()
    assert not inner.exists()


def test_the_number_of_an_engine_that_runs_is_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('here', flush=True); input()", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stdout.readline() == b"here\n"
        (tmp_path / "dockerd.pid").write_text(str(running.pid))
        Engine(tmp_path)._forget_the_dead()
        assert Engine(tmp_path).pid == running.pid
        running.communicate(b"\n")
    assert Engine(tmp_path).pid is None


def test_an_engine_needs_a_path_that_a_socket_can_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start", "--home", str(tmp_path / ("x" * 100))]) == 3
    assert "shorter --home" in capsys.readouterr().err
