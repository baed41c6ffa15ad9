"""Check this run, in a real Chromium on a real server: started, seen by all, cancelled, gone on with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from tests.engine.checks.stored import imported
from tests.ui.browser import Watched, chromium, served

MANY = 6_000
STAMPS = "There are {} packs with 12 stamps in each. How many stamps are there altogether?"
GARDEN = (
    "A rectangular garden is twice as long as it is wide and a path of two metres runs all around the whole of it; "
    "how large is the path?"
)


LONG = 180_000
"""Milliseconds: a model loads on a busy machine."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("check")
    (made / "exam.jsonl").write_text(json.dumps({"problem": GARDEN}) + "\n")
    (made / "wrong.jsonl").write_text(json.dumps({"nothing": GARDEN}) + "\n")
    with Workspace.open(made / "w") as workspace:
        imported(workspace, [STAMPS.format(n) for n in range(9)] + [GARDEN], run_id="i1")
        answers = [[f"In all: {n} * 12 = {12 * n}\nThe answer is \\boxed{{{12 * n}}}."] for n in range(MANY)]
        imported(workspace, [STAMPS.format(n) for n in range(MANY)], answers, run_id="i2")
    return made


@pytest.fixture(scope="module")
def watched(folder: Path, nano: Path) -> Iterator[Watched]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEQUEST_MODELS", str(folder / "no-models"))
        with served(folder / "w") as url, chromium(url) as page:
            yield page


def opened(watched: Watched, run: str, name: str) -> Page:
    page = watched.open()
    page.get_by_role("tab", name="Runs").click()
    page.get_by_role("button", name="Check this run").click()
    choose(page, "Run", f"file {run}")
    choose(page, "Check", name)
    return page


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).locator("visible=true").click()
    page.get_by_role("option").filter(has_text=option).first.click()
    expect(page.get_by_role("option")).to_have_count(0)


def start(page: Page) -> None:
    page.locator("#check").get_by_role("button", name="Check", exact=True).click()


def test_a_benchmark_is_uploaded_and_what_it_has_is_dropped(watched: Watched, folder: Path) -> None:
    page = opened(watched, "i1", "contamination")
    expect(page.locator("#runs").get_by_role("row", name="i1 import done 10 10")).to_be_visible()
    start(page)
    expect(page.get_by_text("is missing, but contamination needs one")).to_be_visible()
    upload = page.locator("#check input[type=file]")
    upload.set_input_files(folder / "wrong.jsonl")
    expect(page.locator("#check")).to_contain_text("wrong")
    start(page)
    expect(page.locator("#checked")).to_contain_text("has no question column")
    page.locator("#check").get_by_role("button", name="Clear").click()
    upload.set_input_files(folder / "exam.jsonl")
    expect(page.locator("#check")).to_contain_text("exam")
    start(page)
    expect(page.locator("#checked")).to_contain_text("10 questions judged, 1 dropped")
    expect(page.locator("#checked").get_by_role("row", name="Contamination against exam.jsonl")).to_contain_text("done")
    expect(page.locator("#runs").get_by_role("row", name="i1 import done 10 9")).to_be_visible()
    start(page)
    expect(page.get_by_text("has had this check")).to_be_visible()
    rollouts = page.locator("#check").get_by_label("Rollouts")
    expect(rollouts).to_be_hidden()
    choose(page, "Check", "pass-rate")
    expect(rollouts).to_have_value("16")
    rollouts.fill("2")
    start(page)
    expect(page.get_by_text("has no question with a gold answer")).to_be_visible()
    assert not watched.foreign


def test_a_check_is_seen_by_every_page_stopped_and_gone_on_with(watched: Watched) -> None:
    page = opened(watched, "i2", "reward")
    browser = page.context.browser
    assert browser is not None
    other = opened(Watched(browser.new_page(), watched.url), "i1", "near-duplicates")  # ready before the check begins
    start(page)
    checked = page.locator("#checked")
    expect(checked).to_contain_text(re.compile(r"of 6,000 \([1-9]"), timeout=LONG)
    expect(other.locator("#checked")).to_contain_text("Reward by nano-reward, run i2")
    start(other)
    expect(other.get_by_text("is being checked")).to_be_visible()
    other.get_by_role("button", name="Stop the check").click()
    expect(checked).to_contain_text("The check was cancelled", timeout=LONG)
    watched.reload()
    page.get_by_role("tab", name="Runs").click()
    page.get_by_role("button", name="Check this run").click()
    page.get_by_role("button", name="Resume the check").click()
    expect(checked).to_contain_text("6,000 questions judged, 0 dropped, 6,000 questions with rewards", timeout=LONG)
    expect(page.get_by_role("button", name="Resume the check")).to_be_hidden()
    other.close()


def test_near_duplicates_are_compared_by_meaning_where_an_embedder_is_installed(watched: Watched) -> None:
    page = opened(watched, "i1", "near-duplicates")
    threshold = page.locator("#check").get_by_label("Threshold")
    expect(page.locator("#check").get_by_label("Drop near-duplicates")).to_be_visible()
    expect(threshold).to_be_hidden()
    choose(page, "Compare by", "meaning")
    expect(threshold).to_have_value("0.9")
    start(page)
    expect(page.get_by_text("needs a sentence embedder, and none is installed; run make smol")).to_be_visible()
    choose(page, "Compare by", "wording")
    expect(threshold).to_be_hidden()
    start(page)
    expect(page.locator("#checked")).to_contain_text("10 questions judged, 0 dropped, 8 with a near-duplicate")
    choose(page, "Check", "reward")
    expect(page.get_by_label("Compare by")).to_be_hidden()
