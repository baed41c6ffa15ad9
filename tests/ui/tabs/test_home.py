"""Home in a real Chromium: real rows are drawn, from this host alone; a fresh workspace has the demo's."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from store.database.workspace import Workspace
from tests.store import rows
from tests.ui.browser import chromium, served

LONG = 90_000
"""Milliseconds: models load on a busy machine."""


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
        expect(page.locator("[data-chart=funnel] .plot svg").first).to_be_visible()
        page.locator("[data-chart=funnel] summary").click()
        expect(page.locator("[data-chart=funnel] tbody tr").nth(4)).to_have_text("solvability5410")
        expect(page.locator(".pair .katex").first).to_be_visible()
        assert not watched.errors
        assert not watched.foreign


def test_a_fresh_workspace_shows_the_demo_and_five_questions_more_take_its_place(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url, width=400) as watched:
        page = watched.open("/?__theme=dark")
        expect(page.locator("#headline")).to_contain_text("This is the bundled demo")
        expect(page.locator("[data-chart]")).to_have_count(6)
        expect(page.locator("#models")).to_have_text("No model is loaded yet.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.get_by_role("button", name="Generate 5 more").click()
        expect(page.locator("#fresh")).to_contain_text("of 5 became pairs", timeout=LONG)
        expect(page.locator("#fresh li")).to_have_count(5)
        expect(page.locator("#headline")).to_contain_text("from 5 questions")
        expect(page.locator("#headline")).not_to_contain_text("demo")
        expect(page.locator("#models")).to_contain_text("nano are loaded")
        assert not watched.errors
        assert not watched.foreign
    with Workspace.open(tmp_path / "w", create=False) as workspace:
        assert [(run.kind, run.status) for run in workspace.runs()] == [("live", "done")]
