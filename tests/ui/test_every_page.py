"""What holds for every page: both themes, three widths, a silent console, nothing that axe finds serious."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.ui.conftest import PAGES, SHOTS, WIDTHS, Open, ShownStack, cut_text, settled

pytestmark = pytest.mark.e2e


def subpages(stack: ShownStack) -> tuple[str, ...]:
    """Pages of one thing: a trace, a dashboard."""
    traces = stack.ask("traces", "/api/traces?service=api&limit=1")
    dashboards = stack.ask("pages", "/api/dashboards")
    return (
        f"/traces/{traces['data'][0]['traceID']}",
        *(f"/dashboards/{board['uid']}" for board in dashboards),
    )


@pytest.fixture(scope="module")
def paths(shown: ShownStack) -> tuple[str, ...]:
    shown.endpoints["pages"] = shown.url
    return (*PAGES, *subpages(shown))


@pytest.fixture(scope="module")
def shots() -> Path | None:
    if not (kept := os.environ.get(SHOTS)):
        return None
    shutil.rmtree(kept, ignore_errors=True)
    Path(kept).mkdir(parents=True)
    return Path(kept)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.timeout(300)
def test_no_page_is_cut_off_or_complains(
    open_page: Open, shown: ShownStack, paths: tuple[str, ...], shots: Path | None, axe: str, width: int, theme: str
) -> None:
    """Axe judges the widest: what it finds does not depend on the width."""
    page, found = open_page(paths[0], width=width, theme=theme), {}
    for path in paths:
        page.goto(shown.url + path)
        settled(page)
        faults = cut_text(page) + (grave_violations(page, axe) if width == max(WIDTHS) else [])
        if faults:
            found[path] = faults
        if shots:
            name = path.strip("/").replace("/", "_") or "overview"
            page.screenshot(path=shots / f"{name}-{width}-{theme}.png", full_page=True)
    assert not found, "\n".join(f"{path}: {fault}" for path, faults in found.items() for fault in faults)


def grave_violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    violations = page.evaluate("() => axe.run(document).then((result) => result.violations)")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]


def test_keys_lead_to_every_page(open_page: Open) -> None:
    page = settled(open_page("/"))
    for key, title in (
        ("t", "Traces"),
        ("l", "Logs"),
        ("m", "Metrics"),
        ("a", "Alerts"),
        ("v", "Verify"),
        ("o", "Overview"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=title).and_(
            page.locator('[aria-current="page"]')
        ).wait_for()


def test_an_unknown_page_says_so(open_page: Open) -> None:
    settled(open_page("/nowhere")).get_by_text("There is no such page.").wait_for()
