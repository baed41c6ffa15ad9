"""A second reviewer in a real Chromium: what others decided is hidden until one has decided, and shown on request."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Response, expect

from tests.ui.browser import Watched, chromium, served
from tests.ui.tabs.curate.curating import at_run, begin, clean, current, decided, events, fill, saved


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(fill(tmp_path_factory.mktemp("curate") / "w")) as address:
        yield address


def first_reviewer(watched: Watched, name: str, verbs: str) -> Page:
    """A queue of six in which Ana accepts (``a``) and rejects (``x``), with a note and a tag on its first question."""
    page = watched.open(at_run())
    begin(page, "ana", 6, "newest", name=name)
    page.locator("#curate article .tags button").last.click()
    page.locator("#curate .pane textarea").fill("anatag")
    page.locator("#curate .pane textarea").press("Control+Enter")
    expect(page.locator("#curate .pane")).to_be_hidden()
    page.keyboard.press("1")
    page.keyboard.press("n")
    page.keyboard.type("ananote")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#curate article")).to_contain_text("ananote")
    for number, verb in enumerate(verbs, 1):
        page.keyboard.press(verb)
        if verb == "x":
            page.keyboard.type("anareason")
            page.keyboard.press("Enter")
        decided(page, number, 6)
    saved(page)
    page.get_by_role("button", name="All queues").first.click()
    return page


def as_reviewer(page: Page, name: str, queue: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Your name").press("Enter")  # the list is that of another reviewer then
    page.get_by_role("button", name=f"Continue {queue}").click()
    expect(page.locator("#curate article .question")).to_be_visible()


def test_a_second_reviewer_sees_nothing_of_the_first_before_deciding(url: str) -> None:
    with chromium(url) as watched:
        page = first_reviewer(watched, "blindly", "axa")
        cards: list[Response] = []
        page.on("response", lambda answer: cards.append(answer) if "component_server" in answer.url else None)
        as_reviewer(page, "ben", "blindly")
        article = page.locator("#curate article")
        expect(article).to_contain_text("Hidden until you decide: other reviewers' decisions, tags and notes.")
        expect(article.locator("aside")).to_contain_text("Reward")  # the queue itself isn't blind
        expect(page.locator("#curate [data-part=estimate]")).to_be_empty()
        sent = "".join(text for answer in cards if '"cards"' in (text := answer.text()))
        assert current(page) in sent
        for word in ("ananote", "anareason", "accepted", "rejected", "ana,"):
            assert word not in article.inner_html() + sent, word
        assert article.locator("[aria-pressed=true]", has_text="anatag").count() == 0
        page.keyboard.press("a")
        decided(page, 1, 6)
        saved(page)
        page.keyboard.press("k")
        expect(article).to_contain_text("ananote")
        expect(article).not_to_contain_text("Hidden until you decide")
        assert events(page, 1)[0][3] == "blind"
        clean(watched)


def test_a_decision_made_while_others_are_shown_is_stored_as_not_blind(url: str) -> None:
    with chromium(url) as watched:
        page = first_reviewer(watched, "openly", "aaaxxx")
        as_reviewer(page, "eve", "openly")
        page.keyboard.press("a")
        decided(page, 1, 6)
        switch = page.get_by_label("Show other reviewers' decisions")
        switch.check()
        article = page.locator("#curate article")
        expect(article.locator("details", has_text="History")).to_be_attached()
        expect(article).not_to_contain_text("Hidden until you decide")
        page.keyboard.press("a")  # the switch has the focus: keys go on
        decided(page, 2, 6)
        page.keyboard.press("u")
        decided(page, 1, 6)
        switch.uncheck()
        expect(article).to_contain_text("Hidden until you decide")
        for count in (2, 3, 4):  # two of them were on the screen with what others had decided
            expect(article.locator(".question")).to_be_visible()
            page.keyboard.press("a")
            decided(page, count, 6)
        saved(page)
        told = [row[3] for row in events(page, 6)]
        assert told[:3] + told[4:] == ["blind", "not blind", "not blind", "not blind", "blind"]
        clean(watched)


def test_agreement_is_counted_of_blind_decisions_alone_on_request(url: str) -> None:
    with chromium(url) as watched:
        page = first_reviewer(watched, "agreeing", "aaaaaa")
        as_reviewer(page, "zoe", "agreeing")
        page.keyboard.press("x")
        page.keyboard.press("Enter")
        decided(page, 1, 6)
        page.get_by_label("Show other reviewers' decisions").check()
        for number in (2, 3):
            expect(page.locator("#curate article .question")).to_be_visible()
            page.keyboard.press("a")
            decided(page, number, 6)
        saved(page)
        panel = page.locator("[data-panel=reviewers]")
        panel.locator("summary").click()
        row = panel.locator("tr", has_text="ana and zoe").locator("td")
        expect(row.nth(1)).to_have_text("3")
        panel.get_by_role("button", name="Blind decisions only").click()
        expect(panel.get_by_role("button", name="Blind decisions only")).to_have_attribute("aria-pressed", "true")
        expect(row.nth(1)).to_have_text("1")
        expect(row.nth(2)).to_have_text("0")
        expect(panel).to_contain_text("Reviewers who see what others decided tend to follow them")
        clean(watched)


def test_disagreements_are_settled_in_a_queue_of_their_own_with_both_sides_in_sight(url: str) -> None:
    with chromium(url) as watched:
        page = first_reviewer(watched, "for both", "aaaaaa")
        as_reviewer(page, "dan", "for both")
        key = current(page)
        page.keyboard.press("x")
        page.keyboard.type("danreason")
        page.keyboard.press("Enter")
        decided(page, 1, 6)
        saved(page)
        page.get_by_role("button", name="All queues").first.click()
        page.get_by_label("Your name").fill("judge")
        panel = page.locator("[data-panel=reviewers]")
        panel.locator("summary").click()
        panel.get_by_role("button", name=re.compile(r"Settle \d+ disagreements?…")).click()
        expect(page.locator("#curate [data-part=order]")).to_have_value("differ")
        page.get_by_role("button", name="Start reviewing").click()
        expect(page.locator("#curate article .question")).to_be_visible()
        assert current(page) == key  # the newest
        article = page.locator("#curate article")
        expect(article).to_contain_text("ana accepted it")
        expect(article).to_contain_text("dan rejected it: danreason")
        expect(page.get_by_label("Show other reviewers' decisions")).to_be_checked()
        page.keyboard.press("a")
        saved(page)
        assert events(page, 1)[0] == ["judge", "accept", key, "not blind, settles a disagreement"]
        row = panel.locator("tr", has_text="danreason")
        panel.get_by_role("button", name="All decisions").click()
        expect(row.locator("td").nth(2)).to_have_text("accept, by judge")
        clean(watched)
