"""The search box of Explore in a real Chromium: words, regular expressions, marks, the best match first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from tests.store import rows
from tests.ui.browser import chromium, served
from tests.ui.hostile import HOSTILE
from tests.ui.tabs.explore.test_explore import asked_of, link, run_of, settled, table

TEXTS = (
    "Is 7 a prime number?",
    "How many numbers below 50 are prime? Name each prime.",
    "Is a number that is not composite prime?",
    'A <b>prime</b> & its "square" cost $5.',
    "What is x^2 for x = 3?",
    f"{'Long before it. ' * 16}At last the prime.",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("searched") / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(run_of("r1", name="first", status="done"))
        workspace.writer.put([rows.question(idx, text=text) for idx, text in enumerate((*TEXTS, *HOSTILE))])
        workspace.writer.flush()
    with served(folder) as address:
        yield address


def marks(page: Page) -> set[str]:
    return set(page.locator("[data-part=table] mark").all_inner_texts())


def test_words_are_found_marked_and_ranked(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open(link({"run": ["r1"]})))
        expect(page.locator("[data-part=sort]")).to_have_value("-newest")
        page.locator("#explore [data-part=text]").fill("prime")
        expect(page.locator(".parts li")).to_have_text(["run first×", "words: prime×"])
        expect(page.locator("[data-part=range]")).to_have_text("1-5 of 5 questions")
        expect(page.locator("[data-part=sort]")).to_have_value("match")
        assert marks(page) == {"prime"}
        found = table(page)
        assert found[0][0] == "r1-00000001"  # it has the word twice
        assert {row[1] for row in found} >= {*TEXTS[:4]}
        assert next(row[1] for row in found if row[0] == "r1-00000005").startswith("…")  # the text that is shown has it
        assert asked_of(page) == {"run": ["r1"], "words": "prime"}
        page.locator("[data-part=sort]").select_option("-newest")
        expect(page.locator("[data-part=table] tbody tr").first).to_have_attribute("data-id", "r1-00000005")
        page.wait_for_function("new URL(location.href).searchParams.get('sort') === '-newest'")
        address = page.evaluate("location.href")
        assert not watched.errors
    with chromium(url) as watched:
        page = settled(watched.open(address.removeprefix(url)))
        expect(page.locator("#explore [data-part=text]")).to_have_value("prime")
        expect(page.locator("[data-part=sort]")).to_have_value("-newest")
        page.locator("#explore [data-part=text]").fill('"prime number"')
        expect(page.locator("[data-part=range]")).to_have_text("1-1 of 1 questions")
        assert marks(page) == {"prime number"}
        page.locator("#explore [data-part=text]").fill("prim* -is")
        expect(page.locator("[data-part=range]")).to_have_text("1-3 of 3 questions")
        page.locator("#explore [data-part=text]").fill("")
        expect(page.locator(".parts li")).to_have_text(["run first×"])
        expect(page.locator("[data-part=table] mark")).to_have_count(0)
        assert not watched.errors
        assert not watched.foreign


def test_between_slashes_is_a_regular_expression(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open(link({"run": ["r1"]})))
        box = page.locator("#explore [data-part=text]")
        box.fill(r"/\bIS \d/i")
        expect(page.locator(".parts li")).to_have_text([r"matches /(?i)\bIS \d/×", "run first×"])
        expect(page.locator("[data-part=range]")).to_have_text("1-1 of 1 questions")
        assert marks(page) == {"Is 7"}
        box.fill("/(ab/")
        expect(page.locator("[data-part=message]")).to_contain_text("The search was left out. filter.regex '(ab'")
        expect(page.locator(".parts li")).to_have_text(["run first×"])
        expect(box).to_have_value("/(ab/")
        box.fill("$")
        expect(page.locator("[data-part=message]")).to_contain_text("filter.words '$' contains no word")
        box.fill("/<b>prime/")
        expect(page.locator("[data-part=range]")).to_contain_text("of 1 questions")
        assert marks(page) == {"<b>prime"}
        address = page.evaluate("location.href")
        assert not watched.errors
    with chromium(url) as watched:
        page = settled(watched.open(address.removeprefix(url)))
        expect(page.locator("#explore [data-part=text]")).to_have_value("/<b>prime/")
        assert not watched.errors


def test_an_old_address_with_a_text_still_works(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open(link({"text": "PRIME NUM"})))
        expect(page.locator(".parts li")).to_have_text(["text contains “PRIME NUM”×"])
        assert [row[0] for row in table(page)] == ["r1-00000000"]
        assert marks(page) == {"prime num"}
        assert not watched.errors


def test_hostile_texts_are_marked_and_nothing_of_them_runs(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open(link({"regex": "[<>&\"'a-z]"}, sort="newest")))
        expect(page.locator("[data-part=table] mark").first).to_be_visible()
        assert page.evaluate("window.ran") is None
        drawn = "mark, div, code, pre, strong, em, span, .formula *"  # what our own drawing of texts makes
        assert page.locator(f"[data-part=table] td *:not({drawn})").count() == 0
        assert page.locator("[data-part=table] td :is(img, script, iframe, style, form, a, object)").count() == 0
        assert not watched.errors
        assert not watched.foreign
