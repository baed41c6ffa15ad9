"""The SQL section in a real Chromium: results are texts, the page never waits, and no statement can harm the app."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from store.database.workspace import Workspace
from tests.store import rows
from tests.store.console.hostile_sql import TIME
from tests.ui.browser import chromium, served
from tests.ui.hostile import HOSTILE, readable


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sql") / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run(status="done"))
        workspace.writer.put(row for idx in range(4) for row in rows.whole(idx))
        workspace.writer.put(rows.question(100 + idx, text=text) for idx, text in enumerate(HOSTILE))
        workspace.writer.flush()
    with served(folder) as address:
        yield address
    assert not list(folder.glob("console-*"))  # the snapshot went with the app


def opened(page: Page) -> Locator:
    page.get_by_role("tab", name="Explore").click()
    page.get_by_role("tab", name="SQL").click()
    section = page.locator("#sql")
    expect(section.get_by_label("SQL statement")).to_be_visible()
    return section


def run(section: Locator, statement: str) -> None:
    section.get_by_label("SQL statement").fill(statement)
    section.get_by_label("SQL statement").press("Control+Enter")


def test_a_statement_is_answered_as_a_table_over_a_snapshot_whose_age_and_cost_are_said(url: str) -> None:
    with chromium(url) as watched:
        section = opened(watched.open())
        expect(section.get_by_text("There is no snapshot yet")).to_be_visible()
        section.get_by_role("button", name="Pairs by topic").click()
        section.get_by_role("button", name="Run", exact=True).click()
        expect(section.locator("tbody tr")).to_have_count(1)
        expect(section.locator("tbody td")).to_have_text(["Algebra", "4", "0.4", "-0.1"])
        expect(section.locator("th").nth(1)).to_have_text("pairsBIGINT")
        expect(section.locator("td").nth(1)).to_have_css("text-align", "right")
        said = section.locator("[data-part=snapshot]")
        cost = r"Snapshot of \d\d:\d\d:\d\d, \d+ (second|minute)s? old, [\d.]+ MB, made in [\d.]+ s"
        expect(said).to_have_text(re.compile(cost))
        expect(section.get_by_text(re.compile(r"^1 row · [\d.]+ s$"))).to_be_visible()
        before = said.text_content()
        watched.page.wait_for_timeout(1100)  # its time is told to the second
        section.get_by_role("button", name="Refresh").click()
        expect(section.get_by_role("button", name="Run", exact=True)).to_be_enabled()
        expect(said).not_to_have_text(before or "")
        run(section, "SELECT NULL AS n FROM funnel WHERE false")
        expect(section.get_by_text("No rows · ")).to_be_visible()
        run(section, "SELECT nope FROM pairs")
        expect(section.get_by_role("alert")).to_contain_text('"nope" not found')
        expect(section.locator("table")).to_be_hidden()
        run(section, "DROP TABLE runs")
        expect(section.get_by_role("alert")).to_have_text("Only a SELECT may run here; this is DROP.")
        assert not watched.errors
        assert not watched.foreign


def test_hostile_texts_are_shown_as_they_are_and_a_spreadsheet_runs_none(url: str, tmp_path: Path) -> None:
    with chromium(url, width=400) as watched:
        page = watched.open("/?sort=newest")  # opens on Explore, whatever the width
        page.get_by_role("tab", name="SQL").click()
        section = page.locator("#sql")
        run(section, f"SELECT text, text AS \"<img src=x onerror='window.ran = 1'>\", -1.5 AS n FROM questions "
                     f"WHERE idx >= 100 ORDER BY idx LIMIT {len(HOSTILE)}")  # fmt: skip
        expect(section.locator("tbody tr")).to_have_count(len(HOSTILE))
        shown = section.locator("tbody td:first-child").all_text_contents()
        assert [readable(text, None) for text in shown] == [readable(text, None) for text in HOSTILE]
        assert page.evaluate("window.ran") is None
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        with page.expect_download() as download:
            section.get_by_role("button", name="Download CSV").click()
        download.value.save_as(tmp_path / "result.csv")
        with (tmp_path / "result.csv").open(encoding="utf-8-sig", newline="") as file:
            written = list(csv.reader(file))
        assert written[0][0] == "text"
        assert len(written) == len(HOSTILE) + 1
        assert not [cell for row in written for cell in row[:2] if cell.startswith(("=", "+", "-", "@"))]
        assert {row[2] for row in written[1:]} == {"-1.5"}
        assert not watched.errors
        assert not watched.foreign


def test_a_statement_without_an_end_is_stopped_or_cancelled_while_another_page_is_answered(url: str) -> None:
    with chromium(url) as watched:
        first = opened(watched.open())
        browser = watched.page.context.browser
        assert browser is not None
        other = browser.new_page()
        other.goto(url)
        second = opened(other)
        run(second, "SELECT 1 AS one")
        expect(second.locator("tbody td")).to_have_text("1")
        run(first, TIME[0])
        expect(first.get_by_text("Running…")).to_be_visible()
        run(second, "SELECT 2 AS two")
        expect(second.locator("tbody td")).to_have_text("2")
        expect(first.get_by_role("alert")).to_contain_text("Stopped after 2 s")
        run(first, TIME[1])
        first.get_by_role("button", name="Cancel").click()
        expect(first.get_by_role("alert")).to_contain_text(re.compile("Cancelled|Stopped after 2 s"))
        run(first, "SELECT repeat('x', 2000000000)")
        expect(first.get_by_role("alert")).to_contain_text(re.compile("memory|Stopped"))
        run(first, "SELECT 3 AS three")
        expect(first.locator("tbody td")).to_have_text("3")
        with urlopen(f"{url}/healthz") as answer:
            assert answer.status == 200
        assert not watched.errors
