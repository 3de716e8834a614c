"""The valid files of ``tests/bad_specs/good``: a service that obsctl does not run, its contract, and a family."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

BAD_SPECS = Path(__file__).resolve().parents[2] / "bad_specs"
GOOD: Mapping[str, str] = {
    path.name: path.read_text(encoding="utf-8") for path in sorted((BAD_SPECS / "good").iterdir())
}


def write(folder: Path, **changed: str | bytes) -> Path:
    """The good files in a folder, with some replaced: ``write(tmp_path, contract="…")``."""
    for name, text in GOOD.items():
        new = changed.get(name.removesuffix(".yaml"), text)
        (folder / name).write_bytes(new if isinstance(new, bytes) else new.encode())
    return folder
