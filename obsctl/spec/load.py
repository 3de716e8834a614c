"""Files -> frozen values. What other rooms call; every failure is a SpecError with file, line and what to do."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place, SpecError
from obsctl.spec.contract_load import family_names, load_contract, load_family
from obsctl.spec.findings import shown_path
from obsctl.spec.stack import Stack
from obsctl.spec.stack_load import DEFAULT_FILE, load_stack_file

__all__ = ["family_names", "load_contract", "load_family", "load_stack", "load_stack_file"]

FILE_NAMES = ("obsctl.yaml", "obsctl.yml")


def load_stack(folder: Path) -> Stack:
    """The stack of a folder: its ``obsctl.yaml`` (or ``.yml``), or the built-in default where there is none.

    ``folder`` becomes absolute; ``source`` is None for the default. Raises SpecError with every mistake of the file and
    of the contracts that it names.
    """
    folder = _whole_path(folder)
    found = [folder / name for name in FILE_NAMES if os.path.lexists(folder / name)]
    if len(found) > 1:
        message = f"there is both {FILE_NAMES[0]} and {FILE_NAMES[1]}"
        raise SpecError(message, place=Place(shown_path(folder)), hint="Keep one of them.")
    if found:
        return load_stack_file(found[0], folder)
    return replace(load_stack_file(assets.templates() / DEFAULT_FILE, folder), source=None)


def _whole_path(folder: Path) -> Path:
    """The folder from the root on, without following links. It must be there."""
    try:
        whole = folder.absolute()
    except OSError as problem:
        raise SpecError("the working directory is gone", hint="Change to a folder that exists.") from problem
    if not os.path.isdir(whole):  # noqa: PTH112 - never raises
        raise SpecError("there is no such folder", place=Place(shown_path(folder)))
    return whole
