"""Makes the pictures of README and docs, of the real thing: ``make pictures``.

Starts the sample stack in a folder of its own, drives it for a while, some of it into failures, opens the pages in
Chromium, and runs ``verify``, ``trace`` and ``top`` in a terminal.
"""

from __future__ import annotations

import io
import re
import shlex
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psutil
from playwright.sync_api import Browser, Locator, Page
from rich.console import Console
from rich.text import Text

from tests.e2e.conftest import Folder, free_offset
from tests.e2e.terminals import terminal_of
from tests.ui.chromium import launched
from tests.ui.conftest import ShownStack, settled

PICTURES = Path(__file__).parents[1] / "docs/pictures"
SECONDS = 150.0
"""How long the sample is driven: lines of dashboards need a past."""

FAILING = (0.45, 0.5)
"""The part of that time in which Redis does not answer."""

LARGEST = 150_000
"""Bytes of a picture of a page."""

COLUMNS = 116
LEAVES = "\x1b[?7h"
"""How a screen ends."""
BOTH, LIGHT, DARK = ("light", "dark"), ("light",), ("dark",)

# A terminal in SVG; rich's own loads its font from another host.
FRAME = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font: bold 16px system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


@contextmanager
def sample() -> Iterator[ShownStack]:
    with tempfile.TemporaryDirectory() as parent:
        path = Path(parent, "jobs")
        path.mkdir()
        folder = Folder(path, free_offset())
        try:
            up = folder.run("up", "--port-offset", str(folder.offset), "--json", timeout=120)
            if up.status:
                sys.exit(up.out + up.err)
            endpoints = {one["name"]: one["url"] for one in up.data["endpoints"]}
            yield ShownStack(folder, endpoints["ui"], endpoints)
        finally:
            folder.run("down", "--volumes", timeout=120)


def drive(stack: ShownStack) -> None:
    """Requests as users would send them, and a time in which Redis hangs: matches fail then."""
    began, number = time.monotonic(), 0
    redis = psutil.Process(stack.folder.pids()["redis"])
    with ThreadPoolExecutor(3) as pool:
        while (part := (time.monotonic() - began) / SECONDS) < 1:
            number += 1
            if number % 8 == 1:
                (redis.suspend if FAILING[0] < part < FAILING[1] else redis.resume)()
            pool.submit(match, stack, number).result()
            time.sleep(0.15 + 0.1 * (number % 5))
    redis.resume()


def match(stack: ShownStack, number: int) -> None:
    with suppress(urllib.error.HTTPError):
        cv = stack.ask(
            "api", "/cvs", {"name": "Ada", "email": "ada@example.org", "text": f"engines and looms {number}"}
        )
        project = stack.ask("api", "/projects", {"title": "Engine", "text": f"analytical engine {number}"})
        job = stack.ask("api", "/matches", {**cv, **project})
        stack.ask("api", f"/matches/{job['job_id']}")


def whole_trace(stack: ShownStack) -> str:
    """The latest match that went through the worker without a failure."""
    found = stack.ask("traces", "/api/traces?service=worker&limit=100")["data"]
    failed = {t["traceID"] for t in found for s in t["spans"] for tag in s["tags"] if tag["key"] == "error"}
    whole = [t for t in found if len(t["spans"]) > 25 and t["traceID"] not in failed]
    return max(whole, key=lambda trace: trace["spans"][0]["startTime"])["traceID"]


def shoot(
    browser: Browser, stack: ShownStack, path: str, name: str, themes: tuple[str, ...], height: int = 720
) -> None:
    for theme in themes:
        size = {"width": 1180, "height": height}
        context = browser.new_context(viewport=size, color_scheme=theme, locale="en-GB", timezone_id="UTC")
        page = context.new_page()
        page.goto(stack.url + path)
        settled(page)
        still(page)
        kept(PICTURES / f"{name}-{theme}.png", page.screenshot(animations="disabled", caret="hide"))
        context.close()


def still(page: Page) -> None:
    """Every chart is drawn: the page does not change any more."""
    before, main = b"", page.locator("main")
    for _ in range(20):
        now = shot_of(main)
        if now == before:
            return
        before = now
        page.wait_for_timeout(500)


def shot_of(part: Locator) -> bytes:
    return part.screenshot(animations="disabled")


def pages(stack: ShownStack) -> None:
    recent = "from=now-5m&to=now&refresh=off"
    logs = quote('{service_name=~"api|worker"} | json')
    with launched() as browser:
        shoot(browser, stack, f"/?{recent}", "overview", BOTH, 860)
        shoot(browser, stack, f"/traces/{whole_trace(stack)}", "trace", BOTH)
        shoot(browser, stack, f"/dashboards/obsctl-http?{recent}", "dashboard", BOTH)
        shoot(browser, stack, f"/logs?{recent}&query={logs}", "logs", LIGHT, 600)
        shoot(browser, stack, "/verify", "verify", DARK)


def terminal(stack: ShownStack, name: str, arguments: str, title: str = "", *, lines: int = 0) -> None:
    """What a command writes to a terminal, as SVG; of one that goes on, its screen of so many lines."""
    command = ["sh", "-c", f"exec {shlex.join(stack.folder.command)} {arguments} 2>/dev/null"]  # without progress
    env = {**stack.folder.env, "TZ": "UTC"}
    with terminal_of(command, stack.folder.path, env, columns=COLUMNS, lines=lines or 100) as shown:
        if lines:
            shown.wait_for("TRACES")
            shown.press("q")
        shown.end()
        text = shown.written.partition(LEAVES)[0].rpartition("\x1b[H")[2]
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-ln-z]", "", text.replace("\r", ""))  # all but colours
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(text.strip("\n")), soft_wrap=True)
    drawn = console.export_svg(title=title or f"obsctl {arguments}", code_format=FRAME, unique_id=name)
    kept(PICTURES / f"{name}.svg", drawn.encode())


def kept(file: Path, content: bytes) -> None:
    """Writes a picture, and says so; ends the program where it is too large."""
    file.write_bytes(content)
    sys.stdout.write(f"{file.name}  {len(content) // 1000} kB\n")
    if len(content) > LARGEST:
        sys.exit(f"{file} has more than {LARGEST} bytes")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.iterdir():
        old.unlink()
    with sample() as stack:
        drive(stack)
        terminal(stack, "trace", f"trace {whole_trace(stack)} --logs warn")
        terminal(stack, "top", "top --since 5m", lines=34)
        terminal(stack, "verify", "verify")
        pages(stack)


if __name__ == "__main__":
    main()
