"""The charts of Explore in a real Chromium: a range drawn on one moves the others, and what was redrawn is what is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from tests.ui.browser import chromium, served
from tests.ui.tabs.explore.test_explore import ROWS, asked_of, count, put_runs, settled, table


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("charts") / "w"
    with Workspace.open(folder) as workspace:
        put_runs(workspace)
        workspace.writer.flush()
    with served(folder) as address:
        yield address


def drag(page: Page, chart: str, start: float, end: float) -> None:
    """Over a chart's plot, in shares of its width."""
    area = page.locator(f"[data-histogram={chart}] .nsewdrag")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + (start + (end - start) * step / 8) * box["width"], y)
    page.mouse.up()


def test_a_brush_moves_the_other_charts_the_count_and_the_table(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open()
        page.get_by_role("tab", name="Explore").click()
        settled(page)
        expect(page.locator("[data-part=headline]")).to_contain_text(f"{ROWS} of {ROWS} questions")
        page.evaluate(
            "document.querySelectorAll('#explore section > details').forEach(details => { details.open = true; })"
        )
        before = {name: numbers(page, name) for name in ("difficulty", "reward")}
        drag(page, "difficulty", 0.31, 0.59)
        expect(page.locator(".parts li")).to_have_text(["difficulty 0.3 to 0.6×"])
        kept = count(page)
        assert 0 < kept < ROWS
        expect(page.locator("[data-part=range]")).to_have_text(f"1-{min(kept, 50)} of {kept} questions")
        assert all(0.3 <= float(row[3]) <= 0.6 for row in table(page))
        assert asked_of(page) == {"difficulty": [0.3, 0.6]}
        after = {name: numbers(page, name) for name in ("difficulty", "reward")}
        assert after["difficulty"] == before["difficulty"]  # a chart ignores its own range
        assert after["reward"]["kept"] < before["reward"]["kept"]
        assert after["reward"]["all"] == before["reward"]["all"]
        page.get_by_label("Difficulty to").fill("0.4")
        page.get_by_label("Difficulty to").press("Enter")
        expect(page.locator(".parts li")).to_have_text(["difficulty 0.3 to 0.4×"])
        page.get_by_role("button", name="Clear Difficulty").click()
        expect(page.locator(".parts li")).to_have_count(0)
        assert asked_of(page) == {}
        assert not watched.errors
        assert not watched.foreign


def numbers(page: Page, chart: str) -> dict[str, int]:
    """What a chart's table adds up to."""
    found = page.evaluate(
        "name => [...document.querySelectorAll(`[data-histogram=${name}] tbody tr`)]"
        ".map(row => [1, 2].map(i => Number(row.cells[i].textContent.replace(',', ''))))",
        chart,
    )
    return {"all": sum(row[0] for row in found), "kept": sum(row[1] for row in found)}


def bars(page: Page) -> dict[str, Any]:
    """Of each histogram: shape and shade of its grey bars and its kept ones, in the order of the bins."""
    found: dict[str, Any] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('#explore section[data-histogram]')].map((made) => [
            made.dataset.histogram,
            [...made.querySelectorAll('.trace.bars')].map((trace) => [...trace.querySelectorAll('.point path')].map(
                (path) => [path.getAttribute('d'), path.style.opacity, path.style.fill])),
        ]))"""
    )
    return found


def test_charts_that_were_redrawn_bit_by_bit_are_those_of_a_fresh_page(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open()
        page.get_by_role("tab", name="Explore").click()
        settled(page)
        whole = bars(page)
        for start, end in ((0.05, 0.95), (0.21, 0.79), (0.31, 0.59)):
            drag(page, "difficulty", start, end)
        drag(page, "reward", 0.2, 0.9)
        expect(page.locator(".parts li")).to_have_count(2)
        page.wait_for_timeout(500)
        redrawn = bars(page)
        assert {shade for _, shade, _ in redrawn["difficulty"][1]} == {"1", "0.35"}
        assert all(redrawn[name][0] == whole[name][0] and redrawn[name][1] != whole[name][1] for name in whole)
        page = settled(watched.reload())
        expect(page.locator(".parts li")).to_have_count(2)
        expect(page.locator("#explore section[data-histogram] .drawn .trace.bars")).to_have_count(2 * len(whole))
        assert bars(page) == redrawn
        page.locator("[data-histogram=reward] .nsewdrag").scroll_into_view_if_needed()
        page.get_by_label("Scale charts to what the filter keeps").check()
        scaled = bars(page)
        assert all(scaled[name][-1] != redrawn[name][1] for name in whole)
        page.get_by_label("Scale charts to what the filter keeps").uncheck()
        assert bars(page) == redrawn
        assert not watched.errors


@pytest.mark.parametrize("width", [400, 1280])
def test_the_bars_of_the_charts_are_seen_on_every_screen(url: str, width: int) -> None:
    with chromium(url, width=width) as watched:
        page = watched.open()
        page.get_by_role("tab", name="Explore").click()
        for name in ("difficulty", "reward"):
            expect(page.locator(f"[data-histogram={name}] .trace.bars").last).to_be_visible()
        assert not watched.errors
