"""Pages as a browser shows them: on a phone and on a desk, in light and in dark, on paper, and to a screen reader.

The pictures are kept in $ANDON_TEST_ARTIFACTS (default: a folder andon-reports of the machine's folder for temporary
files), whose path is printed, for people to look at.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from model_builder.report_page.page import render
from tests.support.browser import browser as find_browser
from tests.support.builder import fault_csv
from tests.support.reports import document

FIRST_WORDS = {
    "accepted": "Accepted: ",
    "rejected": "Rejected: recall is 0.",
    "inconclusive": "Inconclusive: ",
    "failed": "No model: ",
    "rows": "Built, and not judged: ",
}
MORE: dict[str, dict[str, Any]] = {
    "failed": {"target": "no such column"},
    "rows": {"content": fault_csv(rows=400, classes=4), "explain": {"perRow": True}},
}
WIDTHS = {"phone": (390, 844), "desktop": (1280, 800)}
SMALLEST_TEXT_PX = 8


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium, and none can be installed; the structure of pages is tested without one")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest) -> Path:
    folder = Path(os.environ.get("ANDON_TEST_ARTIFACTS") or Path(tempfile.gettempdir()) / "andon-reports")
    folder.mkdir(parents=True, exist_ok=True)
    terminal: Any = request.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        terminal.write_line(f"pictures of pages: {folder}")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for kind in FIRST_WORDS:
        (folder / kind).mkdir()
        found[kind] = folder / f"{kind}.html"
        found[kind].write_text(render(document(folder / kind, kind, **MORE.get(kind, {}))))
    return found


def opened(browser: Browser, file: Path, size: str, scheme: Any = "light") -> tuple[Page, list[str]]:
    width, height = WIDTHS[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))
    page.on("console", lambda message: heard.append(message.text))
    page.goto(file.as_uri())
    heard.remove(file.as_uri())
    return page, heard


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("kind", FIRST_WORDS)
def test_the_verdict_is_seen_at_once_and_nothing_is_cut_off(
    browser: Browser, files: dict[str, Path], pictures: Path, kind: str, size: str
) -> None:
    page, heard = opened(browser, files[kind], size)
    assert heard == []
    headline = page.locator(".headline")
    assert headline.inner_text().startswith(FIRST_WORDS[kind])
    for line in (headline, page.locator(".detail")):
        box = line.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < WIDTHS[size][1]
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= WIDTHS[size][0], "the page is wider than the screen"
    small = page.evaluate(
        """Math.min(99, ...[...document.querySelectorAll('svg text')].filter(text => text.textContent.trim())
            .map(text => parseFloat(getComputedStyle(text).fontSize) * Math.hypot(text.getScreenCTM().a,
                                                                                  text.getScreenCTM().b)))"""
    )
    assert small >= SMALLEST_TEXT_PX
    overlapping = page.evaluate(
        """[...document.querySelectorAll('figure')].filter(figure => {
            const frame = figure.getBoundingClientRect();
            return [...figure.querySelectorAll('text')].some(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 2 || box.right > frame.right + 2;
            });
        }).length"""
    )
    assert overlapping == 0, "a figure's text stands outside of it"
    page.screenshot(path=pictures / f"{kind}-{size}.png", full_page=True)
    page.close()


def test_dark_is_dark_and_figures_follow(browser: Browser, files: dict[str, Path], pictures: Path) -> None:
    script = (
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('svg text')).fill]"
    )
    seen = {}
    for scheme in ("light", "dark"):
        page, _ = opened(browser, files["accepted"], "desktop", scheme)
        seen[scheme] = page.evaluate(script)
        page.screenshot(path=pictures / f"accepted-desktop-{scheme}.png", full_page=True)
        page.close()
    assert seen["light"] == ["rgb(255, 255, 255)", "rgb(27, 31, 36)"]
    assert seen["dark"] == ["rgb(20, 24, 29)", "rgb(230, 234, 239)"]


def test_on_paper_there_is_no_navigation_and_all_of_the_tables(
    browser: Browser, files: dict[str, Path], pictures: Path
) -> None:
    page, _ = opened(browser, files["accepted"], "desktop", "dark")
    paper = page.pdf(path=pictures / "accepted.pdf", prefer_css_page_size=True)
    assert paper.startswith(b"%PDF")
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()


def test_a_screen_reader_is_told_everything(browser: Browser, files: dict[str, Path]) -> None:
    page, _ = opened(browser, files["accepted"], "desktop")
    told = page.locator("body").aria_snapshot()
    for part in (
        'heading "Fault model accepted" [level=1]',
        'heading "Quality" [level=2]',
        'img "Scores with their 95% intervals"',
        'img "Precision over recall"',
        "caption: Confusion matrix",
        'rowheader "recall"',
        'columnheader "95% interval"',
        "navigation",
        "main",
    ):
        assert part in told, part
    page.close()
