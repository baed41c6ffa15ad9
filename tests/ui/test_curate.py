"""Curating in a real Chromium: decided by single keys, nothing lost, nothing leaked, nothing that a text holds runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from store.records import Label, Solution
from store.workspace import Workspace
from tests.store import rows
from tests.ui.browser import Watched, chromium, served
from tests.ui.hostile import HOSTILE, readable

ROWS = 60
FORMULA = "Find $x^2$ for \\(x = 3\\), and 5$ or 6$."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of two samples, sample 1 chosen; one has a formula, one a near-duplicate, some were dropped."""
    place = tmp_path_factory.mktemp("curate") / "w"
    with Workspace.open(place) as workspace:
        workspace.create_run(replace(rows.run(status="done"), name="first"))
        for idx in range(ROWS):
            workspace.writer.put(rows.whole(idx)[1:])
            workspace.writer.put([rows.question(idx, text=FORMULA if idx == 3 else None)])
        workspace.writer.put([Label(rows.question(5).question_id, "near_duplicate", "r1-00000006", "minhash")])
        for idx in range(100, 104):
            workspace.writer.put([rows.question(idx), *rows.verdicts(idx, drop="solvability", reason="not_solvable")])
        workspace.create_run(replace(rows.run("h", status="done"), name=HOSTILE[0]))
        for idx, text in enumerate(HOSTILE):
            made = rows.solutions(idx, "h")
            samples = [replace(row, text=text) if isinstance(row, Solution) else row for row in made]
            workspace.writer.put([rows.question(idx, "h", text), *rows.verdicts(idx, "h"), *samples])
            workspace.writer.put(rows.labels(idx, "h"))
        workspace.writer.flush()
    return place


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


def begin(page: Page, reviewer: str, size: int = 30, order: str = "random", name: str | None = None) -> Locator:
    """A new queue over the run ``r1``, open at its first card."""
    page.get_by_role("tab", name="Curate").click()
    page.get_by_label("Your name").fill(reviewer)
    page.locator("#curate [data-part=order]").select_option(order)
    page.locator("#curate [data-part=size]").fill(str(size))
    if name is not None:
        page.locator("#curate [data-part=name]").fill(name)
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.locator("#curate article .question")).to_be_visible()
    return page.locator("#curate")


_TIMES = """() => {
    const card = document.querySelector("#curate article");
    window.times = [];
    document.addEventListener("keydown", () => {
        const [began, before] = [performance.now(), card.dataset.id];
        const look = () => {
            if (performance.now() - began > 2000) return; // a key that moves no card
            if (card.dataset.id === before || !card.querySelector(".question")) requestAnimationFrame(look);
            else requestAnimationFrame(() => window.times.push(performance.now() - began)); // it was painted
        };
        look();
    }, true);
}"""
"""From a key to the next card on the screen, in milliseconds."""


_SHOWN = """([id, text]) => {
    const card = document.querySelector("#curate article");
    const question = card.querySelector(".question");
    return card.dataset.id === id && question && question.textContent.replace(/[\\s\\ufeff]/g, "").includes(text);
}"""
_WARNS = """() => {
    const leaving = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(leaving);
    return leaving.defaultPrevented;
}"""


def at_run(run: str = "r1") -> str:
    """Where Explore shows the pairs of a run."""
    return f'/?filter={{"run":["{run}"],"stage":"pair"}}'


def decided(page: Page, count: int, of: int) -> None:
    expect(page.locator("[data-part=progress]")).to_contain_text(f"{count} of {of} decided")


def saved(page: Page) -> None:
    expect(page.locator("#curate [data-part=saved]")).to_have_text("Saved")


def current(page: Page) -> str:
    found = page.locator("#curate article").get_attribute("data-id")
    assert found is not None
    return found


def events(page: Page, count: int) -> list[list[str]]:
    """The newest rows of everyone's history: reviewer, decision, question, with."""
    panel = page.locator("[data-panel=history]")
    if panel.get_attribute("open") is None:
        panel.locator("summary").click()
    panel.get_by_role("button", name="Everyone's").click()
    expect(panel.get_by_role("button", name="Everyone's")).to_have_attribute("aria-pressed", "true")
    expect(panel.locator("tbody tr").first).to_be_visible()
    found: list[list[str]] = panel.locator("tbody").evaluate(
        "body => [...body.rows].map(row => [1, 2, 3, 4].map(i => row.cells[i].textContent))"
    )
    return found[:count]


def reloaded(watched: Watched, done: int, of: int) -> None:
    """Back at its place in the queue. A reload aborts what the page still asks for, which the browser tells of."""
    assert not watched.errors
    watched.page.reload()
    decided(watched.page, done, of)
    watched.errors.clear()


