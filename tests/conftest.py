"""Property tests search anew on each run; where a change is judged (``CI``), the same search gives the same verdict."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("judged", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("judged")
