"""The drawer with a question's story in a real Chromium: opened over any tab, left to where one came from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from store.database.workspace import Workspace
from tests.store import rows
from tests.ui.browser import chromium, served

ROWS = 60
ROW = "#explore [data-part=table] tbody tr"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawer") / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run(status="done"))
        for idx in range(ROWS):
            text = f"What is $x^{{{idx}}}$ for $x = 1$?" if idx == 7 else None
            workspace.writer.put([rows.question(idx, text=text), *rows.whole(idx)[1:]])
        workspace.writer.flush()
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


def drawer(page: Page, key: str) -> Locator:
    """The drawer, once it shows this question."""
    panel = page.locator("#row .drawer")
    expect(panel.locator("h2")).to_have_text(key)
    expect(panel.locator("[data-part=fate]")).to_contain_text("A pair")
    return panel


def test_a_row_opens_next_to_the_table_and_escape_gives_the_focus_back(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = watched.open("/?sort=newest")
        row = page.locator(ROW).nth(7)
        row.focus()
        row.scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        row.press("Enter")
        panel = drawer(page, "r1-00000007")
        expect(panel).to_be_focused()
        box = panel.bounding_box()
        assert box is not None
        assert (box["x"], box["width"]) == (960, 480)
        assert page.evaluate("scrollY") == before
        expect(row).to_be_visible()
        expect(row).to_have_attribute("aria-current", "true")
        expect(panel.locator(".question .katex")).to_have_count(2)
        expect(panel.locator(".stages .is-passed")).to_have_count(7)
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(row).to_be_focused()
        assert page.evaluate("scrollY") == before
        assert "row=" not in page.url
        assert not watched.errors


def test_the_headings_of_the_story_do_not_jump_a_level(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/?row=r1-00000007&sort=newest")
        panel = drawer(page, "r1-00000007")
        panel.locator(".all-details > summary").click()
        levels = [
            int(tag[1]) for tag in panel.locator("h1,h2,h3,h4,h5,h6").evaluate_all("all => all.map(h => h.tagName)")
        ]
        assert levels[0] == 2
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_decisions_are_stored_shown_and_taken_back(url: str, folder: Path) -> None:
    with chromium(url) as watched:
        page = watched.open("/?row=r1-00000003&sort=newest")
        panel = drawer(page, "r1-00000003")
        accept = panel.get_by_role("button", name="Accept")
        expect(accept).to_be_disabled()
        expect(panel.get_by_text("Enter your name to decide")).to_be_visible()
        panel.get_by_label("Your name").fill("ana")
        accept.click()
        expect(accept).to_have_attribute("aria-pressed", "true")
        expect(panel.locator("[data-part=fate]")).to_contain_text("A pair, accepted.")
        expect(panel.locator("[data-part=history] td").nth(1)).to_have_text("ana")
        expect(page.locator("#explore tr[data-id='r1-00000003']")).to_contain_text("accepted")
        panel.get_by_label("New tag").fill("neat")
        panel.get_by_label("New tag").press("Enter")
        tag = panel.get_by_role("button", name="# neat")
        expect(tag).to_have_attribute("aria-pressed", "true")
        tag.click()
        expect(tag).to_have_count(0)
        panel.get_by_role("button", name="Reject").click()
        expect(panel.locator("[data-part=fate]")).to_contain_text("rejected")
        panel.get_by_role("button", name="Undo").click()
        expect(panel.locator("[data-part=fate]")).to_contain_text("A pair, accepted.")
        panel.get_by_role("button", name="Undo").click()
        expect(panel.locator("[data-part=fate]")).to_contain_text("A pair, unreviewed.")
        expect(panel.get_by_role("button", name="Undo")).to_have_count(0)
        assert not watched.errors


def test_a_decision_on_the_demo_makes_it_a_part_of_the_workspace(tmp_path: Path) -> None:
    with served(tmp_path / "w") as address, chromium(address) as watched:
        page = watched.open("/?sort=newest")
        page.locator(ROW).first.click()
        panel = page.locator("#row .drawer")
        panel.get_by_label("Your name").fill("ana")
        panel.get_by_role("button", name="Accept").click()
        expect(panel.get_by_role("button", name="Accept")).to_have_attribute("aria-pressed", "true")
        expect(panel.locator("[data-part=history]")).to_contain_text("accept")
        assert not watched.errors


def test_the_next_row_keeps_the_place_and_closing_finds_it_in_the_table(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/?sort=newest")
        page.locator(ROW).nth(48).click()
        panel = drawer(page, "r1-00000048")
        expect(panel.locator("[data-part=place]")).to_have_text(f"49 of {ROWS}")
        for _ in range(3):
            page.keyboard.press("j")  # faster than the story is read
        drawer(page, "r1-00000051")
        panel.get_by_role("button", name="Close").click()
        expect(page.locator("tr[data-id='r1-00000051']")).to_be_focused()
        expect(page.locator("#explore [data-part=range]")).to_have_text(f"51-{ROWS} of {ROWS} questions")
        assert not watched.errors


def test_a_narrow_page_is_all_drawer_and_keeps_the_focus_in_it(url: str) -> None:
    with chromium(url, width=400) as watched:
        page = watched.open("/?row=r1-00000005&sort=newest")
        panel = drawer(page, "r1-00000005")
        box = panel.bounding_box()
        assert box is not None
        assert (box["x"], box["width"]) == (0, 400)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        for _ in range(40):
            page.keyboard.press("Tab")
            page.wait_for_function(  # or in the browser's own bar
                "[...document.querySelectorAll('body, #row .drawer, #row .drawer *')].includes(document.activeElement)"
            )
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(page.locator("tr[data-id='r1-00000005']")).to_be_focused()
        assert not watched.errors


def test_the_drawer_takes_the_whole_page_on_demand(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = watched.open("/?row=r1-00000005&sort=newest")
        panel = drawer(page, "r1-00000005")
        panel.get_by_role("link", name="Full page").click()
        box = panel.bounding_box()
        assert box is not None
        assert box["width"] >= 1420
        panel.get_by_role("link", name="Back to the side").click()
        expect(panel.get_by_role("link", name="Full page")).to_be_visible()
        assert not watched.errors
