"""The Export tab in a real Chromium: chosen, exported, kept over a reload, downloaded, compared, deleted."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from tests.engine.exports.conftest import ACCEPTED, PAIRS, REJECTED, fill
from tests.engine.exports.test_rl import fill as fill_prompts
from tests.ui.browser import chromium, served

ROWS = PAIRS + 1 - len(REJECTED)


def opened(page: Page) -> None:
    page.get_by_role("tab", name="Export").click()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_dataset_folder_from_a_choice_to_a_download(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        fill(workspace)
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = watched.open()
        opened(page)
        look = page.locator("#export-look")
        expect(look).to_contain_text(f"{ROWS} pairs ({len(ACCEPTED)} accepted, {ROWS - len(ACCEPTED)} unreviewed)")
        expect(look).to_contain_text(f"{len(REJECTED)} more match but are left out: a reviewer rejected them")
        expect(look).to_contain_text('{"query":"How much is')
        choose(page, "Format", "messages")
        expect(look).to_contain_text('{"messages":[{"role":"user"')
        choose(page, "Format", "hf")
        expect(look).to_contain_text("Plus 3 dropped questions")
        page.get_by_label("Licence").fill("cc-by-4.0")
        card = page.locator("#export-card-text")
        expect(card.get_by_role("heading", name="Decontamination")).to_be_visible()
        expect(card.get_by_role("row", name="query string the question", exact=True)).to_be_visible()
        expect(card).not_to_contain_text("| --- |")
        page.mouse.wheel(0, -100_000)
        expect(page.get_by_role("button", name="Export", exact=True)).to_be_in_viewport()
        page.get_by_role("button", name="Export", exact=True).click()
        expect(page.locator("#export-progress")).to_contain_text("ended")
        watched.reload()
        opened(page)
        with page.expect_download() as coming:
            page.get_by_role("link", name="hf-1").click()
        coming.value.save_as(tmp_path / "hf.zip")
        archive = zipfile.ZipFile(tmp_path / "hf.zip")
        assert "license: cc-by-4.0" in archive.read("hf-1/README.md").decode()
        assert json.loads(archive.read("hf-1/manifest.json"))["counts"]["selected"] == ROWS
        page.get_by_role("button", name="Verify against the workspace").click()
        expect(page.locator("#export-progress")).to_contain_text("identical: 3 files")
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.get_by_role("button", name="Delete", exact=True).last.click()
        expect(page.get_by_role("link", name="hf-1")).to_be_visible()
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete", exact=True).last.click()
        expect(page.locator("#exported")).to_contain_text("None yet")
        assert not watched.errors
        assert not watched.foreign
    assert not list((tmp_path / "w" / "exports").iterdir())


def test_what_explore_shows_is_exported_and_what_is_none_is_said(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        fill(workspace)
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = watched.open('/?filter={"status":["accepted"]}')
        opened(page)
        choose(page, "Which pairs", "Explore's current filter")
        look = page.locator("#export-look")
        expect(look).to_contain_text(f"{len(ACCEPTED)} pairs ({len(ACCEPTED)} accepted); filter: status accepted.")
        choose(page, "Format", "rejected")
        expect(look).to_contain_text("There is nothing to export")
        expect(page.get_by_role("button", name="Export", exact=True)).to_be_disabled()
        expect(page.locator("#export-why-not")).to_contain_text("There is nothing to export.")
        assert not watched.errors


def test_an_empty_workspace_shows_what_an_export_of_the_demo_would_write(tmp_path: Path) -> None:
    with served(tmp_path / "w") as url, chromium(url, width=400) as watched:
        page = watched.open("/?__theme=dark")
        page.get_by_role("tab", name="Export").click()
        expect(page.locator("#export-look")).to_contain_text("These are the pairs of the bundled demo.")
        expect(page.locator("#export-look")).to_contain_text("rows as they would be written")
        expect(page.locator("#exported")).to_contain_text("None yet")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert not watched.errors


def test_prompts_for_a_trainer_are_shown_as_it_gets_them_and_tested_by_its_rule(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        fill_prompts(workspace)
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = watched.open()
        opened(page)
        expect(page.get_by_label("All samples")).to_be_visible()
        choose(page, "Format", "rl")
        look = page.locator("#export-look")
        expect(look).to_contain_text("6 prompts with a gold answer")
        expect(look).to_contain_text("2 more have an answer that no rule can check")
        expect(look).to_contain_text("DigitalLearningGmbH/MATH-lighteval")
        expect(page.get_by_label("All samples")).to_be_hidden()
        choose(page, "Trainer", "slime")
        expect(look).to_contain_text('"rm_type":"math"')
        expect(page.get_by_text("--label-key label")).to_be_visible()
        page.get_by_label("Include uncheckable answers").check()
        expect(look).to_contain_text("8 prompts with a gold answer")
        page.get_by_role("button", name="Export", exact=True).click()
        expect(page.locator("#export-progress")).to_contain_text(
            "Self-test by the rule 'slime: math' on 8 rows: 8 right"
        )
        assert not watched.errors
    assert (tmp_path / "w" / "exports" / "rl-1" / "train.jsonl").is_file()
