"""Nothing that a model or a file wrote runs, loads or vanishes, in any tab of the page in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from store.database.workspace import Workspace
from store.records import ErrorRow, Record, Solution, Verdict
from tests.store import rows
from tests.ui.browser import Watched, chromium, served
from tests.ui.hostile import HOSTILE, readable

EACH = 3
"""Pairs of a run: as many as Home shows."""
FORMULAS = "If $a<b$ and 5$ is paid, what is \\(b-a\\)?"
PAIR = "#home .pair"


def shows(page: Page, place: str, text: str, nth: int = 0) -> None:
    """Wait until the nth part of the page of this selector says it."""
    said = (
        "([place, nth, text]) => document.querySelectorAll(place)[nth]?.textContent.replace(/\\s/g, '').includes(text)"
    )
    try:
        page.wait_for_function(said, arg=[place, nth, readable(text)])
    except TimeoutError as error:
        raise AssertionError(f"{text!r} is not in {page.locator(place).nth(nth).text_content()!r}") from error


def run_of(number: int) -> str:
    return f"r{number // EACH:02d}"


def _hostile(number: int, text: str) -> list[Record]:
    """A pair of which every text is hostile, from easy to hard within its run."""
    idx, run = number % EACH, run_of(number)
    written: list[Record] = []
    for row in [rows.question(idx, run, text), *rows.whole(idx, run)[1:]]:
        if isinstance(row, Solution):
            row = replace(row, text=f"{text}\n\\boxed{{{idx}}}", answer=text)
        elif isinstance(row, Verdict):
            score = idx / EACH if row.stage == "difficulty" else row.score
            row = replace(row, raw=text, judge=text[:40], score=score)
        written.append(row)
    return written


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("hostile") / "w"
    with Workspace.open(folder) as workspace:
        for number, text in enumerate(HOSTILE):
            if number % EACH == 0:
                workspace.create_run(replace(rows.run(run_of(number), status="done"), name=text))
            workspace.writer.put(_hostile(number, text))
            workspace.writer.put([ErrorRow(run_of(number), number % EACH, "solution", text, raw=text)])
        workspace.create_run(rows.run(run_of(len(HOSTILE)), status="done"))
        workspace.writer.put(_hostile(len(HOSTILE), FORMULAS))
        workspace.writer.flush()
    with served(folder) as url, chromium(url) as page:
        yield page


def harmless(watched: Watched) -> None:
    assert watched.page.evaluate("window.ran") is None
    assert watched.page.url.startswith(watched.url)
    assert not watched.errors
    assert not watched.foreign


def test_home_shows_every_pair_as_it_was_written(watched: Watched) -> None:
    page = watched.open()
    assert len(HOSTILE) >= 40
    assert len(HOSTILE) % EACH == 0
    choice = page.get_by_label("Run", exact=True).first
    for start in range(0, len(HOSTILE), EACH):
        choice.select_option(run_of(start))
        for place in range(EACH):
            shows(page, PAIR, HOSTILE[start + place], place)
    harmless(watched)


def test_explore_shows_every_row_and_its_whole_story(watched: Watched) -> None:
    page = watched.open()
    page.get_by_role("tab", name="Explore").click()
    table = page.locator(".explore [data-part=table] tbody")
    expect(table.locator("tr")).to_have_count(50)
    page.locator(".explore [data-part=table] tbody tr").nth(1).click()  # after that of FORMULAS
    for number in reversed(range(len(HOSTILE))):
        expect(page.locator("#explore-story h2")).to_have_text(f"{run_of(number)}-{number % EACH:08d}")
        shows(page, "#explore-story", HOSTILE[number])
        if number:
            page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_role("button", name="Close", exact=True).click()
    for number in (0, 25, 37):
        page.locator(".explore [data-part=text]").fill(HOSTILE[number].splitlines()[0][:30])
        shows(page, ".explore [data-part=table]", HOSTILE[number])
    harmless(watched)


def test_runs_lists_every_name_and_compares_what_they_hold(watched: Watched) -> None:
    page = watched.open()
    page.get_by_role("tab", name="Runs").click()
    for number in range(0, len(HOSTILE), EACH):
        shows(page, "#runs", HOSTILE[number][:60])
    harmless(watched)


def test_a_formula_is_drawn_and_what_stands_around_it_kept(watched: Watched) -> None:
    page = watched.open(f"/?row={run_of(len(HOSTILE))}-{len(HOSTILE) % EACH:08d}")
    page.get_by_role("tab", name="Explore").click()
    story = page.locator("#explore-story")
    expect(story.locator(".katex").first).to_be_visible()
    expect(story).to_contain_text("and 5$ is paid, what is")
    harmless(watched)
