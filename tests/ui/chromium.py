"""The browser that shows the pages to tests, benchmarks and the pictures of the docs: the Chromium of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
NONE = f"There is no Chromium at {', '.join(PROGRAMS)}"


def program() -> str:
    """The first that is there, or ""."""
    return next((path for path in PROGRAMS if Path(path).exists()), "")


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window. SystemExit where there is none."""
    found = program()
    if not found:
        raise SystemExit(NONE)
    with sync_playwright() as running:
        made = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield made
        made.close()
