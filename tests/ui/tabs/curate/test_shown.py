"""What a card of the Curate tab shows, and what it keeps from a blind reviewer; edits and decisions in bulk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Response, expect

from tests.ui.browser import chromium, served
from tests.ui.hostile import HOSTILE, readable
from tests.ui.tabs.curate.curating import at_run, begin, clean, current, decided, events, fill, reloaded, saved

_SHOWN = """([id, text]) => {
    const card = document.querySelector("#curate article");
    const question = card.querySelector(".question");
    return card.dataset.id === id && question && question.textContent.replace(/[\\s\\ufeff]/g, "").includes(text);
}"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(fill(tmp_path_factory.mktemp("curate") / "w")) as address:
        yield address


def test_an_edit_shows_what_changes_and_keeps_the_original(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "eva")
        before = curate.locator("article .question").inner_text()
        page.keyboard.press("e")
        pane = curate.locator(".pane")
        expect(pane.get_by_label("Question", exact=True)).to_be_focused()
        pane.get_by_label("Question", exact=True).fill(before.replace("What is", "How much is"))
        expect(pane.locator("del")).to_have_text("What")
        expect(pane.locator("ins")).to_have_text("How much")
        pane.get_by_label("Question", exact=True).press("Escape")
        expect(pane).to_be_hidden()
        expect(curate.locator("article .question")).to_have_text(before)
        page.keyboard.press("e")
        pane.get_by_label("Question", exact=True).fill(before.replace("What is", "How much is"))
        pane.get_by_label("Answer", exact=True).fill("42")
        pane.get_by_label("Answer", exact=True).press("Control+Enter")
        expect(pane).to_be_hidden()
        saved(page)
        reloaded(watched, 0, 30)
        expect(curate.locator("article .question")).to_have_text(before.replace("What is", "How much is"))
        expect(curate.locator("article .answer")).to_contain_text("Answer: 42")
        curate.get_by_text("Question before edits").click()
        expect(curate.locator("article .diff del").first).to_have_text("What")
        page.keyboard.press("u")
        expect(curate.locator("article .question")).to_have_text(before)
        clean(watched)


def test_blind_nothing_that_could_sway_is_in_the_page_before_the_decision(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        begin(page, "sam", 10, name="seen first", seed=0)
        seed = page.locator("#curate [data-part=seed]").input_value()
        page.keyboard.press("n")
        page.keyboard.type("secretnote")
        page.keyboard.press("Control+Enter")
        page.keyboard.press("x")
        page.keyboard.type("secretreason")
        page.keyboard.press("Enter")
        saved(page)
        key = events(page, 1)[0][2]
        page.keyboard.press("k")
        expect(page.locator("#curate article aside")).to_contain_text("Reward")
        for name in ("reviewers", "history"):
            page.locator(f"[data-panel={name}] > summary").click()
        page.get_by_role("button", name="All queues").click()
        answers: list[Response] = []
        page.on("response", lambda answer: answers.append(answer) if "component_server" in answer.url else None)
        page.get_by_label("Your name").fill("blind bob")
        page.locator("#curate [data-part=blind]").check()
        page.locator("#curate [data-part=name]").fill("seen blind")
        page.locator("#curate [data-part=seed]").fill(seed)  # the rows of the queue before
        page.get_by_role("button", name="Start reviewing").click()
        expect(page.locator("#curate [data-part=blind-mark]")).to_be_visible()
        while current(page) != key:
            page.keyboard.press("j")
            expect(page.locator("#curate article .question")).to_be_visible()
        article = page.locator("#curate article")
        expect(article).to_contain_text("Blind: scores, verdicts and other reviewers' decisions appear after")
        sent = [text for answer in answers if '"cards"' in (text := answer.text())]
        assert any(key in text for text in sent)
        text = page.locator("#curate article").inner_html() + "".join(sent)
        for word in ("secretnote", "secretreason", "sam,", "0.1", 'percentile"', "judge", "rejected", "kept"):
            assert word not in text, word
        page.keyboard.press("a")
        saved(page)
        while current(page) != key:
            page.keyboard.press("k")
            page.wait_for_timeout(100)
        expect(article.locator("aside")).to_contain_text("Reward")
        expect(article).to_contain_text("secretnote")
        clean(watched)


def test_hostile_texts_are_only_shown_and_formulas_drawn(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run("h"))
        begin(page, "<img src=x onerror='window.ran=1'>"[:60], 100, "newest")
        for _ in range(len(HOSTILE)):
            number = int(current(page).split("-")[1])
            if "$" not in HOSTILE[number] and "\\" not in HOSTILE[number]:  # else a formula may take the text's place
                page.wait_for_function(_SHOWN, arg=[current(page), readable(HOSTILE[number], 200)])
            else:
                expect(page.locator("#curate article .question")).not_to_be_empty()
            page.keyboard.press("x" if number % 2 else "a")
            if number % 2:
                page.keyboard.press("Enter")
            page.wait_for_timeout(30)
        decided(page, len(HOSTILE), len(HOSTILE))
        expect(page.locator("#curate .done")).to_contain_text(f"All {len(HOSTILE)} rows of this queue are decided")
        assert events(page, 1)[0][0].startswith("<img src=x")
        page.locator("[data-panel=reviewers] > summary").click()
        expect(page.locator("[data-panel=reviewers] tbody").first).to_contain_text("<img src=x")
        page = watched.open('/?filter={"ids":["r1-00000003"]}')
        begin(page, "ana")
        expect(page.locator("#curate article .question .katex").first).to_be_visible()
        expect(page.locator("#curate article .question")).to_contain_text("and 5$ or 6$.")
        clean(watched)


def test_bulk_decides_all_matches_once_the_count_is_typed_and_one_undo_takes_it_back(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open('/?filter={"drop_stage":["solvability"]}')
        page.get_by_role("tab", name="Curate").click()
        page.get_by_label("Your name").fill("bulk")
        page.locator("[data-panel=bulk] > summary").click()
        panel = page.locator("[data-panel=bulk]")
        expect(panel).to_contain_text("4 questions match Explore's current filter (dropped at solvability)")
        panel.get_by_label("What to do").select_option("reject")
        panel.get_by_label("Reason").fill("all of them")
        panel.get_by_role("button", name="Reject: all 4…").click()
        go = panel.get_by_role("button", name="Reject", exact=True)
        panel.get_by_label("The count, to confirm").fill("5")
        expect(go).to_be_disabled()
        panel.get_by_label("The count, to confirm").fill("4")
        go.click()
        expect(panel).to_contain_text("Done: reject of 4 questions.")
        assert events(page, 1)[0] == ["bulk", "reject", "4 questions", "reason: all of them"]
        panel.get_by_role("button", name="Undo all of it").click()
        expect(panel).to_contain_text("Undone: reject of 4 questions, by bulk.")
        clean(watched)
