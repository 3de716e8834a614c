"""The files of a stack of containers on disk: what has to be written, and writing it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from obsctl import __version__
from obsctl.errors import StartError
from obsctl.ops.secrets import PRIVATE, ensure_secrets, keep_secrets
from obsctl.render.compose import compose
from obsctl.render.containers import Composition
from obsctl.render.ondisk import RECORD, Change, changes, forced, new_record, read_record
from obsctl.spec.presets import load_preset
from obsctl.spec.stack import Stack

_MOST_BYTES = 4 * 1024**2
"""What is bigger is none of ours."""


def composed(stack: Stack, up: str = "..") -> Composition:
    """The stack as containers. ``up`` is the way from its files to the folder of the spec."""
    return compose(stack, load_preset(stack.choices.preset), version=__version__, up=up)


@dataclass(frozen=True)
class Deployment:
    """The files of one composition in one folder, and what has to happen to them."""

    target: Path
    composition: Composition
    changes: tuple[Change, ...]
    record: Mapping[str, str]

    @property
    def kept(self) -> tuple[Change, ...]:
        """Those that somebody edited."""
        return tuple(change for change in self.changes if change.state == "edited")

    @property
    def pending(self) -> Mapping[str, bytes]:
        """What will be written: path -> content. Secrets that are to be made have none yet.

        Raises UsageError for a secret that is not there.
        """
        random = {path: b"" for path in self._random.values() if not (self.target / path).exists()}
        files = {c.path: c.after.encode() for c in _written(self.changes) if c.after is not None}
        return random | self._given | files

    def write(self, *, secrets: int = PRIVATE) -> tuple[str, ...]:
        """Make it so; the paths of the secrets that were made, which get this mode.

        Raises StartError where it cannot be, and UsageError for a secret that is not there.
        """
        given = self._given
        with writing(self.target):
            _write(self.target, self.changes, self.record)
            keep_secrets(self.target, given, mode=secrets)
            return ensure_secrets(self.target, self._random, mode=secrets)

    @property
    def _random(self) -> Mapping[str, str]:
        known = self.composition.given_secrets
        return {name: path for name, path in self.composition.secrets.items() if name not in known}

    @property
    def _given(self) -> dict[str, bytes]:
        """The secrets that the spec refers to: path -> content."""
        paths = self.composition.secrets
        return {paths[n]: text.content() for n, text in self.composition.given_secrets.items() if n in paths}


def deployment(target: Path, composition: Composition, *, force: bool = False) -> Deployment:
    """What has to happen in a folder. ``force`` disregards edits."""
    with writing(target):
        record = read_record(_text(target / RECORD) or "")
        planned = changes(composition.files, _disk(target, composition, record), record)
    return Deployment(target, composition, forced(planned) if force else planned, record)


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """What the system refuses becomes a sentence."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"cannot write to {error.filename or target}: {reason}"
        raise StartError(message, hint="choose another folder with --output") from error


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


def _written(planned: Sequence[Change]) -> Iterator[Change]:
    return (change for change in planned if change.state in ("new", "changed"))


def _write(target: Path, planned: Sequence[Change], record: Mapping[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for change in _written(planned):
        path = target / change.path
        _make_folders(path.parent, target)
        _replace(path, change.after or "")
    for change in (c for c in planned if c.state == "obsolete"):
        path = target / change.path
        path.unlink(missing_ok=True)
        _remove_empty(path.parent, target)
    text = new_record(planned, record)
    if text != _text(target / RECORD):
        _replace(target / RECORD, text)


def _make_folders(folder: Path, top: Path) -> None:
    """Users inside of containers read them, whatever this user's umask is."""
    if folder == top or folder.is_dir():
        return
    _make_folders(folder.parent, top)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def _replace(path: Path, text: str) -> None:
    """All of it or nothing: a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(0o644)
    beside.replace(path)


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
