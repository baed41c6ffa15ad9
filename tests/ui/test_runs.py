"""Batches from the page: real nano runs, started, watched, cancelled, resumed and deleted in a real Chromium."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from store.workspace import Workspace
from tests.ui.browser import chromium, served

LONG = 90_000
"""Milliseconds: models load on a busy machine."""


def start(page: Page, number: int, seed: int = 11) -> None:
    page.get_by_role("tab", name="Runs").click()
    page.get_by_label("Number").fill(str(number))
    page.get_by_label("Seed").fill(str(seed))
    page.get_by_label("Name").fill(f"asked {number}")
    page.get_by_role("button", name="Start").click()


def test_a_batch_runs_in_the_server_and_its_pairs_are_on_home(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = watched.open()
        start(page, 12)
        expect(page.locator("#batch")).to_contain_text("Loading the models")
        page.reload()  # the batch is the server's, not the page's
        page.get_by_role("tab", name="Runs").click()
        expect(page.locator("#batch")).to_contain_text("is done", timeout=LONG)
        expect(page.locator("#runs")).to_contain_text("asked 12")
        page.get_by_role("tab", name="Home").click()
        page.get_by_role("button", name="Read again").click()
        expect(page.get_by_text("from 12 questions")).to_be_visible()
        expect(page.locator(".pair .katex").first).to_be_visible()
        assert not watched.errors
        assert not watched.foreign
    with Workspace.open(tmp_path / "w", create=False) as workspace:
        assert [run.status for run in workspace.runs()] == ["done"]


def test_a_batch_is_cancelled_resumed_and_deleted(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url, width=420) as watched:
        page = watched.open()
        start(page, 5000)
        expect(page.locator("#batch")).to_contain_text("Running", timeout=LONG)
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("is still under way")).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#batch")).to_contain_text("Paused", timeout=LONG)
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#batch")).to_contain_text("cancelled", timeout=LONG)
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#batch")).to_contain_text("Running", timeout=LONG)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#batch")).to_contain_text("cancelled", timeout=LONG)
        page.get_by_role("button", name="Delete").click()
        page.get_by_label("Yes, delete this run").check()
        page.get_by_role("button", name="Delete").click()
        expect(page.locator("#runs")).not_to_contain_text("asked 5000")
        assert not watched.errors
    with Workspace.open(tmp_path / "w", create=False) as workspace:
        assert workspace.runs() == []


def test_a_batch_that_the_app_is_ended_under_can_be_resumed(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url) as watched:
        start(watched.open(), 5000)
        expect(watched.page.locator("#batch")).to_contain_text("Running", timeout=LONG)
    with Workspace.open(tmp_path / "w", create=False) as workspace:
        assert [run.status for run in workspace.runs()] == ["interrupted"]


def test_bad_numbers_are_refused_in_a_sentence(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = watched.open()
        start(page, 0)
        expect(page.get_by_text("questions '0'").or_(page.get_by_text("questions 0")).first).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("is not chosen")).to_be_visible()
