"""Home in a real Chromium: real rows are drawn, from this host alone; a fresh workspace has the demo's."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from tests.store import rows
from tests.ui.browser import chromium, served

LONG = 90_000
"""Milliseconds: models load on a busy machine."""


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def filled(folder: Path) -> Path:
    """A workspace with a run of four pairs and a dropped question."""
    with Workspace.open(folder, create=True) as workspace:
        workspace.create_run(rows.run(status="done"))
        workspace.writer.put(row for idx in range(4) for row in rows.whole(idx))
        workspace.writer.put([rows.question(4), *rows.verdicts(4, drop="solvability", reason="not_solvable")])
        workspace.writer.flush()
    return folder


def test_a_run_is_drawn_with_its_numbers_in_words_and_tables(tmp_path: Path) -> None:
    with served(filled(tmp_path / "w")) as url, chromium(url) as watched:
        page = watched.open()
        expect(page.get_by_text("4 pairs from 5 questions")).to_be_visible()
        expect(page.locator("[data-chart]")).to_have_count(6)
        expect(page.locator("[data-chart=difficulty] .plot svg").first).to_be_visible()
        expect(page.locator("[data-chart=funnel] li").nth(4)).to_have_text("solvability41 dropped")
        page.locator("[data-chart=topic] summary").click()
        expect(page.locator("[data-chart=topic] tbody tr").first).to_have_text(re.compile(r"^\D+44$"))
        expect(page.locator(".pair .katex").first).to_be_visible()
        assert not watched.errors
        assert not watched.foreign


def test_a_fresh_workspace_shows_the_demo_and_five_questions_more_are_added_to_it(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url, width=400) as watched:
        page = watched.open("/?__theme=dark")
        expect(page.locator("#home")).to_contain_text("This is the bundled demo")
        expect(page.locator("[data-chart]")).to_have_count(6)
        expect(page.locator("#models")).to_have_text("No model is loaded yet.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.get_by_role("button", name="Generate 5 more").click()
        expect(page.locator("#fresh")).to_contain_text("of 5 questions became", timeout=LONG)
        expect(page.locator("#fresh li")).to_have_count(5)
        expect(page.locator("#headline")).to_contain_text("from 465 questions")
        expect(page.locator("#models")).to_contain_text("nano are loaded")
        assert not watched.errors
        assert not watched.foreign
    with Workspace.open(tmp_path / "w", create=False) as workspace:
        runs = [(run.name.split(":")[0], run.kind, run.status) for run in workspace.runs()]
        assert runs == [("Demo", "generate", "done"), ("Demo", "generate", "done"), ("five more", "live", "done")]


_WIDTHS = """() => [...document.querySelectorAll('#board [data-chart]')].map((panel) =>
    [panel.querySelector('.plot').clientWidth, panel.querySelector('.plot svg')?.clientWidth ?? 0])"""
"""Of each chart: of its place, and of what is drawn there."""


def fitting(page: Page, charts: int) -> bool:
    widths = page.evaluate(_WIDTHS)
    return len(widths) == charts and all(place > 0 and abs(place - drawn) <= 1 for place, drawn in widths)


def test_charts_fit_their_panels_when_home_is_first_shown_later_and_when_the_window_changes(tmp_path: Path) -> None:
    with served(filled(tmp_path / "w")) as url, chromium(url) as watched:
        page = watched.open("/?filter=%7B%7D")
        expect(page.get_by_role("tab", name="Explore")).to_have_attribute("aria-selected", "true")
        page.wait_for_timeout(3_000)  # Home would be drawn by now, if it were drawn while it is hidden
        page.get_by_role("tab", name="Home").click()
        until(lambda: fitting(page, 5))
        page.set_viewport_size({"width": 700, "height": 900})
        until(lambda: fitting(page, 5))
        page.get_by_role("tab", name="Explore").click()
        page.set_viewport_size({"width": 1440, "height": 900})
        page.wait_for_timeout(500)
        page.get_by_role("tab", name="Home").click()
        until(lambda: fitting(page, 5))
        assert not watched.errors


def test_counts_have_whole_ticks_a_title_at_each_axis_and_the_fonts_of_the_page(tmp_path: Path) -> None:
    with served(filled(tmp_path / "w")) as url, chromium(url) as watched:
        page = watched.open()
        for chart, axis in (("difficulty", "y"), ("reward", "y"), ("topic", "x")):
            ticks = page.locator(f"#board [data-chart={chart}] .{axis}tick text")
            expect(ticks.first).to_be_visible()
            numbers = [text.replace(",", "") for text in ticks.all_text_contents()]
            assert all(number.isdigit() for number in numbers)
            assert len(set(numbers)) == len(numbers)
            expect(page.locator(f"#board [data-chart={chart}] .{axis}title")).to_have_text("questions")
        expect(page.locator("#board [data-chart=difficulty] .xtitle")).to_have_text(
            "share of attempts expected to fail"
        )
        fonts = "(place) => getComputedStyle(document.querySelector(place)).fontFamily"
        assert page.evaluate(fonts, "#board .xtick text") == page.evaluate(fonts, "#board h3")


def test_each_stage_bar_and_pair_leads_to_its_questions_in_explore(tmp_path: Path) -> None:
    with served(filled(tmp_path / "w")) as url, chromium(url) as watched:
        page = watched.open()
        page.get_by_role("button", name="1 dropped").click()
        rows_in_explore(page, 1)
        page.get_by_role("tab", name="Home").click()
        page.get_by_role("button", name="show the pairs").click()
        rows_in_explore(page, 4)
        page.get_by_role("tab", name="Home").click()
        page.locator("[data-chart=topic] .plot svg .bars path").last.click(force=True)
        rows_in_explore(page, 4)
        page.get_by_role("tab", name="Home").click()
        page.locator("[data-chart=topic] summary").click()
        page.locator("[data-chart=topic] tbody button").first.click()
        rows_in_explore(page, 4)
        page.get_by_role("tab", name="Home").click()
        page.locator(".pair").first.get_by_role("button", name="Open in Explore").click()
        expect(page.locator("#explore-story")).to_contain_text("r1-0000000")
        assert not watched.errors


def rows_in_explore(page: Page, count: int) -> None:
    expect(page.locator(".explore [data-part=table] tbody tr")).to_have_count(count)


def test_home_has_what_was_sampled_elsewhere_and_the_demo_can_be_had_back(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = watched.open()
        page.set_default_timeout(LONG)
        expect(page.locator("#headline")).to_contain_text("from 460 questions")
        page.get_by_role("tab", name="Sample").click()
        page.get_by_role("button", name="Sample", exact=True).click()
        expect(page.locator("#sample .status")).to_have_text(re.compile("^Done: "), timeout=LONG)
        page.get_by_role("tab", name="Home").click()
        expect(page.locator("#headline")).to_contain_text("from 5 questions")
        expect(page.locator("#home")).to_contain_text("It is added to this workspace; delete it in Runs.")
        page.get_by_role("button", name="Explore", exact=True).click()
        expect(page.locator(".explore [data-part=headline]")).to_contain_text("460")
        page.get_by_role("tab", name="Home").click()
        expect(page.locator("#headline")).to_contain_text("from 465 questions")
        expect(page.locator("#home")).to_contain_text("The demo is a part of this workspace; delete its runs in Runs")
        page.get_by_role("button", name="Import a dataset").first.click()
        expect(page.locator("#import")).to_contain_text("Drop File Here")
        assert not watched.errors


def test_a_run_that_was_sampled_from_home_is_watched_in_sample(tmp_path: Path) -> None:
    with served(filled(tmp_path / "w")) as url, chromium(url) as watched:
        page = watched.open()
        page.get_by_role("button", name="Generate 5 more").click()
        expect(page.locator("#fresh .line")).to_have_count(5, timeout=LONG)
        page.get_by_role("button", name="Watch in Sample").click()
        expect(page.locator("#sample .status")).to_have_text(re.compile("^Done: "), timeout=LONG)
        expect(page.locator("#sample .line")).to_have_count(5)
        page.get_by_role("tab", name="Home").click()
        expect(page.locator("#headline")).to_contain_text("from 10 questions")
        assert not watched.errors
