"""``init``: the first spec and contract of a project."""

from __future__ import annotations

from pathlib import Path

from obsctl.errors import StartError, UsageError
from obsctl.result import Result
from obsctl.runtime.files import replace_file
from obsctl.spec.starter import init_files


def init(folder: Path, *, force: bool) -> Result:
    """Write ``obsctl.yaml`` and ``contract.yaml``; a file that is there already is kept, unless ``force``."""
    files = init_files()
    present = [name for name in files if (folder / name).exists()]
    if present and not force:
        hint = "choose another folder, or overwrite with --force"
        raise UsageError(f"{', '.join(str(folder / name) for name in present)} exists already", hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            replace_file(folder / name, text)
    except OSError as error:
        raise StartError(f"cannot write to {folder}: {error.strerror}", hint="choose another folder") from error
    written = [str(folder / name) for name in files]
    return Result("init", {"written": written}, (f"wrote {' and '.join(written)}", "next: obsctl up"))
