"""The parts that an installation of obsctl may lack: extras of its distribution, by the processes that need them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from obsctl.errors import MissingPartError

_REQUIREMENT = re.compile(r"""([\w.-]+)[^;]*;.*\bextra == ['"](\w+)['"]""")
"""A requirement of an extra in a distribution's metadata (PEP 508): the name, and the extra."""


@dataclass(frozen=True)
class Extra:
    """What ``pip install 'obsctl[<name>]'`` brings: the libraries that the processes of ``module`` import."""

    name: str
    title: str
    module: str


EXTRAS = (
    Extra("embedded", "the embedded runtime", "obsctl.embedded"),
    Extra("sample", "the sample service", "sample_service"),
)


def require_parts(
    modules: Collection[str],
    *,
    requirements: Callable[[], Sequence[str]] | None = None,
    installed: Callable[[str], bool] | None = None,
) -> None:
    """Raises MissingPartError where a library is not installed that the processes of one of these modules import.

    ``requirements`` are the lines of obsctl's metadata, ``installed`` says whether a distribution is there.
    """
    wanted = [extra for extra in EXTRAS if extra.module in modules]
    if not wanted:
        return
    lines, is_installed = (requirements or _requirements)(), installed or _is_installed
    missing = {extra: name for extra in wanted for name in _libraries(extra.name, lines) if not is_installed(name)}
    if missing:
        parts = {extra.name: extra.title for extra in missing}
        raise MissingPartError(parts, next(iter(missing.values())))


def _libraries(extra: str, requirements: Iterable[str]) -> list[str]:
    matches = filter(None, map(_REQUIREMENT.match, requirements))
    return [match[1] for match in matches if match[2] == extra]


def _requirements() -> Sequence[str]:
    """The requirements of the installed obsctl; none where it runs from a folder that no installer has seen."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        return requires("obsctl") or ()
    except PackageNotFoundError:
        return ()


def _is_installed(distribution: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False
