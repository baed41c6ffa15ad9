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


_CHANGED = "() => window.dispatchEvent(new CustomEvent('curate-changed'))"
"""What the page is told when decisions were made outside of the open queue."""
_LATE = """() => {
    const send = window.fetch;
    window.fetch = async (...given) => {
        await new Promise((go) => setTimeout(go, 900));
        return send(...given);
    };
}"""
"""Each request goes out late."""


def test_what_one_types_stays_while_decisions_of_another_reviewer_come_in(url: str) -> None:
    with chromium(url) as watched, chromium(url) as other:
        page = watched.open(at_run())
        curate = begin(page, "slow", name="shared", size=20)
        second = other.open()
        second.get_by_role("tab", name="Curate").click()
        second.get_by_label("Your name").fill("quick")
        second.get_by_role("button", name="Continue shared").click()
        expect(second.locator("#curate article .question")).to_be_visible()
        key, done = current(page), 0
        typed = "a slow note, 150 ms a key"
        for kind, opens, field in (
            ("note", "n", curate.locator(".pane textarea")),
            ("edit", "e", curate.get_by_label("Question", exact=True)),
            ("rejection", "x", curate.get_by_label("Another reason")),
        ):
            page.keyboard.press(opens)
            expect(curate.locator(".pane")).to_be_visible()
            field.fill("")
            for at, char in enumerate(typed):
                page.keyboard.type(char)
                page.wait_for_timeout(150)
                if at % 6 == 3:
                    second.keyboard.press("a")
                    done += 1
                    decided(second, done, 20)
                    saved(second)
                    page.evaluate(_CHANGED)
            expect(field).to_be_focused()
            expect(field).to_have_value(typed)
            assert current(page) == key, kind
            field.press("Escape")
            expect(curate.locator(".pane")).to_be_hidden()
        clean(watched)


def test_an_undo_that_is_answered_late_closes_no_note(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "und")
        page.keyboard.press("a")
        decided(page, 1, 30)
        saved(page)
        key = current(page)
        page.evaluate(_LATE)
        page.keyboard.press("u")
        page.keyboard.press("n")
        page.keyboard.type("half a thought", delay=150)
        decided(page, 0, 30)
        expect(curate.locator(".pane textarea")).to_have_value("half a thought")
        assert current(page) == key
        curate.locator(".pane textarea").press("Control+Enter")
        saved(page)
        assert events(page, 1)[0][1:] == ["note", key, "text: half a thought"]
        assert not watched.foreign


def test_no_button_throws_away_a_text_that_is_not_saved(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "but")
        key = current(page)
        page.keyboard.press("n")
        page.keyboard.type("not yet saved")
        for name in ("Accept", "Reject", "Skip", "Undo", "Edit", "Next", "Keys", "All queues"):
            curate.get_by_role("button", name=re.compile(rf"\b{name}$")).first.click()
            expect(curate.locator("[data-part=feedback]")).to_have_text(
                "Save or cancel the note first: its text is not saved yet."
            )
            expect(curate.locator(".pane textarea")).to_have_value("not yet saved")
            expect(curate.locator(".pane textarea")).to_be_focused()
        assert current(page) == key
        decided(page, 0, 30)
        clean(watched)


def test_the_name_and_the_form_are_not_refilled_while_one_types(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        begin(page, "first name", name="to be left")
        page.get_by_role("button", name="All queues").click()
        name = page.get_by_label("Your name")
        expect(name).to_have_value("first name")
        name.fill("")
        page.evaluate(_CHANGED)
        page.wait_for_timeout(800)
        expect(name).to_have_value("")
        for char in "mary ann":
            page.keyboard.type(char)
            page.evaluate(_CHANGED)
            page.wait_for_timeout(150)
        expect(name).to_have_value("mary ann")
        seed = page.get_by_label("Seed")
        seed.focus()
        page.keyboard.press("Control+a")
        for char in "1234":
            page.keyboard.type(char)
            page.evaluate(_CHANGED)
            page.wait_for_timeout(150)
        expect(seed).to_have_value("1234")
        clean(watched)


def test_a_count_that_is_typed_to_confirm_stays_when_the_tab_is_shown_again(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open('/?filter={"drop_stage":["solvability"]}')
        page.get_by_role("tab", name="Curate").click()
        page.get_by_label("Your name").fill("cou")
        panel = page.locator("[data-panel=bulk]")
        panel.locator("summary").click()
        panel.get_by_label("What to do").select_option("reject")
        panel.get_by_label("Reason").fill("unsure")
        panel.get_by_role("button", name="Reject: all 4…").click()
        count = panel.get_by_label("The count, to confirm")
        count.fill("4")
        page.get_by_role("tab", name="Explore").click()
        expect(page.locator("#explore [data-part=headline]")).to_be_visible()
        page.get_by_role("tab", name="Curate").click()
        page.wait_for_timeout(1000)
        expect(count).to_have_value("4")
        expect(panel.get_by_label("Reason")).to_have_value("unsure")
        expect(panel.get_by_role("button", name="Reject", exact=True)).to_be_enabled()
        count.press("Escape")
        expect(count).to_be_hidden()
        expect(panel.get_by_role("button", name="Reject: all 4…")).to_be_focused()
        clean(watched)
