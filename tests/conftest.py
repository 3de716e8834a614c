"""Property tests search anew on each run; where a change is judged (``CI``), the same search gives the same verdict.

Whole stacks come first: they take longest, mostly waiting, and the many short tests fill what they leave.
"""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # started in the background of a shell: what is started here would inherit a deaf ear for Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("judged", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("judged")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
