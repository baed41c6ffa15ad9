"""What one types in the Curate tab: what cannot be kept says why and stays where it was typed, to be mended."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from store.review.payloads import LONGEST_NOTE, LONGEST_TEXT
from tests.ui.browser import chromium, served
from tests.ui.tabs.curate.curating import at_run, begin, clean, current, decided, events, fill, saved, warns


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(fill(tmp_path_factory.mktemp("curate") / "w")) as address:
        yield address


def test_a_note_and_tags_that_are_refused_stay_to_be_mended(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "typ")
        page.keyboard.press("n")
        text = curate.locator(".pane textarea")
        text.fill("n" * (LONGEST_NOTE + 1))
        text.press("Control+Enter")
        problem = curate.locator(".pane [role=alert]")
        expect(problem).to_have_text(f"The note has {LONGEST_NOTE + 1:,} characters; the limit is {LONGEST_NOTE:,}.")
        text.fill("short")
        text.press("Control+Enter")
        expect(curate.locator("article")).to_contain_text("short (typ")
        curate.get_by_role("button", name=re.compile("Add tags|Tags…")).click()
        text.fill("\n".join(f"tag {i}" for i in range(30)))
        text.press("Control+Enter")
        expect(problem).to_contain_text("keep at most 9")
        expect(text).to_have_value(re.compile("tag 29$"))
        text.fill("W" * 40)
        text.press("Control+Enter")
        expect(curate.locator(".pane")).to_be_hidden()
        one = curate.locator("article .tags button").first
        assert one.evaluate(
            "made => made.getBoundingClientRect().right <= made.closest('article').getBoundingClientRect().right"
        )
        clean(watched)


def test_an_edit_that_cannot_be_kept_says_so_until_it_is_mended(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "edi")
        key = current(page)
        assert not warns(page)
        page.keyboard.press("e")
        question, said = curate.get_by_label("Question", exact=True), curate.locator(".pane .is-error")
        question.fill("q" * (LONGEST_TEXT + 1))
        question.press("Control+Enter")
        expect(said).to_contain_text(f"the limit is {LONGEST_TEXT:,}")
        question.fill("")
        question.press("Control+Enter")  # before the changes are drawn, which would hide the sentence
        page.wait_for_timeout(400)
        expect(said).to_contain_text("Question is empty")
        assert warns(page)  # leaving the page would lose it
        question.fill("Is it short?")
        question.press("Control+Enter")
        expect(curate.locator("article .question")).to_have_text("Is it short?")
        saved(page)
        assert events(page, 1)[0][:3] == ["edi", "edit", key]
        assert not warns(page)
        watched.errors.clear()  # Gradio takes our event for the end of the page, and breaks off what is in flight
        clean(watched)


def test_what_is_refused_is_told_until_another_queue_is_opened(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "ref")
        page.keyboard.press("x")
        curate.get_by_label("Another reason").fill("\u202ecannot be seen")
        curate.get_by_label("Another reason").press("Enter")
        refused = curate.locator("[data-part=refused]")
        expect(refused).to_contain_text("Not saved: reject")
        decided(page, 0, 30)
        curate.get_by_role("button", name="All queues").click()
        begin(page, "ref")
        expect(refused).to_be_hidden()
        clean(watched)


def test_a_second_queue_of_the_same_form_has_other_rows(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "two", size=5, order="random")
        first = current(page)
        curate.get_by_role("button", name="All queues").click()
        seed = curate.get_by_label("Seed")
        expect(seed).not_to_have_value("0")
        begin(page, "two", size=5, order="random")
        decided(page, 0, 5)
        assert current(page) != first
        clean(watched)
