"""``line_format`` and ``label_format``: text from a template over labels."""

from __future__ import annotations

from collections.abc import Callable

from obsctl.embedded.query.errors import QueryError, not_supported
from obsctl.embedded.query.logql.entry import Entry
from obsctl.embedded.query.logql.tree import LabelFormat, LineFormat


def line_format(stage: LineFormat) -> Callable[[Entry], None]:
    """The line becomes what the template says."""
    raise QueryError(not_supported(f"the stage {stage}"))


def label_format(stage: LabelFormat) -> Callable[[Entry], None]:
    """Labels are renamed, or become what a template says."""
    items = [(item.value, item.name) for item in stage.items if item.renames]
    if len(items) < len(stage.items):
        raise QueryError(not_supported('a template of the "label_format" stage'))

    def run(entry: Entry) -> None:
        for source, target in items:
            entry.rename(source, target)

    return run
