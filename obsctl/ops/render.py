"""``render``: the stack of containers as plain files, or whether the files are what the spec gives."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from obsctl.errors import UsageError
from obsctl.ops.deploy import Deployment, composed, deployment
from obsctl.ops.secrets import READABLE
from obsctl.render.containers import Composition
from obsctl.render.desired import COMPOSE_FILE, OUTPUT
from obsctl.render.ondisk import diff
from obsctl.result import Result
from obsctl.spec.load import load_stack


def render(folder: Path, output: Path | None, *, preset: str | None, check: bool, force: bool) -> Result:
    """Write the files, or with ``check`` only compare. Exit 1 where what is there is not, and stays not, as rendered.

    Raises SpecError, UsageError, and StartError for a folder that cannot be written.
    """
    if check and force:
        raise UsageError("--check changes nothing, so --force has no meaning", hint="use one of them")
    target = folder / OUTPUT if output is None else output
    found = deployment(target, _compose(folder, target, preset), force=force)
    return _checked(found) if check else _written(found, found.write(secrets=READABLE))


def _compose(folder: Path, target: Path, preset: str | None) -> Composition:
    stack = load_stack(folder)
    if preset is not None:
        stack = replace(stack, choices=replace(stack.choices, preset=preset))
    return composed(stack, Path(os.path.relpath(folder.resolve(), target.resolve())).as_posix())


def _checked(found: Deployment) -> Result:
    differing = [change for change in found.changes if change.state != "same"]
    text = diff(found.changes, str(found.target))
    notes: tuple[str, ...] = (f"all {len(found.changes)} files in {found.target} are what the spec gives",)
    if differing:
        notes = (text, f"{len(differing)} of {len(found.changes)} files in {found.target} are not what the spec gives")
    return Result("render", _data(found, text), notes, exit_status=1 if differing else 0)


def _written(found: Deployment, made: Sequence[str]) -> Result:
    text = diff(found.kept, str(found.target))
    notes = [_counted(found)]
    if found.kept:
        notes += [text, f"kept as edited: {', '.join(c.path for c in found.kept)}; --force takes what the spec gives"]
    notes += [f"made a random password: {found.target / path}" for path in made]
    notes.append(f"run it with: docker compose -f {found.target / COMPOSE_FILE} up -d --wait")
    data = {**_data(found, text), "secrets": [str(found.target / path) for path in made]}
    return Result("render", data, tuple(notes), exit_status=1 if found.kept else 0)


def _counted(found: Deployment) -> str:
    count = Counter(change.state for change in found.changes)
    words = {"new": "written", "changed": "updated", "obsolete": "removed", "same": "as they were", "edited": "kept"}
    counted = ", ".join(f"{count[state]} {word}" for state, word in words.items() if count[state])  # type: ignore[index]
    containers = len(found.composition.containers)
    return f"preset {found.composition.preset}, {containers} containers; files in {found.target}: {counted}"


def _data(found: Deployment, text: str) -> dict[str, object]:
    return {
        "output": str(found.target),
        "preset": found.composition.preset,
        "containers": [{"name": c.name, "image": c.image} for c in found.composition.containers],
        "files": [{"path": change.path, "state": change.state} for change in found.changes],
        "diff": text,
    }
