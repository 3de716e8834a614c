"""Property tests search anew on each run; where a change is judged (``CI``), the same search gives the same verdict.

Whole stacks come first: they take longest, mostly waiting, and the many short tests fill what they leave.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("judged", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("judged")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
