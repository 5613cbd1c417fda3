"""The monitor's page as a real browser shows it: on a phone and on a desk, in light and dark, by keyboard and by ear.

The pictures are kept in $ANDON_TEST_ARTIFACTS (default: a folder andon-monitor of the machine's folder for temporary
files), whose path is printed, for people to look at.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support.browser import browser as find_browser
from tests.support.monitoring import Shop
from tests.support.watched import Plant, live_through, open_plant, served

WIDTHS = {"phone": (390, 844), "desktop": (1280, 800)}
PAGES = {"overview": "/", "spindle": "/models/spindle", "hydraulics": "/models/hydraulics", "lathe": "/models/lathe"}
CONTRAST = 4.5

# Of each element with a text of its own, the contrast to the nearest background (WCAG 2.2, relative luminance).
_CONTRASTS = """
(() => {
  const parts = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = parts(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll('body *')].filter(element =>
    [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()));
  return Math.min(...texts.map(element => {
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
})()
"""


@pytest.fixture(scope="module")
def plant(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Plant:
    made = open_plant(shop, tmp_path_factory.mktemp("plant"))
    live_through(made)
    return made


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest) -> Path:
    folder = Path(os.environ.get("ANDON_TEST_ARTIFACTS") or Path(tempfile.gettempdir()) / "andon-monitor")
    folder.mkdir(parents=True, exist_ok=True)
    terminal: Any = request.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        terminal.write_line(f"pictures of pages: {folder}")
    return folder


@asynccontextmanager
async def browsing(plant: Plant) -> AsyncIterator[tuple[Browser, str]]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium, and none can be installed; the structure of pages is tested without one")
    async with served(plant.facts) as address, async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running, address
        await running.close()


async def opened(browser: Browser, url: str, size: str, scheme: Any = "light") -> tuple[Page, list[str]]:
    width, height = WIDTHS[size]
    page = await browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))
    page.on("console", lambda message: heard.append(message.text))
    await page.goto(url)
    # A browser asks for this by itself; the page names none.
    return page, [one for one in heard if one != url and not one.endswith("/favicon.ico") and "404" not in one]


async def test_nothing_is_cut_off_and_all_can_be_read(plant: Plant, pictures: Path) -> None:
    async with browsing(plant) as (browser, address):
        for name, path in PAGES.items():
            for size in WIDTHS:
                for scheme in ("light", "dark"):
                    page, heard = await opened(browser, address + path, size, scheme)
                    where = f"{name}-{size}-{scheme}"
                    assert heard == [], where
                    wide = await page.evaluate("document.documentElement.scrollWidth")
                    assert wide <= WIDTHS[size][0], f"{where}: wider than the screen"
                    assert await page.evaluate(_CONTRASTS) >= CONTRAST, where
                    box = await page.locator(".headline").first.bounding_box()
                    assert box is not None
                    assert box["y"] + box["height"] < WIDTHS[size][1], f"{where}: the state is seen at once"
                    paper = await page.evaluate("getComputedStyle(document.body).backgroundColor")
                    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
                    await page.screenshot(path=pictures / f"monitor-{where}.png", full_page=True)
                    await page.close()


async def test_it_is_walked_by_keyboard(plant: Plant) -> None:
    async with browsing(plant) as (browser, address):
        page, _ = await opened(browser, address, "desktop")
        await page.keyboard.press("Tab")
        skip = page.locator(".skip")
        assert await skip.evaluate("element => element === document.activeElement")
        box = await skip.bounding_box()
        assert box is not None
        assert box["x"] >= 0, "what has the focus is seen"
        for _ in range(10):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.textContent") == "hydraulics":
                break
        width = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width == "3px"
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/models/hydraulics")
        assert await page.title() == "hydraulics: 1 sensor fault"


async def test_a_screen_reader_is_told_everything(plant: Plant) -> None:
    async with browsing(plant) as (browser, address):
        page, _ = await opened(browser, f"{address}/models/spindle", "phone")
        told = await page.locator("body").aria_snapshot()
    for part in (
        "navigation",
        "main",
        'heading "spindle" [level=1]',
        'heading "Estimate without labels" [level=2]',
        'img "Faults caught (recall): ',
        "caption: Labelled cases, by who raised an alarm",
        'rowheader "heat"',
        'columnheader "Distance (PSI)"',
    ):
        assert part in told, part
