"""The page of a run in a real Chromium: imports and runs that are stored, without any model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from engine.config.run_config import load_run_config
from engine.imports import job
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from store.errors import StoreError
from store.records import ErrorRow, Run
from tests.store import rows
from tests.ui.browser import Watched, chromium
from tests.ui.hosted import hosted
from ui.tabs.runs import tab
from ui.web import requests

WIDTHS = (1440, 1280, 1024, 400)
QUESTION = "A farmer has {:,} hens, each of which lays {} eggs a day. How many eggs are laid in a week?"
CLIPPED = """() => [...document.querySelectorAll('td, th')].filter((cell) => {
    if (!cell.offsetParent) return false;
    const box = cell.closest('.scroll');
    const inside = cell.scrollWidth <= cell.clientWidth + 1;
    const scrolls = box && (box.scrollWidth <= box.clientWidth || getComputedStyle(box).overflowX === 'auto');
    return !(inside && scrolls);
}).map((cell) => cell.textContent)"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("page")
    prompts = [{"question": QUESTION.format(n, 3)} for n in range(60)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in prompts))
    config = load_run_config("nano", questions=1, seed=2)
    with Workspace.open(folder / "w") as opened:
        job.start(opened, str(folder / "prompts.jsonl"))
        for run_id, count in (("r1", 12), ("r2", 3)):
            opened.create_run(Run(run_id, f"batch {run_id}", "generate", config.to_json(), config.hash, 2))
            opened.writer.put([row for idx in range(count) for row in rows.whole(idx, run_id)])
            for idx in range(count, count + 4):
                opened.writer.put([rows.question(idx, run_id), *rows.verdicts(idx, run_id, drop="solvability")])
            opened.writer.put([ErrorRow(run_id, 1, "solution", "`the model` went away", attempt=2)])
            opened.update_run(run_id, status="done")
        for n in range(5):
            opened.create_run(Run(f"l{n}", f"nano, seed {n}", "live", config.to_json(), config.hash, n))
            opened.writer.put(rows.whole(0, f"l{n}"))
            opened.update_run(f"l{n}", status="done")
        opened.writer.flush()
        yield opened


@pytest.fixture(scope="module")
def url(workspace: Workspace) -> Iterator[str]:
    with hosted(workspace, ModelCache()) as address:
        yield address


@pytest.fixture
def watched(url: str) -> Iterator[Watched]:
    with chromium(url, width=1440) as made:
        yield made


def opened(watched: Watched, run: str) -> Page:
    page = watched.open()
    page.get_by_role("tab", name="Runs").click()
    page.locator("#runs").get_by_role("row", name=run).click()
    return page


def test_a_row_opens_the_page_of_its_run_with_links_into_explore(watched: Watched) -> None:
    page = opened(watched, "batch r1")
    shown = page.locator("#run-page")
    expect(shown.get_by_role("row", name="solvability 16 12 75 % 4")).to_be_visible()
    expect(shown.get_by_role("row", name="r1-00000001 solution 2 `the model` went away")).to_be_visible()
    expect(shown.get_by_role("row", name="solvability - What is 12 + 12?")).to_be_visible()
    assert not watched.errors
    link = shown.get_by_role("row", name="solvability 16 12").get_by_role("link")
    address = link.get_attribute("href") or ""
    assert json.loads(watched.page.evaluate("(href) => new URL(href).searchParams.get('filter')", address)) == {
        "run": ["r1"],
        "drop_stage": ["solvability"],
    }
    link.click()
    expect(page.locator("#explore")).to_contain_text(re.compile("4 of [0-9]+ questions"))
    page.go_back()
    expect(page.get_by_role("tab", name="Runs")).to_have_attribute("aria-selected", "true")
    assert page.url.endswith("/runs/r1")
    watched.open("/runs/r2")
    expect(shown.get_by_role("row", name="run r2")).to_be_visible()


def test_stages_that_nobody_ran_are_not_said_to_have_passed_questions(watched: Watched) -> None:
    page = opened(watched, "prompts")
    shown = page.locator("#run-page")
    expect(shown).to_contain_text("60 questions have no solutions yet (prompts)")
    expect(shown.get_by_role("row", name="contamination not run - - - -")).to_be_visible()
    expect(shown.get_by_role("row", name="solution - - - 0 60")).to_be_visible()
    expect(shown).not_to_contain_text("seed")
    expect(shown).not_to_contain_text("tokens")
    assert not watched.errors


def test_live_samples_share_a_row_and_are_listed_behind_it(watched: Watched) -> None:
    page = opened(watched, "5 live samples")
    expect(page.locator("#runs").get_by_role("row")).to_have_count(1 + 4)
    samples = page.locator("#run-page")
    expect(samples.get_by_role("row")).to_have_count(1 + 5)
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_disabled()
    samples.get_by_role("row", name="nano, seed 3").press("Enter")
    expect(samples.get_by_role("row", name="run l3")).to_be_visible()
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_enabled()
    assert not watched.errors


def test_buttons_that_would_be_refused_are_disabled_with_the_reason(watched: Watched) -> None:
    page = opened(watched, "batch r1")
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_disabled()
    expect(page.locator("#why-not")).to_have_text("This run is finished.")
    page.get_by_role("tab", name="Compare").click()
    compare = page.get_by_role("button", name="Compare", exact=True)
    expect(compare).to_be_enabled()
    page.get_by_label("Generator B").click()
    page.get_by_role("option", name="qgen-a-qft", exact=True).click()
    expect(compare).to_be_disabled()
    expect(page.locator("#compare-same")).to_contain_text("Generators A and B are the same")
    assert not watched.errors


def test_times_are_the_readers_own_and_their_titles_are_utc(url: str, watched: Watched) -> None:
    browser = watched.page.context.browser
    assert browser is not None
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(url)
    page.get_by_role("tab", name="Runs").click()
    time = page.locator("#runs time").first
    expect(time).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$"))
    hours = page.evaluate(
        "(e) => Number(e.textContent.slice(11, 13)) - Number(e.title.slice(11, 13))", time.element_handle()
    )
    assert hours % 24 == 9
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_cell_of_a_table_is_clipped(url: str, width: int) -> None:
    with chromium(url, width=width) as watched:
        page = watched.open("/runs")
        page.locator("#runs").get_by_role("row", name="batch r1").click()
        expect(page.locator("#run-page").get_by_role("row", name="solvability 16 12")).to_be_visible()
        assert page.evaluate(CLIPPED) == []
        watched.open("/export")
        expect(page.locator("#export-look").get_by_role("row").first).to_be_visible()
        assert page.evaluate(CLIPPED) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.get_by_role("button", name="Export", exact=True)).to_be_in_viewport()


def test_an_error_that_nobody_expected_is_one_sentence_and_a_traceback_in_the_log(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise AssertionError

    page = opened(watched, "batch r1")
    monkeypatch.setattr(tab, "contents", broken)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Unexpected error: AssertionError. See the log.")).to_be_visible()
    assert "Traceback (most recent call last)" in capfd.readouterr().err


def test_a_script_of_the_page_is_told_of_an_error_that_nobody_expected(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(request: requests.Request) -> None:
        raise ValueError("no such <thing>")

    def refused(request: requests.Request) -> None:
        raise StoreError("The disk is full.")

    ask = requests.server_function("ask", requests.Request, broken)
    assert ask({}, None) == {"error": "Unexpected error: ValueError: no such <thing>. See the log."}  # type: ignore[arg-type]
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    ask = requests.server_function("ask", requests.Request, refused)
    assert ask({}, None) == {"error": "The disk is full."}  # type: ignore[arg-type]
