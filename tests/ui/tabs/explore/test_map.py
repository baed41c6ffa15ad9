"""The map in a real Chromium: it is made in the page, moved, zoomed and drawn on, and what is drawn is a filter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from store.database.workspace import Workspace
from store.map import files
from tests.engine.checks.stored import imported
from tests.engine.embedding.conftest import MANY, PARAPHRASE, texts
from tests.ui.browser import chromium, served
from tests.ui.hostile import HOSTILE

ALL = MANY + len(HOSTILE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("map") / "w"
    with Workspace.open(folder) as workspace:
        imported(workspace, [*texts(), *HOSTILE])
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


def opened(page: Page) -> Locator:
    page.get_by_role("tab", name="Map").click()
    section = page.locator("#map")
    expect(section.locator("[data-part=about]")).not_to_have_text("Loading the map…")
    return section


def in_view(section: Locator) -> int:
    said = section.locator("[data-part=count]").inner_text()
    return int(said.split()[0].replace(",", ""))


def drag(page: Page, section: Locator, corners: list[tuple[float, float]]) -> None:
    """Along these places, in shares of the map's width."""
    canvas = section.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y = corners[0]
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
    page.mouse.up()


def place_of(folder: Path, idx: int) -> tuple[float, float]:
    meta = files.read_meta(files.map_folder(folder))
    assert meta is not None
    made = files.Map(files.map_folder(folder), meta)
    x, y = made.places[(made.keys & (2**32 - 1)).tolist().index(idx)].tolist()
    return x, y


def asked_of(page: Page) -> dict[str, object]:
    found: dict[str, object] = page.evaluate("JSON.parse(new URL(location.href).searchParams.get('filter') || '{}')")
    return found


def count_of(page: Page) -> int:
    said = page.locator("#explore [data-part=headline]").inner_text()
    return int(re.match(r"[\d,]+", said).group().replace(",", ""))  # type: ignore[union-attr]


def test_the_map_is_made_in_the_page_and_what_is_drawn_on_it_is_a_filter_that_a_reload_keeps(
    url: str, folder: Path
) -> None:
    with chromium(url) as watched:
        page = watched.open("/?sort=newest")
        section = opened(page)
        expect(section.locator("[data-part=about]")).to_contain_text("There is no map yet")
        section.get_by_role("button", name="Make the map", exact=True).click()
        expect(section.locator("[data-part=about]")).to_contain_text(f"{ALL} of {ALL} questions are on the map")
        expect(section.locator("[data-part=about]")).to_contain_text("words and word pairs, not meaning")
        assert in_view(section) == ALL

        section.get_by_role("button", name="Zoom in").click()
        expect(section.locator("[data-part=count]")).not_to_contain_text(f"{ALL} questions")
        assert in_view(section) < ALL
        section.locator("canvas").press("0")
        expect(section.locator("[data-part=count]")).to_contain_text(f"{ALL} questions")

        section.get_by_role("button", name="Lasso").click()
        drag(page, section, [(0.1, 0.1), (0.9, 0.1), (0.9, 0.45), (0.5, 0.55), (0.1, 0.45)])
        chip = page.get_by_text("inside an area drawn on the map")
        expect(chip).to_be_visible()
        area = asked_of(page)["area"]
        assert isinstance(area, dict)
        assert 3 <= len(area["points"]) <= 100
        lassoed = count_of(page)
        assert 0 < lassoed < ALL
        meta = files.read_meta(files.map_folder(folder))
        assert meta is not None
        assert area["map"] == meta.version
        assert in_view(section) == ALL  # the map ignores its own condition
        beside = section.get_by_role("region", name="The area")
        expect(beside.get_by_role("status")).to_have_text(f"{lassoed} questions in the area, {lassoed} pairs")
        expect(beside.locator("li")).to_have_count(3)
        example = beside.locator("li button").nth(1)
        example.press("Enter")
        expect(page.locator("#row .drawer h2")).to_contain_text("i1-")
        page.keyboard.press("Escape")
        expect(example).to_be_focused()  # back at the map, where one came from
        beside.get_by_role("button", name="Export").click()
        expect(page).to_have_url(re.compile("/export"))
        page.go_back()
        beside.get_by_role("button", name="Show in table").click()
        expect(page.locator("#explore [data-part=table] tbody tr").first).to_be_focused()
        expect(section).to_be_hidden()

        watched.reload()
        expect(page.locator("#explore [data-part=headline]")).to_have_text(
            f"{lassoed} of {ALL} questions, {lassoed} pairs"
        )
        section = opened(page)
        section.get_by_role("button", name="Clear the area").click()
        expect(page.locator("#explore [data-part=headline]")).to_contain_text(f"{ALL} of {ALL} questions")
        assert asked_of(page) == {}

        section.locator("canvas").focus()
        for _ in range(2):
            section.locator("canvas").press("+")
        section.get_by_role("button", name="Select the visible area").click()
        expect(chip).to_be_visible()
        expect(page.locator("#explore [data-part=headline]")).to_contain_text(f"{in_view(section)} of {ALL}")
        assert not watched.errors
        assert not watched.foreign


