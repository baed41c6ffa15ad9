"""``page``: what a person waits for in the page, in a real Chromium on a real server, with the bundled models.

The browser is that of the tests (``tests.ui.browser``), so this runs in a checkout only. Figures are of this machine,
as loaded as it is.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

from playwright.sync_api import Page, expect

from benchmarks import page_load
from benchmarks.app import served
from store.database.workspace import Workspace
from tests.ui.browser import chromium

GOALS = {
    **page_load.GOALS,
    "app_start_s": "from the command to a server that answers",
    "page_drawn_s": "from opening a fresh workspace's page to its charts (the demo's)",
    "sample_cold_first_token_s": "from the click to the first words, models loaded on the way",
    "sample_first_token_s": "from the click to the first words, models loaded",
    "sample_first_pair_s": "from the same click to the first pair",
    "sample_cancel_s": "from Cancel to the page saying so, in the middle of 20 questions; goal <= 0.3",
    "brush_redraw_ms_p50": "from the end of a brush to every other chart, the count and the table redrawn",
    "brush_redraw_ms_p95": "",
    "rss_mb_after_200_samples": "the app's memory after 200 questions were sampled",
}
BRUSHES, ROUNDS, EACH = 40, 10, 20
LIVE = 20, 16
"""Questions and solutions each of the live run that is watched."""
_LONG = 300_000
"""Milliseconds that nothing here should take."""


def measure() -> dict[str, float]:
    """The figures by name."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        Workspace.open(workspace).close()
        began = time.monotonic()
        with served(workspace) as (url, app):
            found = {"app_start_s": time.monotonic() - began} | page_load.measure(url, app)
            with chromium(url) as watched:
                page = watched.page
                page.set_default_timeout(_LONG)
                expect.set_options(timeout=_LONG)
                found["page_drawn_s"] = _seconds(
                    watched.open, lambda: page.locator("[data-chart=topic] .plot svg").first.wait_for()
                )
                found |= _sampling(page)
                found |= _brushing(page)
                found["rss_mb_after_200_samples"] = app.memory_info().rss / 1e6
            found |= page_load.live(url, *LIVE)
    return found


def _seconds(act: Callable[[], object], until: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    until()
    return time.monotonic() - began


def _sampling(page: Page) -> dict[str, float]:
    """Once with cold models, then 200 questions; the first of these rounds is timed."""
    page.get_by_role("tab", name="Sample").click()
    go = page.get_by_role("button", name="Sample", exact=True)

    def first_words() -> None:
        page.wait_for_function(
            """() => [...document.querySelectorAll('#sample .question')].some(
                (q) => q.textContent && !/^(Being|Not) written/.test(q.textContent))"""
        )

    def over() -> None:
        expect(page.locator("#sample .status")).to_contain_text("became", timeout=_LONG)

    found = {"sample_cold_first_token_s": _seconds(go.click, first_words)}
    over()
    page.get_by_label("Questions").last.fill(str(EACH))
    for number in range(ROUNDS):
        began = time.monotonic()
        go.click()
        if not number:
            page.wait_for_function("() => /Sampling/.test(document.querySelector('#sample .status').textContent)")
            first_words()
            found["sample_first_token_s"] = time.monotonic() - began
            page.locator("#sample .solution.chosen").first.wait_for()
            found["sample_first_pair_s"] = time.monotonic() - began
        page.wait_for_function("() => !/became/.test(document.querySelector('#sample .status').textContent)")
        over()
    go.click()
    page.wait_for_function("() => /Sampling/.test(document.querySelector('#sample .status').textContent)")
    page.wait_for_timeout(1000)
    cancelled = "() => /cancelled/.test(document.querySelector('#sample .status').textContent)"
    found["sample_cancel_s"] = _seconds(
        page.locator("#sample-cancel").click, lambda: page.wait_for_function(cancelled, polling=5)
    )
    return found


BRUSH = """(low) => new Promise((done) => {
    const explore = document.querySelector('.explore'), began = performance.now();
    const headline = explore.querySelector('[data-part=headline]'), before = headline.textContent;
    const input = explore.querySelector('section[data-histogram=difficulty] input');
    let still = null;
    const seen = new MutationObserver(() => requestAnimationFrame(() => {
        const changed = performance.now() - began;
        clearTimeout(still);
        if (headline.textContent === before) return;
        still = setTimeout(() => { seen.disconnect(); done(changed); }, 100);
    }));
    seen.observe(explore, { childList: true, characterData: true, attributes: true, subtree: true });
    input.value = low;
    for (const type of ['input', 'change']) input.dispatchEvent(new Event(type, { bubbles: true }));
})"""
"""Sets the lower end of the difficulty; answers, in milliseconds, the frame after the last change that this makes
anywhere in Explore."""


def _brushing(page: Page) -> dict[str, float]:
    """The difficulty brushed forth and back, each timed in the page until all that depends on it is drawn."""
    page.get_by_role("tab", name="Explore").click()
    page.locator("section[data-histogram=difficulty] svg").first.wait_for()
    found = [float(page.evaluate(BRUSH, low)) for _ in range(BRUSHES // 2) for low in ("0.3", "0")]
    cuts = quantiles(found, n=20)
    return {"brush_redraw_ms_p50": cuts[9], "brush_redraw_ms_p95": cuts[18]}
