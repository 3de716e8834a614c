"""Files -> frozen values. What other rooms call; every failure is a SpecError with file, line and what to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from obsctl import assets
from obsctl.errors import Place, SpecError
from obsctl.schema.findings import shown_path
from obsctl.schema.records import RecordType
from obsctl.spec.contract_load import ContractFile, family_names, load_contract, load_family
from obsctl.spec.registry import FamilyFile
from obsctl.spec.stack import Stack
from obsctl.spec.stack_load import DEFAULT_FILE, StackFile, load_stack_file

__all__ = ["FILES", "family_names", "load_contract", "load_family", "load_stack", "load_stack_file", "starter_files"]

FILES: Mapping[str, RecordType[StackFile] | RecordType[ContractFile] | RecordType[FamilyFile]] = {
    "obsctl.yaml": RecordType(StackFile),
    "contract.yaml": RecordType(ContractFile),
    "families": RecordType(FamilyFile),
}
"""What the user writes, by the name of its schema."""

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


def starter_files() -> Mapping[str, str]:
    """What ``init`` writes: file name -> text. The contract is the sample's own file, so nothing is kept twice."""
    return {
        "obsctl.yaml": (assets.templates() / "stacks" / "init" / "obsctl.yaml").read_text(encoding="utf-8"),
        "contract.yaml": assets.sample_contract().read_text(encoding="utf-8"),
    }
