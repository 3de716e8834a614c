"""Stacks to render: the default one and variations, with a name of their own, so that bytes depend on nothing else."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from obsctl.render.compose import compose
from obsctl.render.containers import Composition
from obsctl.render.files import SAMPLE_FOLDER
from obsctl.spec.load import load_stack
from obsctl.spec.presets import load_preset, preset_names, role_options
from obsctl.spec.stack import Stack

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
COMMON = GOLDEN / "common"
"""What is the same in every preset; a preset's own folder holds the rest."""

NOWHERE = Path("/")


def default_stack(**choices: Any) -> Stack:
    stack = replace(load_stack(NOWHERE), name="golden")
    return replace(stack, choices=replace(stack.choices, **choices))


def alternatives() -> Iterator[tuple[str, str]]:
    """Every choice of a backend that the preset ``current`` does not make itself: the key in the spec, the choice."""
    preset = load_preset("current")
    for option, choices in role_options().items():
        yield from ((option, choice) for choice in choices if choice not in (getattr(preset, option), "none"))


def alternative_files(option: str, choice: str) -> dict[str, str]:
    """The files that are another text than any of the default stack's: what the choice changes.

    Dashboards and the tests of rules are left out: they differ by the name of a product or a folder alone.
    """
    usual = set(files(rendered(default_stack())).values())
    texts = files(rendered(default_stack(**{option: choice})))
    return {
        path: neutral(text)
        for path, text in texts.items()
        if text not in usual and not re.search(r"/dashboards/|^rule-tests/", path)
    }


@functools.cache
def preset_files() -> dict[Path, dict[str, str]]:
    """Folder of golden files -> path -> text: what is common to all presets, and the rest of each."""
    texts = {preset: files(rendered(default_stack(preset=preset))) for preset in preset_names()}
    first, *others = texts.values()
    common = {path: text for path, text in first.items() if all(other.get(path) == text for other in others)}
    own = {
        GOLDEN / preset: {path: neutral(text) for path, text in all_of_it.items() if path not in common}
        for preset, all_of_it in texts.items()
    }
    return {COMMON: common, **own}


def neutral(text: str) -> str:
    """A text without the digest of the sample's source: a change of the sample is none of the stack."""
    return re.sub(r"(obsctl-sample:0)-[0-9a-f]{8}\b", r"\1-digest", text)


def golden_stack(preset: str, folder: Path) -> Path:
    """All golden files of a preset, in one new folder."""
    write_golden(folder, {**read_golden(COMMON), **read_golden(GOLDEN / preset)})
    return folder


def golden_folder(option: str, choice: str) -> Path:
    """Where the files of an alternative are kept."""
    return GOLDEN / "alternatives" / f"{option}-{choice}"


def write_golden(folder: Path, texts: Mapping[str, str]) -> None:
    """Replace what is kept in a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in texts.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def read_golden(folder: Path) -> dict[str, str]:
    """Path -> text of what is kept in a folder."""
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*") if p.is_file()}


def rendered(stack: Stack) -> Composition:
    return compose(stack, load_preset(stack.choices.preset), version="0")


def files(composition: Composition) -> dict[str, str]:
    """Path -> text of everything but the sample's own source."""
    return {f.path: f.text for f in composition.files if not f.path.startswith(f"{SAMPLE_FOLDER}/")}