def clean(watched: Watched) -> None:
    assert not watched.errors
    assert not watched.foreign
    assert watched.page.evaluate("window.ran") is None


def test_twenty_cards_are_decided_by_keys_alone_three_undone_and_all_is_there_after_a_reload(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        begin(page, "ana")
        decided(page, 0, 30)
        page.evaluate(_TIMES)
        seen, kinds = [], []
        for number in range(20):
            seen.append(current(page))
            expect(page.locator("#curate article .question")).to_be_visible()
            key = ("a", "x", " ", "a")[number % 4]
            page.keyboard.press(key)
            if key == "x":
                expect(page.locator("#curate .pane")).to_contain_text("Why reject?")
                page.keyboard.press("3" if number % 8 == 1 else "Enter")
            kinds.append({"a": "accept", "x": "reject", " ": "skip"}[key])
            decided(page, number + 1, 30)
        assert len(set(seen)) == 20
        times = sorted(page.evaluate("window.times"))
        print(f"key to next card: median {times[len(times) // 2]:.0f} ms, slowest {times[-1]:.0f} ms of {len(times)}")
        for number in range(3):
            page.keyboard.press("u")
            decided(page, 19 - number, 30)
            expect(page.locator("[data-part=told]")).to_contain_text(f"Taken back: {kinds[19 - number]} of")
            assert current(page) == seen[19 - number]
        saved(page)
        reloaded(watched, 17, 30)  # the address brings the queue and the place back
        assert current(page) == seen[17]
        expect(page.locator("#curate article .question")).to_be_visible()
        page.keyboard.press("k")
        expect(page.locator("#curate article .status")).to_have_text("You accepted it")
        told = events(page, 23)
        assert [row[:3] for row in told[:3]] == [["ana", "undo", key] for key in reversed(seen[17:])][::-1]
        assert [row[1:3] for row in reversed(told[3:])] == [list(both) for both in zip(kinds, seen, strict=True)]
        assert told[-2][3] == "reason: wrong final answer"
        clean(watched)


def test_an_edit_shows_what_changes_and_keeps_the_original(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "eva")
        before = curate.locator("article .question").inner_text()
        page.keyboard.press("e")
        pane = curate.locator(".pane")
        expect(pane.get_by_label("Question")).to_be_focused()
        pane.get_by_label("Question").fill(before.replace("What is", "How much is"))
        expect(pane.locator("del")).to_have_text("What")
        expect(pane.locator("ins")).to_have_text("How much")
        pane.get_by_label("Question").press("Escape")
        expect(pane).to_be_hidden()
        expect(curate.locator("article .question")).to_have_text(before)
        page.keyboard.press("e")
        pane.get_by_label("Question").fill(before.replace("What is", "How much is"))
        pane.get_by_label("Answer").fill("42")
        pane.get_by_label("Answer").press("Control+Enter")
        expect(pane).to_be_hidden()
        saved(page)
        reloaded(watched, 0, 30)
        expect(curate.locator("article .question")).to_have_text(before.replace("What is", "How much is"))
        expect(curate.locator("article .answer")).to_contain_text("Answer: 42")
        curate.get_by_text("Edited; as it was generated").click()
        expect(curate.locator("article .diff del").first).to_have_text("What")
        page.keyboard.press("u")
        expect(curate.locator("article .question")).to_have_text(before)
        clean(watched)


def test_keys_rest_while_one_types_in_other_tabs_and_with_control(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "tim")
        page.keyboard.press("n")
        expect(curate.locator(".pane textarea")).to_be_focused()
        page.keyboard.type("a x u jk 1? and / all")
        decided(page, 0, 30)
        page.keyboard.press("Control+Enter")
        expect(curate.locator("article")).to_contain_text("a x u jk 1? and / all (tim")
        for key in ("Control+a", "Alt+x", "Meta+a", "Backspace"):
            page.keyboard.press(key)
        page.keyboard.press("x")
        page.keyboard.type("my own reason")  # a letter begins it
        expect(curate.get_by_label("Another reason")).to_have_value("my own reason")
        decided(page, 0, 30)
        page.keyboard.press("Enter")
        decided(page, 1, 30)
        page.get_by_role("tab", name="Explore").click()
        expect(page.locator("#explore [data-part=headline]")).to_be_visible()
        page.keyboard.press("a")
        page.keyboard.press("a")
        page.get_by_role("tab", name="Curate").click()
        decided(page, 1, 30)
        curate.locator("article").click()
        page.keyboard.press("/")
        expect(page.locator("#explore [data-part=text]")).to_be_focused()
        page.get_by_role("tab", name="Curate").click()
        assert [row[1] for row in events(page, 2)] == ["reject", "note"]
        clean(watched)


def test_tags_notes_and_another_solution_come_by_keys_too(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "tag")
        curate.get_by_role("button", name=re.compile("Add tags|Tags…")).click()
        curate.locator(".pane textarea").fill("hard\nodd one")
        curate.locator(".pane textarea").press("Control+Enter")
        expect(curate.locator("article .tags button").first).to_have_text("1 hard")
        page.keyboard.press("2")
        expect(curate.locator("article .tag")).to_have_text(["# odd one"])
        page.keyboard.press("1")
        page.keyboard.press("2")
        expect(curate.locator("article .tag")).to_have_text(["# hard"])
        key = current(page)
        expect(curate.locator("article")).to_contain_text("sample 1 · chosen")
        page.keyboard.press("]")
        expect(curate.locator("article")).to_contain_text("Accepting now takes this solution.")
        page.keyboard.press("a")
        saved(page)
        page.keyboard.press("k")
        expect(curate.locator("article")).to_contain_text("sample 0 · chosen")
        told = events(page, 1)[0]
        assert told[1:] == ["accept", key, "sample: 0"]
        reloaded(watched, 1, 30)
        page.keyboard.press("?")
        expect(curate.locator(".pane")).to_contain_text("undo, as far back as you like")
        page.keyboard.press("Escape")
        expect(curate.locator(".pane")).to_be_hidden()
        clean(watched)


def test_blind_nothing_that_could_sway_is_in_the_page_before_the_decision(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        begin(page, "sam", 10, name="seen first")
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
        page.get_by_role("button", name="Start reviewing").click()
        expect(page.locator("#curate [data-part=blind-mark]")).to_be_visible()
        while current(page) != key:
            page.keyboard.press("j")
            expect(page.locator("#curate article .question")).to_be_visible()
        article = page.locator("#curate article")
        expect(article).to_contain_text("Blind: scores, verdicts and what others decided are told once")
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
        page.goto(url + '/?filter={"ids":["r1-00000003"]}')
        begin(page, "ana")
        expect(page.locator("#curate article .question .katex").first).to_be_visible()
        expect(page.locator("#curate article .question")).to_contain_text("and 5$ or 6$.")
        clean(watched)


def test_a_decision_waits_in_the_browser_while_the_app_does_not_answer(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "off")
        for key in "jk":  # both cards are there
            page.keyboard.press(key)
            expect(curate.locator("article .question")).to_be_visible()
        page.route("**/component_server/**", lambda route: route.abort())
        page.route("**/component_server", lambda route: route.abort())
        page.keyboard.press("a")
        decided(page, 1, 30)
        expect(curate.locator("[data-part=saved]")).to_have_text("1 not saved")
        expect(curate).to_contain_text("The app does not answer")
        page.keyboard.press("a")
        expect(curate.locator("[data-part=saved]")).to_have_text("2 not saved")
        assert page.evaluate(_WARNS)
        page.unroute_all()
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()  # what was not saved outlives it
        decided(page, 2, 30)
        saved(page)
        assert [row[:2] for row in events(page, 2)] == [["off", "accept"]] * 2
        assert not watched.foreign


def test_bulk_decides_all_matches_once_the_count_is_typed_and_one_undo_takes_it_back(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open('/?filter={"drop_stage":["solvability"]}')
        page.get_by_role("tab", name="Curate").click()
        page.get_by_label("Your name").fill("bulk")
        page.locator("[data-panel=bulk] > summary").click()
        panel = page.locator("[data-panel=bulk]")
        expect(panel).to_contain_text("4 questions match what Explore shows now (dropped at solvability)")
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
        expect(panel).to_contain_text("Taken back: reject of 4 questions, by bulk.")
        clean(watched)


def test_explore_sends_its_filter_to_a_new_queue(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open('/?filter={"drop_stage":["solvability"]}')
        page.get_by_role("button", name="Review these").click()
        expect(page.locator("#curate [data-part=base]")).to_have_value("explore")
        page.get_by_label("Your name").fill("ana")
        page.locator("#curate [data-part=order]").select_option("newest")
        page.get_by_role("button", name="Start reviewing").click()
        decided(page, 0, 4)
        expect(page.locator("#curate article")).to_contain_text("Dropped at solvability: not_solvable.")
        clean(watched)


def test_the_demo_can_be_looked_at_and_says_how_to_begin(tmp_path: Path) -> None:
    with served(tmp_path / "w") as address, chromium(address) as watched:
        page = watched.open()
        page.get_by_role("tab", name="Curate").click()
        page.get_by_role("button", name="Start reviewing").click()
        expect(page.locator("#curate article .question")).to_be_visible()
        page.keyboard.press("a")
        expect(page.locator("[data-part=told]")).to_contain_text("The demo can be looked at but takes no decisions")
        decided(page, 0, 50)
        page.keyboard.press("j")
        expect(page.locator("[data-part=progress]")).to_contain_text("row 2")
        clean(watched)
