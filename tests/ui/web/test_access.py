"""Accessibility of every tab by axe-core in a real Chromium: light, dark, and on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ui.browser import chromium, served
from tests.ui.tabs.curate.curating import fill
from ui.web import assets
from ui.web.addresses import TABS

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
"""A development package: ``make check`` installs it."""
EXCEPTIONS: dict[str, str] = {}
"""Parts of selectors of what only Gradio could mend, each with the reason."""
_OPEN_TAB = """([script, name]) => import(new URL(script, document.baseURI).href).then((tabs) => tabs.openTab(name))"""
_FINDINGS = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    return bad.flatMap(({ id, impact, nodes }) => nodes.map(({ target, html, any, all }) => {
        const why = [...any, ...all][0]?.message ?? "";
        return { id, impact, target: target.join(" "), html: html.slice(0, 160), why };
    }));
}"""
_LEVELS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter((heading) => heading.checkVisibility()).map((heading) => Number(heading.tagName[1]))"""

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: run make check")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(fill(tmp_path_factory.mktemp("access") / "w")) as address:
        yield address


def findings(page: Page) -> list[dict[str, Any]]:
    """What axe finds serious or critical in the page as it is, without the exceptions."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8") + "; null")
        page.add_style_tag(content=".pending { opacity: 1 !important; }")  # Gradio: what it is about to replace is pale
    found: list[dict[str, Any]] = page.evaluate(_FINDINGS)
    return [one for one in found if not any(part in one["target"] for part in EXCEPTIONS)]


def listed(found: list[dict[str, Any]], where: str) -> list[str]:
    return [f"{where}: {one['id']} ({one['impact']}) {one['target']}: {one['why']} {one['html']}" for one in found]


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 400)])
def test_no_tab_has_a_serious_fault_of_accessibility(url: str, theme: str, width: int) -> None:
    with chromium(url, width, 900) as watched:
        page = watched.open(f"/?__theme={theme}")
        expect(page.get_by_role("tab", name="Home")).to_be_attached()
        problems = []
        for name in TABS:
            page.evaluate(_OPEN_TAB, [assets.address("lib/tabs.js"), name])
            page.wait_for_timeout(1500)  # charts and lists come after the tab
            problems += listed(findings(page), name)
            problems += _headings(page, name)
            if name == "curate":
                problems += _while_reviewing(page, f"{theme} {width}")
        assert not problems, "\n".join(problems)


def _headings(page: Page, where: str) -> list[str]:
    """Headings that are more than one level below the one before; a narrow page shows no title of its own."""
    levels = page.evaluate(_LEVELS)
    return [f"{where}: h{one} to h{other}" for one, other in pairwise([1, *levels]) if other > one + 1]


def _while_reviewing(page: Page, reviewer: str) -> list[str]:
    """Curate with a card, an open pane, and its panels."""
    page.get_by_label("Your name").fill(reviewer)
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.locator("#curate article .question")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator("#curate .pane")).to_be_visible()
    problems = listed(findings(page), "Curate, editing")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("#curate [data-part=saved]")).to_have_text("Saved")
    for panel in page.locator("#curate-panels details").all():
        panel.locator("> summary").click()
    page.wait_for_timeout(1500)
    return problems + listed(findings(page), "Curate, its panels")


@pytest.mark.parametrize(("theme", "width"), [("dark", 1280), ("light", 400)])
def test_the_story_of_a_question_has_no_serious_fault_of_accessibility(url: str, theme: str, width: int) -> None:
    with chromium(url, width, 900) as watched:
        page = watched.open(f"/row/r1-00000003?__theme={theme}")
        expect(page.get_by_text("r1-00000003").locator("visible=true").first).to_be_visible()
        page.wait_for_timeout(2000)
        problems = listed(findings(page), "a question")
        assert not problems, "\n".join(problems)


_STOPS = """() => {
    const { activeElement: at } = document;
    return [at.tagName, (at.getAttribute("aria-label") || at.textContent || "").trim().slice(0, 40)];
}"""


def test_a_list_of_values_is_one_stop_of_the_tab_key_and_arrows_move_within(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open('/?filter={"run":["r1"]}')
        expect(page.locator("#explore [data-part=table] tbody tr").first).to_be_visible()
        stages = page.locator("#explore .funnel button")
        stages.first.focus()
        page.keyboard.press("ArrowDown")
        expect(stages.nth(1)).to_be_focused()
        page.keyboard.press("End")
        expect(stages.last).to_be_focused()
        page.keyboard.press("Tab")
        assert not page.evaluate("() => document.activeElement.closest('.funnel') !== null")
        page.keyboard.press("Shift+Tab")
        expect(stages.last).to_be_focused()  # where one was
        boxes = page.locator("#explore [data-part=facets] fieldset").nth(1).locator("input[type=checkbox]")
        assert boxes.evaluate_all("all => all.filter((one) => one.tabIndex === 0).length") == 1
        page.locator("#explore [data-part=text]").focus()
        stops: list[list[str]] = []
        while len(stops) < 60 and (not stops or stops[-1][0] != "TR"):
            page.keyboard.press("Tab")
            stops.append(page.evaluate(_STOPS))
        assert stops[-1][0] == "TR", stops
        assert len(stops) < 40, stops
        page.keyboard.press("Tab")
        assert page.evaluate(_STOPS)[0] != "TR"  # the rows are one stop too


@pytest.mark.parametrize(("width", "left", "top"), [(1280, 200, 0), (900, 200, 0), (899, 0, 44), (400, 0, 44)])
def test_the_page_leaves_room_for_the_rail_and_on_a_narrow_screen_for_a_bar(
    url: str, width: int, left: int, top: int
) -> None:
    with chromium(url, width, 900) as watched:
        page = watched.open("/curate")
        field = page.get_by_label("Your name")
        expect(field).to_be_visible()
        pages = page.locator("#pages").bounding_box()
        assert pages is not None
        assert left <= pages["x"] <= left + 40
        assert top <= pages["y"] <= top + 40
        assert pages["width"] >= width - left - 80
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
