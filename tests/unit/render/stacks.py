"""Stacks to render: the default one and variations, with a name of their own, so that bytes depend on nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from obsctl.render.compose import compose
from obsctl.render.containers import Composition
from obsctl.render.files import SAMPLE_FOLDER
from obsctl.spec.load import load_stack
from obsctl.spec.presets import load_preset
from obsctl.spec.stack import Stack

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
NOWHERE = Path("/")


def default_stack(**choices: Any) -> Stack:
    stack = replace(load_stack(NOWHERE), name="golden")
    return replace(stack, choices=replace(stack.choices, **choices))


def rendered(stack: Stack) -> Composition:
    return compose(stack, load_preset(stack.choices.preset), version="0")


def files(composition: Composition) -> dict[str, str]:
    """Path -> text of everything but the sample's own source."""
    return {f.path: f.text for f in composition.files if not f.path.startswith(f"{SAMPLE_FOLDER}/")}
