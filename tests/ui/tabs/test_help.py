"""Help in a real Chromium: the manual at the topic of the tab before, at the one in the address, and link by link."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from store.database.workspace import Workspace
from tests.ui.browser import chromium, served
from ui.tabs import help


def test_help_opens_at_the_topic_of_the_tab_before_and_its_links_stay_in_the_page(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w").close()
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = watched.open()
        title, current = page.locator("#help-page h1"), page.locator("#help-topics a[aria-current=page]")
        page.get_by_role("tab", name="Export").click()
        page.get_by_role("tab", name="Help").click()
        expect(title).to_have_text("Export")
        expect(current).to_have_text("Export")
        expect(page.locator("#help-page code").first).to_contain_text("scalequest export")
        page.evaluate("window.was = 1")
        page.locator("#help-page").get_by_role("link", name="check", exact=True).click()
        expect(title).to_have_text("Check what is stored")
        page.get_by_role("navigation", name="Manual").get_by_role("link", name="Map", exact=True).focus()
        page.keyboard.press("Enter")
        expect(title).to_have_text("Map")
        expect(current).to_have_text("Map")
        assert page.evaluate("window.was") == 1  # the page was not loaded again

        page = watched.open("/?help=search")
        expect(page.get_by_role("tab", name="Help")).to_have_attribute("aria-selected", "true")
        expect(title).to_have_text("Search")
        watched.open("/?help=<b>none")
        expect(title).to_have_text("The manual")
        page.set_viewport_size({"width": 400, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert not watched.errors
        assert not watched.foreign


def test_every_page_of_the_manual_is_listed_once_and_every_tab_has_one() -> None:
    listed = re.findall(r'data-topic="([^"]+)"', help.contents())
    assert sorted(listed) == sorted(help.pages())
    tabs = ("Home", "Sample", "Explore", "Curate", "Runs", "Compare", "Export", "Train")
    assert {tab.lower() for tab in tabs} <= {*listed}
    assert all(text.startswith("# ") for text in help.pages().values())
    assert not any("](" in line and ".md)" in line for text in help.pages().values() for line in text.splitlines())
