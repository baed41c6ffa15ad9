"""The actions at the bottom edge, and the panes over the card: where they are, and where the focus goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.ui.browser import chromium, served
from tests.ui.tabs.curate.curating import at_run, begin, clean, decided, fill


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(fill(tmp_path_factory.mktemp("curate") / "w")) as address:
        yield address


def box(of: Locator) -> dict[str, float]:
    found = of.bounding_box()
    assert found is not None
    return dict(found)


@pytest.mark.parametrize("width", [1440, 400])
def test_a_pane_opens_over_the_card_and_moves_nothing(url: str, width: int) -> None:
    with chromium(url, width, 900) as watched:
        page = watched.open("/curate")
        page.get_by_label("Your name").fill(f"dock {width}")
        page.locator("#curate [data-part=order]").select_option("newest")
        page.get_by_role("button", name="Start reviewing").click()
        curate = page.locator("#curate")
        expect(curate.locator("article .question")).to_be_visible()
        page.wait_for_timeout(1000)  # formulas are drawn
        card, bar = box(curate.locator("article")), box(curate.get_by_role("toolbar"))
        assert bar["y"] + bar["height"] <= 900
        for key in "xen?":
            page.keyboard.press(key)
            pane = curate.locator(".pane")
            expect(pane).to_be_visible()
            assert (box(curate.locator("article")), box(curate.get_by_role("toolbar"))) == (card, bar)
            shown = box(pane)
            assert shown["y"] >= 0
            assert shown["y"] + shown["height"] <= bar["y"] + 1
            page.keyboard.press("Escape")
            expect(pane).to_be_hidden()
        page.mouse.wheel(0, 200)
        assert box(curate.get_by_role("toolbar"))["y"] <= 900
        clean(watched)


def test_escape_returns_the_focus_to_what_opened_the_pane(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "foc")
        for name in ("Reject", "Edit", "Note", "Keys"):
            opener = curate.get_by_role("button", name=name).last
            opener.focus()
            page.keyboard.press("Enter")
            expect(curate.locator(".pane")).to_be_visible()
            page.keyboard.press("Escape")
            expect(curate.locator(".pane")).to_be_hidden()
            expect(opener).to_be_focused()
        tags = curate.locator("article .tags button").last
        tags.focus()
        page.keyboard.press("Enter")
        curate.locator(".pane textarea").fill("one tag")
        curate.locator(".pane textarea").press("Control+Enter")
        expect(curate.locator(".pane")).to_be_hidden()
        expect(curate.locator("article .tags button").last).to_be_focused()  # it was drawn afresh meanwhile
        curate.get_by_role("button", name="Note").click()  # by a mouse: keys decide again afterwards
        page.keyboard.press("Escape")
        expect(curate.locator("article")).to_be_focused()
        page.keyboard.press(" ")
        decided(page, 1, 30)
        clean(watched)


def test_formulas_are_drawn_while_an_edit_is_typed(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "tex")
        page.keyboard.press("e")
        curate.get_by_label("Question", exact=True).fill("")
        page.keyboard.type("Solve $x^2 = ", delay=30)
        drawn = curate.locator(".pane [data-of=query]")
        expect(drawn).to_have_text("Solve $x^2 = ")
        page.keyboard.type("4$ and $\\frac{1}{2}$", delay=30)
        expect(drawn.locator(".katex")).to_have_count(2)
        expect(drawn.locator(".mfrac")).to_be_visible()
        expect(curate.get_by_label("Question", exact=True)).to_be_focused()
        page.keyboard.press("Escape")
        clean(watched)


def test_a_button_that_would_be_refused_is_disabled_and_says_why(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        page.get_by_role("tab", name="Curate").click()
        start = page.get_by_role("button", name="Start reviewing")
        expect(start).to_be_disabled()
        expect(start).to_have_attribute("title", "Enter your name first: each decision is stored with one.")
        expect(page.locator("#curate [data-part=reviewer-help]")).to_have_text(
            "Enter your name first: each decision is stored with one."
        )
        page.get_by_label("Your name").fill("any")
        expect(start).to_be_enabled()
        curate = begin(page, "any", 2)
        buttons = {
            name: curate.get_by_role("toolbar").get_by_role("button", name=name) for name in ("Previous", "Next")
        }
        expect(buttons["Previous"]).to_be_disabled()
        expect(buttons["Previous"]).to_have_attribute("title", "This is the first question of the queue.")
        page.keyboard.press("j")
        expect(buttons["Previous"]).to_be_enabled()
        expect(buttons["Next"]).to_be_disabled()
        for count in (1, 2):
            page.keyboard.press(" ")
            decided(page, count, 2)
        expect(curate.locator(".done")).to_be_visible()
        accept = curate.get_by_role("toolbar").get_by_role("button", name="Accept")
        expect(accept).to_be_disabled()
        expect(accept).to_have_attribute("title", "All questions of this queue are decided.")
        clean(watched)


def test_tags_typed_by_keys_leave_open_what_was_opened(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(at_run())
        curate = begin(page, "opn")
        curate.locator("article .tags button").last.click()
        curate.locator(".pane textarea").fill("first")
        curate.locator(".pane textarea").press("Control+Enter")
        verdicts = curate.locator("article details", has_text="Verdicts")
        verdicts.locator("summary").click()
        expect(verdicts).to_have_attribute("open", "")
        page.keyboard.press("1")
        expect(curate.locator("article .tag")).to_have_text(["# first"])
        expect(verdicts).to_have_attribute("open", "")
        clean(watched)
