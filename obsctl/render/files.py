"""Templates -> files of the stack. Reads the shipped templates and nothing else; the same values, the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from obsctl import assets
from obsctl.render.desired import File
from obsctl.render.template import Context, RenderError, render_template
from obsctl.render.values import Part

SAMPLE_FOLDER = "sample"
_SAMPLE_PARTS = ("*.py", "py.typed", "contract.yaml")
_ASSIGNMENT = re.compile(r"(\t*)(\w+) += (.*)")
_SAMPLE_ROOT = ("Dockerfile", "requirements.txt")


def product_files(part: Part, values: Context) -> tuple[File, ...]:
    """The files of one product, in its own folder."""
    product = assets.templates() / "backends" / part.backend.key
    return tuple(_rendered(product / part.min_version, part.backend.key, values))


def sample_files() -> tuple[File, ...]:
    """What the sample's image is built from: its Dockerfile and requirements, and the package beside them."""
    source = assets.sample_sources()
    root = [File(f"{SAMPLE_FOLDER}/{name}", _text(source / name)) for name in _SAMPLE_ROOT]
    package = sorted(path for pattern in _SAMPLE_PARTS for path in source.glob(pattern))
    return (*root, *(File(f"{SAMPLE_FOLDER}/sample_service/{path.name}", _text(path)) for path in package))


def _rendered(folder: Path, target: str, values: Context) -> Iterator[File]:
    for path in _below(folder):
        yield File(f"{target}/{path.relative_to(folder).as_posix()}", _rendered_text(path, values))


def _below(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _rendered_text(path: Path, values: Context) -> str:
    try:
        text = render_template(_text(path), values)
    except RenderError as error:
        raise RenderError(f"{path}: {error}") from error
    return aligned(text) if path.suffix == ".alloy" else text


def aligned(text: str) -> str:
    """A file of Alloy as ``alloy fmt`` writes it, whose templates are so but for what repeated lines make uneven.

    The signs of consecutive assignments stand below each other; a value of more than one line is the last of them.
    """
    lines: list[str] = []
    run: list[tuple[str, str, str]] = []
    for line in text.splitlines():
        found = _ASSIGNMENT.fullmatch(line)
        indent, name, value = found.groups() if found else ("", "", "")
        if run and (not found or indent != run[-1][0] or run[-1][2].endswith(("[", "{"))):
            lines, run = [*lines, *_aligned(run)], []
        if found:
            run.append((indent, name, value))
        else:
            lines.append(line)
    return "\n".join((*lines, *_aligned(run), ""))


def _aligned(run: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    width = max((len(name) for _, name, _ in run), default=0)
    return (f"{indent}{name:<{width}} = {value}" for indent, name, value in run)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
