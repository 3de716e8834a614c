"""What the labels of a series must be, however they arrive. The limits bound what one series takes in memory."""

from __future__ import annotations

from collections.abc import Sequence

from obsctl.languages.labels import Labels

MAX_LABELS = 128
MAX_NAME = 1_024
MAX_VALUE = 16_384
"""Characters of a label's name and value."""


def label_fault(names: Sequence[str], labels: Labels) -> str:
    """Why a series cannot be stored: ``names`` as they came, ``labels`` as they would be stored. Empty when it can."""
    if not any(name == "__name__" for name, _ in labels):
        return "series without a metric name"
    if len(set(names)) != len(names):
        return "series with a label given twice"
    if "" in names:
        return "series with a label without a name"
    if len(labels) > MAX_LABELS:
        return f"series with more than {MAX_LABELS} labels"
    if any(len(name) > MAX_NAME or len(value) > MAX_VALUE for name, value in labels):
        return f"series with a label of more than {MAX_NAME} characters, or a value of more than {MAX_VALUE}"
    return ""
