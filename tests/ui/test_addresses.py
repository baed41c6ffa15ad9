"""The page's addresses and the browser's history, in a real Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from store.records import now
from tests.store import rows
from tests.ui.browser import Watched, chromium, served

TABS = ["Home", "Sample", "Runs", "Explore", "Curate", "Export", "Compare", "Train", "Help"]
RUN = rows.run().run_id


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("addresses") / "w"
    with Workspace.open(folder, create=True) as workspace:
        workspace.create_run(rows.run(status="done", ended_at=now()))
        workspace.writer.put(row for idx in range(12) for row in rows.whole(idx))
        workspace.writer.flush()
    with served(folder) as address:
        yield address


@pytest.fixture
def watched(url: str) -> Iterator[Watched]:
    with chromium(url) as page:
        yield page


def front(page: Page, name: str) -> None:
    """The tab is in front: in the rail, in the title, and its panel is the only one that can be seen."""
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    expect(page.locator(f"#page-{name.lower()}")).to_be_visible()
    expect(page.locator("[role=tabpanel]").filter(visible=True)).to_have_count(1)


def contents(page: Page) -> str:
    """What can be read of the tab in front, without how long Gradio waited for it."""
    return re.sub(r"\s+", " ", re.sub(r"\b\d+\.\d+s\b", "", page.locator("#pages").inner_text())).strip()


def settle(page: Page) -> None:
    """Waits until nothing is being loaded, and nothing has changed for some time."""
    page.wait_for_function("!/Loading/.test(document.querySelector('#pages').innerText)")
    for _ in range(20):
        before = contents(page)
        page.wait_for_timeout(700)
        if contents(page) == before:
            return


def filter_address(**conditions: object) -> str:
    return f"/explore?filter={quote(json.dumps(conditions))}"


def test_back_undoes_25_steps_one_by_one_with_the_same_addresses_and_contents(watched: Watched) -> None:
    page = watched.open()
    front(page, "Home")
    seen: list[tuple[str, str, str]] = []

    def step(tab: str) -> None:
        page.get_by_role("tab", name=tab).click()
        front(page, tab)
        note(tab)

    def note(tab: str) -> None:
        settle(page)
        seen.append((page.url, tab, contents(page)))

    note("Home")
    for tab in [*TABS[1:], "Explore"]:
        step(tab)
    board = page.locator("#explore")
    for words in ("3", "5"):
        board.get_by_label("Search").fill(words)
        expect(page).to_have_url(re.compile(f"words.*{words}"))
        note("Explore")
        board.get_by_role("button", name="Clear all").first.click()
        expect(page).not_to_have_url(re.compile("filter="))
        note("Explore")
    board.locator("[data-part=table] tbody tr").nth(2).click()
    expect(page).to_have_url(re.compile(f"/row/{RUN}-"))
    expect(page.locator("#explore-story")).to_be_visible()
    note("Explore")
    for tab in (
        "Curate",
        "Explore",
        "Help",
        "Runs",
        "Home",
        "Train",
        "Sample",
        "Help",
        "Export",
        "Home",
        "Runs",
        "Explore",
    ):
        step(tab)
    assert len(seen) > 24
    for address, tab, shown in reversed(seen[:-1]):
        page.go_back()
        expect(page).to_have_url(address)
        front(page, tab)
        settle(page)
        assert contents(page)[:400] == shown[:400], address
    assert not watched.errors


@pytest.mark.parametrize("tab", TABS)
def test_a_reload_shows_the_same_tab(watched: Watched, tab: str) -> None:
    page = watched.open("/" if tab == "Home" else f"/{tab.lower()}")
    front(page, tab)
    shown = page.url
    watched.reload()
    front(page, tab)
    assert page.url == shown
    assert not watched.errors
    assert not watched.foreign


def test_a_link_to_a_row_and_to_a_filter_opens_there(watched: Watched) -> None:
    page = watched.open(f"/row/{RUN}-00000003")
    front(page, "Explore")
    expect(page.locator("#explore-story h2").first).to_contain_text("00000003")
    page = watched.open(filter_address(run=[RUN], query_chars=[1, 9999]))
    front(page, "Explore")
    expect(page.locator("#explore [data-part=parts] li")).to_have_count(2)
    page.get_by_role("tab", name="Export").click()
    front(page, "Export")
    page.get_by_role("tab", name="Explore").click()
    expect(page.locator("#explore [data-part=parts] li")).to_have_count(2)
    assert "filter=" in page.url
    assert not watched.errors


def test_links_of_the_first_version_open_what_they_name(watched: Watched) -> None:
    page = watched.open(f"/?row={RUN}-00000003")
    expect(page).to_have_url(re.compile(f"/row/{RUN}-00000003$"))
    front(page, "Explore")
    page = watched.open("/?help=map")
    expect(page).to_have_url(re.compile("/help/map$"))
    expect(page.locator("#help-page h1")).to_have_text("Map")


def test_the_rail_is_walked_by_arrow_keys_and_skipped_by_a_link(watched: Watched) -> None:
    page = watched.open()
    front(page, "Home")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#pages")).to_be_focused()
    page.get_by_role("tab", name="Home").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("tab", name="Runs")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    front(page, "Train")


def test_the_theme_is_remembered_and_the_search_leads_to_explore(watched: Watched) -> None:
    page = watched.open()
    page.get_by_role("button", name="Dark colours").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    watched.reload()
    expect(page.get_by_role("button", name="Light colours")).to_be_visible()
    assert page.evaluate("document.body.classList.contains('dark')")
    page.get_by_role("searchbox", name="Search questions").fill("many")
    page.keyboard.press("Enter")
    front(page, "Explore")
    expect(page).to_have_url(re.compile("filter=.*many"))
