"""``render``: the stack of containers as plain files, or whether the files are what the spec gives."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from obsctl import __version__
from obsctl.errors import StartError, UsageError
from obsctl.ops.secrets import READABLE, ensure_secrets
from obsctl.render.compose import compose
from obsctl.render.desired import Composition
from obsctl.render.ondisk import RECORD, Change, changes, diff, forced, new_record, read_record
from obsctl.result import Result
from obsctl.spec.load import load_stack
from obsctl.spec.presets import load_preset

OUTPUT = "deploy"
_MOST_BYTES = 4 * 1024**2
"""What is bigger is none of ours."""


def render(folder: Path, output: Path | None, *, preset: str | None, check: bool, force: bool) -> Result:
    """Write the files, or with ``check`` only compare. Exit 1 where what is there is not, and stays not, as rendered.

    Raises SpecError, UsageError, and StartError for a folder that cannot be written.
    """
    if check and force:
        raise UsageError("--check changes nothing, so --force has no meaning", hint="use one of them")
    target = folder / OUTPUT if output is None else output
    composition = _compose(folder, target, preset)
    try:
        record = read_record(_text(target / RECORD) or "")
        planned = changes(composition.files, _disk(target, composition, record), record)
        if check:
            return _checked(target, composition, planned)
        planned = forced(planned) if force else planned
        _write(target, planned, record)
        made = ensure_secrets(target, composition.secrets, mode=READABLE)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "choose another folder with --output"
        raise StartError(f"cannot write to {error.filename or target}: {reason}", hint=hint) from error
    return _written(target, composition, planned, made)


def _compose(folder: Path, target: Path, preset: str | None) -> Composition:
    stack = load_stack(folder)
    if preset is not None:
        stack = replace(stack, choices=replace(stack.choices, preset=preset))
    up = Path(os.path.relpath(folder.resolve(), target.resolve())).as_posix()
    return compose(stack, load_preset(stack.choices.preset), version=__version__, up=up)


def _disk(target: Path, composition: Composition, record: Mapping[str, str]) -> dict[str, str]:
    """The texts of those files that are there. A record names nothing outside of the folder."""
    inside = [path for path in record if not Path(path).is_absolute() and ".." not in Path(path).parts]
    paths = dict.fromkeys((*(file.path for file in composition.files), *inside))
    texts = {path: _text(target / path) for path in paths}
    return {path: text for path, text in texts.items() if text is not None}


def _text(path: Path) -> str | None:
    """A file's text; None if it is not there. What is no text, or far too long for ours, reads as something else."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return data.decode("utf-8", "replace")


def _write(target: Path, planned: Sequence[Change], record: Mapping[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for change in planned:
        path = target / change.path
        if change.state in ("new", "changed") and change.after is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, change.after)
        elif change.state == "obsolete":
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, target)
    _replace(target / RECORD, new_record(planned, record))


def _replace(path: Path, text: str) -> None:
    """All of it or nothing: a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _checked(target: Path, composition: Composition, planned: Sequence[Change]) -> Result:
    differing = [change for change in planned if change.state != "same"]
    text = diff(planned, str(target))
    notes: tuple[str, ...] = (f"all {len(planned)} files in {target} are what the spec gives",)
    if differing:
        notes = (text, f"{len(differing)} of {len(planned)} files in {target} are not what the spec gives")
    return Result("render", _data(target, composition, planned, text), notes, exit_status=1 if differing else 0)


def _written(target: Path, composition: Composition, planned: Sequence[Change], made: Sequence[str]) -> Result:
    kept = [change for change in planned if change.state == "edited"]
    text = diff(kept, str(target))
    notes = [_counted(target, composition, planned)]
    if kept:
        notes += [text, f"kept as edited: {', '.join(c.path for c in kept)}; --force takes what the spec gives"]
    notes += [f"made a random password: {target / path}" for path in made]
    notes.append(f"run it with: docker compose -f {target / 'compose.yaml'} up -d --wait")
    data = {**_data(target, composition, planned, text), "secrets": [str(target / path) for path in made]}
    return Result("render", data, tuple(notes), exit_status=1 if kept else 0)


def _counted(target: Path, composition: Composition, planned: Sequence[Change]) -> str:
    count = Counter(change.state for change in planned)
    words = {"new": "written", "changed": "updated", "obsolete": "removed", "same": "as they were", "edited": "kept"}
    counted = ", ".join(f"{count[state]} {word}" for state, word in words.items() if count[state])  # type: ignore[index]
    return f"preset {composition.preset}, {len(composition.containers)} containers; files in {target}: {counted}"


def _data(target: Path, composition: Composition, planned: Sequence[Change], text: str) -> dict[str, object]:
    return {
        "output": str(target),
        "preset": composition.preset,
        "containers": [{"name": c.name, "image": c.image} for c in composition.containers],
        "files": [{"path": change.path, "state": change.state} for change in planned],
        "diff": text,
    }