def test_the_map_follows_the_filter_and_its_points_open_stories_with_neighbours(url: str, folder: Path) -> None:
    with chromium(url) as watched:
        page = watched.open("/?filter=" + '{"words": "apples shop dollars each"}')
        expect(page.locator("#explore [data-part=headline]")).to_contain_text(re.compile(r"^\d+ of"))
        found = count_of(page)
        assert 2 <= found < 100
        section = opened(page)
        expect(section.locator("[data-part=count]")).to_contain_text(f"{found} question")
        section.locator("select").select_option("topic")
        expect(section.locator("[data-part=legend]")).to_contain_text("no topic")
        canvas = section.locator("canvas")
        canvas.scroll_into_view_if_needed()
        x, y = place_of(folder, MANY - 2)
        box = canvas.bounding_box()
        assert box is not None
        at = (box["x"] + box["width"] * x / 100, box["y"] + box["height"] * (1 - y / 100))
        page.mouse.move(*at)
        expect(section.locator("[data-part=tip]")).to_contain_text("apples")
        scrolled = page.evaluate("scrollY")
        page.mouse.click(*at)
        expect(page.locator("#explore-story h2")).to_contain_text("i1-")
        near = page.locator("#row [data-part=near]")
        expect(near).to_contain_text("words and word pairs, not meaning")
        expect(near.locator("li button")).to_have_count(10)
        assert "apples" in near.inner_text()
        page.keyboard.press("Escape")
        expect(page.locator("#row .drawer")).to_be_hidden()
        expect(canvas).to_be_focused()
        expect(canvas).to_be_in_viewport()
        assert page.evaluate("scrollY") == scrolled
        page.mouse.click(*at)
        expect(near.locator("li button")).to_have_count(10)
        expect(near).to_contain_text(re.compile(f"{re.escape(PARAPHRASE[:20])}|i1-00000398"))
        assert not watched.errors


def test_hostile_questions_are_shown_and_do_nothing(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(f"/?row=i1-{MANY:08d}")
        expect(page.locator("#row [data-part=near] h3")).to_be_visible()
        page.wait_for_timeout(500)
        assert not watched.foreign
        assert not watched.errors


def test_an_area_of_another_map_is_left_out_with_a_sentence(url: str) -> None:
    with chromium(url) as watched:
        points = "[[1,1],[2,1],[2,2]]"
        page = watched.open(f'/?filter={{"topic":[null],"area":{{"map":"0123456789ab","points":{points}}}}}')
        expect(page.locator("#explore [data-part=message]")).to_contain_text("The area in the filter was left out")
        expect(page.locator("#explore [data-part=headline]")).to_contain_text(f"{ALL} of {ALL} questions")
        assert not watched.errors


def test_the_demo_has_a_map_that_can_be_drawn_on_and_not_remade(tmp_path: Path) -> None:
    with served(tmp_path / "w") as address, chromium(address) as watched:
        page = watched.open("/?sort=newest")
        section = opened(page)
        expect(section.locator("[data-part=about]")).to_contain_text("460 of 460 questions are on the map")
        expect(section.get_by_role("button", name="Rebuild the map")).to_be_hidden()
        section.get_by_role("button", name="Rectangle").click()
        drag(page, section, [(0.2, 0.2), (0.6, 0.6)])
        expect(page.get_by_text("inside an area drawn on the map")).to_be_visible()
        assert 0 < count_of(page) < 400
        assert not watched.errors


def test_an_area_with_nothing_in_it_says_so_and_offers_nothing_with_it(url: str, folder: Path) -> None:
    meta = files.read_meta(files.map_folder(folder))
    assert meta is not None
    with chromium(url) as watched:
        area = f'{{"map":"{meta.version}","points":[[0.01,0.01],[0.02,0.01],[0.02,0.02]]}}'
        page = watched.open(f'/?filter={{"area":{area}}}')
        section = opened(page)
        beside = section.get_by_role("region", name="The area")
        expect(beside).to_contain_text("0 questions in the area, 0 pairs")
        expect(beside).to_contain_text("Nothing lies in this area")
        for name in ("Show in table", "Review", "Export"):
            expect(beside.get_by_role("button", name=name)).to_be_disabled()
        expect(beside.get_by_role("button", name="Clear the area")).to_be_enabled()
        assert not watched.errors
