"""Curating in a real Chromium: decided by single keys, and nothing that was decided is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from store.database.workspace import Workspace
from tests.ui.browser import chromium, served
from tests.ui.tabs.curate.curating import at_run, begin, clean, current, decided, events, fill, reloaded, saved, warns

_TIMES = """() => {
    const card = document.querySelector("#curate article");
    window.times = [];
    document.addEventListener("keydown", (event) => {
        if (event.key === "x") return; // asks for a reason first
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


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(fill(tmp_path_factory.mktemp("curate") / "w")) as address:
        yield address


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
            expect(page.locator("#curate [data-part=feedback]")).to_contain_text(f"Undone: {kinds[19 - number]} of")
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
        assert told[1:] == ["accept", key, "sample: 0, blind"]  # ana has decided it in another test
        reloaded(watched, 1, 30)
        page.keyboard.press("?")
        expect(curate.locator(".pane")).to_contain_text("undo, as far back as you like")
        page.keyboard.press("Escape")
        expect(curate.locator(".pane")).to_be_hidden()
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
        assert warns(page)
        page.unroute_all()
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()  # what was not saved outlives it
        decided(page, 2, 30)
        saved(page)
        assert [row[:2] for row in events(page, 2)] == [["off", "accept"]] * 2
        assert not watched.foreign


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


def test_the_demo_is_reviewed_like_any_run_and_is_then_part_of_the_workspace(tmp_path: Path) -> None:
    with served(tmp_path / "w") as address, chromium(address) as watched:
        page = watched.open()
        page.get_by_role("tab", name="Curate").click()
        expect(page.locator("#curate")).to_contain_text("the demo then becomes a part of this workspace")
        page.get_by_label("Your name").fill("ana")
        page.get_by_role("button", name="Start reviewing").click()
        expect(page.locator("#curate article .question")).to_be_visible()
        page.keyboard.press("a")
        expect(page.locator("#curate [data-part=progress]")).to_contain_text("1 of")
        saved(page)
        clean(watched)
    with Workspace.open(tmp_path / "w", create=False) as workspace:
        assert len(workspace.runs()) == 2
        with workspace.cursor() as cursor:
            assert cursor.execute("SELECT reviewer, action FROM decisions").fetchall() == [("ana", "accept")]


def test_an_address_with_a_queue_that_is_gone_says_so_and_lists_the_others(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        begin(page, "ana", 3, name="short lived")
        page.get_by_role("button", name="All queues").click()
        page.get_by_role("button", name="Delete short lived").click()
        expect(page.locator("#curate [data-part=confirm]")).to_contain_text("Its decisions are kept.")
        page.get_by_role("button", name="Delete the queue").click()
        expect(page.locator("#curate [data-part=queues]")).not_to_contain_text("short lived")
        watched.open("/?curate=short%20lived")
        expect(page.locator("#curate [data-part=message]")).to_contain_text("queue 'short lived' does not exist")
        expect(page.get_by_role("button", name="Start reviewing")).to_be_visible()
        assert "curate=" not in page.url
