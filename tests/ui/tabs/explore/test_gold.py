"""What Explore shows of gold answers and reasoning, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from store.database.workspace import Workspace
from store.records import Label, Question, Record, Solution, question_id
from tests.store import rows
from tests.ui.browser import chromium, served
from tests.ui.tabs.explore.test_charts import drag

RIGHT, ALL = 14, 20
OTHER = "a <b>bold</b> one"
"""The model that is right on every other question."""


def solved(idx: int) -> list[Record]:
    """Right but for the last ones; the last of all is cut off."""
    right = idx < RIGHT

    def changed(record: Record) -> Record:
        if not isinstance(record, Solution):
            return record
        return replace(
            record,
            reasoning="Wait, let me see. " * (2 if right else 50),
            reasoning_tokens=12 if right else 300,
            correct="same" if right else "different",
            finish_reason="length" if idx == ALL - 1 else "stop",
        )

    gold = replace(rows.question(idx), reference_answer=str(2 * idx if right else 1))
    label = Label(question_id("r1", idx), "checkability", "open", "rules")
    made = [gold if isinstance(record, Question) else changed(record) for record in rows.whole(idx)]
    return [*made, label, rows.rate(idx, correct=idx % 9), rows.rate(idx, model=OTHER, correct=8 * (idx % 2))]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("gold") / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run(status="done"))
        for idx in range(ALL):
            workspace.writer.put(solved(idx))
    with served(folder) as address:
        yield address


def test_wrong_rows_are_marked_counted_and_filtered(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/?sort=newest")
        expect(page.locator("#explore tr.wrong")).to_have_count(ALL - RIGHT)
        facet = page.locator("#explore fieldset", has_text="Against the gold answer")
        expect(facet.locator("label", has_text="wrong")).to_contain_text(str(ALL - RIGHT))
        facet.get_by_label("wrong").check()
        expect(page.locator("[data-part=headline]")).to_contain_text(f"{ALL - RIGHT} of {ALL} questions")
        expect(page.locator("[data-part=parts]")).to_contain_text("answer wrong")
        assert not watched.errors


def test_lengths_are_compared_by_outcome_and_rates_have_a_chart(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/?sort=newest")
        panel = page.locator("section[data-lengths]")
        expect(panel).to_contain_text("Medians: right")
        panel.locator("summary").click()
        expect(panel.get_by_role("row", name="wrong")).to_contain_text(str(ALL - RIGHT - 1))
        expect(panel.get_by_role("row", name="cut off")).to_contain_text("1")
        rates = page.locator("section[data-histogram=pass_rate]")
        expect(rates.locator("h3")).to_have_text("Pass rate")
        expect(rates.locator(".note")).to_contain_text("as measured first")
        expect(page.locator("section[data-models] .figures")).to_contain_text(f"{OTHER} 50.0\xa0%, a model 45.6\xa0%")
        expect(page.locator("section[data-reliability] .figures")).to_contain_text("20 questions, 54.4 % of rollouts")
        rates.locator("select").select_option(OTHER)
        expect(rates.locator(".note")).to_contain_text(f"Share of {OTHER}'s rollouts")
        expect(page.locator("section[data-reliability] .note")).to_contain_text(f"as measured by {OTHER}")
        expect(page.locator("[data-part=headline]")).to_contain_text(f"{ALL} of {ALL} questions")
        drag(page, "pass_rate", 0.6, 0.9)  # of two bars the second: always right
        expect(page.locator("[data-part=headline]")).to_contain_text(f"{ALL // 2} of {ALL} questions")
        expect(page.locator("[data-part=parts]")).to_contain_text(f"pass rate of {OTHER} 1")
        expect(page.locator("#explore td.is-pass_rate").first).to_have_text("100 %")
        asked = page.evaluate("JSON.parse(new URL(location.href).searchParams.get('filter'))")
        assert asked == {"pass_rate": {"model": OTHER, "range": [1, 1]}}
        page.get_by_role("tab", name="What if").click()
        section = page.locator("#whatif")
        expect(section.locator("p.count")).to_have_text(f"{ALL // 2} of {ALL} candidates kept (50.0 %)")
        field = section.get_by_label("Pass rate from, as a number")
        field.fill("0")
        field.press("Enter")
        expect(section.locator("p.count")).to_have_text(f"{ALL} of {ALL} candidates kept (100.0 %)")
        rates.locator("select").select_option("")
        expect(page.locator("[data-part=parts]")).to_contain_text("pass rate 1")
        assert not watched.errors


def test_solutions_and_reasoning_are_searched(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/?sort=newest")
        page.locator("#explore select[data-part=where]").select_option("solutions")
        page.locator("#explore [data-part=text]").fill("wait, LET me")
        expect(page.locator("[data-part=headline]")).to_contain_text(f"{ALL} of {ALL} questions")
        expect(page.locator("[data-part=parts]")).to_contain_text("a solution contains “wait, LET me”")
        page.locator("#explore [data-part=text]").fill("boxed{26}")
        expect(page.locator("[data-part=headline]")).to_contain_text(f"1 of {ALL} questions")
        watched.reload()
        expect(page.locator("[data-part=headline]")).to_contain_text(f"1 of {ALL} questions")
        expect(page.locator("#explore select[data-part=where]")).to_have_value("solutions")


def test_the_story_folds_reasoning_and_says_what_is_right(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(f"/?row={question_id('r1', ALL - 2)}")
        story = page.locator("#explore-story")
        expect(story).to_contain_text("wrong: another answer than the gold one")
        expect(story).to_contain_text("12 tokens, 300 of them reasoning")
        fold = story.locator("details.reasoning").first
        expect(story.get_by_text("Wait, let me see.")).to_have_count(0)
        fold.locator("summary").click()
        expect(fold.locator(".text")).to_contain_text("Wait, let me see.")
        expect(story.get_by_role("row", name="a model").locator("td")).to_have_text(
            ["a model", "0.0000", "0.00 to 0.32", "8", "0", "", "", ""]
        )
        expect(story.get_by_role("row", name=OTHER)).to_contain_text("0.0000")
        assert not watched.errors
