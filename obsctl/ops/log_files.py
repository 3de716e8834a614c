"""Globs of log files that match nothing: what ``status`` and ``verify`` say of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from obsctl.errors import ObsctlError
from obsctl.languages.globs import matching_files
from obsctl.spec.load import load_stack
from obsctl.spec.stack import Service, Stack


def unmatched_logs(folder: Path) -> tuple[str, ...]:
    """A sentence for each pattern of the folder's spec that matches no file; a spec that is wrong now has none."""
    try:
        stack = load_stack(folder)
    except ObsctlError:
        return ()
    return unmatched_of(stack, stack.services)


def unmatched_of(stack: Stack, services: Sequence[Service]) -> tuple[str, ...]:
    """A sentence for each pattern of these services that matches no file."""
    return tuple(
        f"no file matches {component.logs}, where the log lines of {component.name} should be"
        for service in services
        for component in service.components
        if component.logs and not matching_files(stack.log_glob(component))
    )
