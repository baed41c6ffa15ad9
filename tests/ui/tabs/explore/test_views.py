"""The switch between the table, the map, What if and SQL, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.ui.browser import chromium, served


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("views") / "w"
    with served(folder) as address:  # the demo, which has a map
        yield address


def test_a_view_is_laid_between_facets_and_charts_and_drawn_when_it_is_first_shown(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = watched.open("/explore")
        table, map_ = page.locator("#explore [data-part=table]"), page.locator("#map")
        expect(table.locator("tbody tr").first).to_be_visible()
        expect(map_).to_be_hidden()
        assert page.locator("#map [data-part=about]").text_content() == "Loading the map…"
        page.get_by_role("tab", name="Map", exact=True).click()
        expect(page.locator("#map [data-part=about]")).to_contain_text("460 of 460 questions are on the map")
        expect(table).to_be_hidden()
        facets = page.locator("#explore [data-part=facets]").bounding_box()
        charts = page.locator("#explore [data-part=charts]").bounding_box()
        canvas = page.locator("#map canvas").bounding_box()
        assert facets is not None
        assert charts is not None
        assert canvas is not None
        assert facets["x"] + facets["width"] <= canvas["x"]
        assert canvas["x"] + canvas["width"] <= charts["x"]
        page.locator("#explore").get_by_role("button", name="Geometry").first.click()  # in a chart, next to the map
        expect(page.locator("#map [data-part=count]")).not_to_contain_text("460")
        assert "view=map" in page.url
        assert not watched.errors


def test_views_are_chosen_by_keys_and_back_returns_to_the_one_before(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/explore?view=whatif")
        tab = page.get_by_role("tab", name="What if")
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(page.locator("#whatif p.count")).to_be_visible()
        tab.press("ArrowRight")
        expect(page.get_by_role("tab", name="SQL")).to_be_focused()
        expect(page.get_by_label("SQL statement")).to_be_visible()
        expect(page.locator("#whatif")).to_be_hidden()
        page.go_back()
        expect(page.locator("#whatif p.count")).to_be_visible()
        page.get_by_role("tab", name="Table", exact=True).click()
        expect(page.locator("#explore [data-part=table] tbody tr").first).to_be_visible()
        assert "view=" not in page.url
        assert not watched.errors


def test_a_narrow_page_shows_a_view_whole(url: str) -> None:
    with chromium(url, width=400) as watched:
        page = watched.open("/explore?view=sql")
        expect(page.get_by_label("SQL statement")).to_be_visible()
        page.get_by_role("button", name="Pairs by topic").click()
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.locator("#sql tbody tr").first).to_be_visible()
        page.locator("#sql tbody tr").last.scroll_into_view_if_needed()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert not watched.errors
