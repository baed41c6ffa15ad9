"""What runs on paid models cost, on the page, and a run that stopped at its limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from engine.pipeline import run
from store.database.workspace import Workspace
from tests.engine.models.faulty import Faulty
from tests.engine.pipeline.test_spending import config, writes
from tests.ui.browser import chromium, served

LONG = 180_000


def test_a_run_that_stopped_at_its_maximum_cost_goes_on_with_a_higher_one(nano: Path, tmp_path: Path) -> None:
    with Faulty(writes=writes) as server:
        with Workspace.open(tmp_path / "w") as workspace:
            ended = run.start(workspace, config(server, max_cost=0.02), "on a budget", run_id="r1")
            assert ended.status == "interrupted"
        with served(tmp_path / "w") as url, chromium(url) as watched:
            page = watched.open()
            page.get_by_role("tab", name="Runs").click()
            row = page.locator("#runs tr", has_text="on a budget")
            expect(row).to_contain_text("$0.0", timeout=LONG)
            limit = page.locator("#limit").get_by_role("textbox")
            limit.fill("much")
            page.get_by_role("button", name="Resume", exact=True).click()
            expect(page.get_by_text("is not a number")).to_be_visible()
            limit.fill("5")
            page.get_by_role("button", name="Resume", exact=True).click()
            expect(row).to_contain_text("done", timeout=LONG)
            expect(page.locator("#batch")).to_contain_text("together")
            expect(limit).to_be_hidden()
            assert not watched.errors
        with Workspace.open(tmp_path / "w") as workspace:
            assert workspace.run("r1").config["max_cost"] == pytest.approx(5.0)
