"""Exploring in a real Chromium: what is chosen shows everywhere, a link brings it back, and no text can run."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from store.records import Decision, ErrorRow, Label, Record, Verdict
from tests.store import rows
from tests.store.explore.test_query import varied
from tests.ui.browser import chromium, served
from tests.ui.hostile import HOSTILE
from ui.web.escape import visible

ROWS = 300
PROMPT = "<|im_start|>user\n"


def run_of(run_id: str, **changes: Any) -> Any:
    generator = {"name": "qgen-a", "template": {"id": "nano", "text": PROMPT}}
    config = {"questions": 500, "profile": {"name": "nano", "generators": [generator]}}
    return replace(rows.run(run_id), config=config, **changes)


def put_runs(workspace: Workspace) -> None:
    """Two runs, of ROWS questions as some pipeline might have left them."""
    luck = random.Random(4)
    for run_id, name in (("r1", "first"), ("r2", "second")):
        workspace.create_run(run_of(run_id, name=name, status="done"))
    for idx in range(ROWS):
        workspace.writer.put(varied(idx, luck.choice(("r1", "r2")), luck))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explore") / "w"
    with Workspace.open(folder) as workspace:
        put_runs(workspace)
        workspace.writer.put(story())
        workspace.writer.flush()
    return folder


def story() -> list[Record]:
    """A question with everything that a row can have."""
    key = rows.question(900).question_id
    judged = [v for v in rows.verdicts(900) if v.stage != "solvability"]
    return [
        replace(rows.question(900, text="Find $x^2$ for \\(x = 3\\) and $5 or $6."), params={"temperature": 0.7}),
        *judged,
        Verdict(key, "solvability", "wordy", True, 0.91, None, "It has a unique answer. Verdict: **yes**"),
        *rows.solutions(900, rewards=(-0.5, -0.125, None)),
        *rows.labels(900),
        Label(key, "near_duplicate", "r1-00000007", "minhash"),
        ErrorRow("r1", 900, "solution", "out of memory", raw="CUDA said no"),
        rows.decide("e1", 900, "accept"),
        Decision("e2", key, "ana", "note", {"text": "a fine one"}),
    ]


@pytest.fixture(scope="module")
def url(filled: Path) -> Iterator[str]:
    with served(filled) as address:
        yield address


def link(asked: dict[str, Any], **more: str) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"/?filter={quote(json.dumps(asked))}{extra}"


def asked_of(page: Page) -> dict[str, Any]:
    """The filter in the page's address."""
    found: dict[str, Any] = page.evaluate("JSON.parse(new URL(location.href).searchParams.get('filter') || '{}')")
    return found


def count(page: Page) -> int:
    text = page.locator("[data-part=headline]").inner_text()
    return int(text.split(" of ")[0].replace(",", ""))


def table(page: Page) -> list[list[str]]:
    found: list[list[str]] = page.evaluate(
        "[...document.querySelectorAll('[data-part=table] tbody tr')]"
        ".map(row => [row.dataset.id, ...[...row.cells].map(cell => cell.textContent)])"
    )
    return found


def settled(page: Page) -> Page:
    expect(page.locator("[data-part=headline]")).to_contain_text("questions")
    expect(page.locator("#explore .nsewdrag").first).to_be_attached()
    return page


def test_the_funnel_shows_what_a_stage_dropped_and_why(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open(link({"run": ["r1"]})))
        cells = page.locator(".funnel tr", has_text="solvability").locator("td")
        dropped = int(cells.nth(2).inner_text())
        assert dropped
        page.get_by_role("button", name="solvability").click()
        expect(page.locator("[data-part=headline]")).to_contain_text(f"{dropped} of")
        expect(page.locator("[data-counts=funnel] .note")).to_have_text(
            f"solvability dropped {dropped}: not_solvable {dropped}."
        )
        assert {(row[9], row[10]) for row in table(page)} == {("solvability", "not_solvable")}
        assert asked_of(page) == {"drop_stage": ["solvability"], "run": ["r1"]}
        page.get_by_role("button", name="language").click(modifiers=["Control"])
        expect(page.locator(".parts li")).to_have_text(["dropped at solvability or language×", "run first×"])
        assert {row[9] for row in table(page)} == {"solvability", "language"}
        assert not watched.errors


def test_topics_and_facets_are_chosen_by_key_and_click(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open("/?sort=-newest"))
        topic = page.locator(".values button", has_text="Geometry")
        topic.focus()
        topic.press("Enter")
        expect(topic).to_have_attribute("aria-pressed", "true")
        page.locator(".values button", has_text="Number Theory").click(modifiers=["Shift"])
        expect(page.locator(".parts li")).to_have_text(["topic Geometry or Number Theory×"])
        assert {row[2] for row in table(page)} == {"Geometry", "Number Theory"}
        facet = page.locator("fieldset", has_text="Run").first
        facet.get_by_text("second").click()
        expect(page.locator(".parts li")).to_have_text(["run second×", "topic Geometry or Number Theory×"])
        expect(facet.get_by_text("first")).to_be_visible()  # a facet ignores its own choice
        page.get_by_role("button", name="Remove topic Geometry or Number Theory").click()
        expect(page.locator(".parts li")).to_have_text(["run second×"])
        page.locator("#explore").get_by_role("searchbox").fill("SNOW_")
        expect(page.locator(".parts li")).to_have_count(2)
        assert {row[1][:8] for row in table(page)} == {"snow_man"}
        page.get_by_role("button", name="Clear all").click()
        expect(page.locator("[data-part=headline]")).to_contain_text(f"{ROWS + 1} of {ROWS + 1}")
        assert not watched.errors


def test_a_link_opened_in_another_browser_gives_the_same_view(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open("/?sort=-reward"))
        page.locator(".values button", has_text="Algebra").first.click()
        expect(page.locator(".parts li")).to_have_count(1)
        page.locator("[data-part=sort]").select_option("reward")
        expect(page.locator("[data-part=table] tbody tr").first).to_be_visible()
        page.wait_for_function("new URL(location.href).searchParams.get('sort') === 'reward'")
        page.wait_for_timeout(500)
        seen, said, address = (
            table(page),
            page.locator("[data-part=headline]").inner_text(),
            page.evaluate("location.href"),
        )
        page.locator("[data-part=table] tbody tr").nth(2).press("Enter")
        expect(page.locator("#explore-story h2")).to_have_text(seen[2][0])
        row_address = page.evaluate("location.href")
    with chromium(url) as watched:
        page = settled(watched.open(address.removeprefix(url)))
        expect(page.locator("[data-part=headline]")).to_have_text(said)
        for _ in range(40):  # formulas are drawn in idle time
            if table(page) == seen:
                break
            page.wait_for_timeout(250)
        assert table(page) == seen
        assert not watched.errors
    with chromium(url) as watched:
        page = watched.open(row_address.removeprefix(url))
        expect(page.locator("#explore-story h2")).to_have_text(seen[2][0])
        expect(page.locator("[data-part=place]")).to_have_text(re.compile("^3 of "))
        assert not watched.errors


@pytest.mark.parametrize(
    ("given", "said"), [('{"difficulty": [0.8, 0.3]}', "filter.difficulty"), ("nonsense", "is not JSON")]
)
def test_a_bad_filter_is_a_sentence_and_the_view_without_it(url: str, given: str, said: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open("/?filter=" + quote(given)))
        expect(page.locator("[data-part=message]")).to_contain_text(said)
        expect(page.locator("[data-part=headline]")).to_contain_text(f"{ROWS + 1} of {ROWS + 1}")
        assert not watched.errors


def test_a_row_that_is_not_there_is_a_sentence(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/?row=r9-00000001")
        expect(page.get_by_text("is not in this workspace")).to_be_visible()
        assert not watched.errors


def test_what_matches_nothing_says_which_part_to_remove(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open(link({"topic": ["Algebra"], "text": "no such words"}))
        expect(page.get_by_text("No question matches. Without “text contains “no such words””")).to_be_visible()
        page.get_by_role("button", name="Remove it").click()
        expect(page.locator(".parts li")).to_have_text(["topic Algebra×"])
        assert count(page) > 0
        assert not watched.errors


def test_pages_are_turned_and_a_row_leads_back_to_its_page(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open("/?sort=difficulty"))
        expect(page.locator("[data-part=range]")).to_have_text(f"1-50 of {ROWS + 1} questions")
        first = table(page)
        page.get_by_role("button", name="Next page").click()
        expect(page.locator("[data-part=range]")).to_have_text(f"51-100 of {ROWS + 1} questions")
        second = table(page)
        assert not {row[0] for row in first} & {row[0] for row in second}
        numbers = [float(row[3]) for row in first + second if row[3]]
        assert numbers == sorted(numbers)
        page.locator(f"tr[data-id='{second[48][0]}']").click()
        expect(page.locator("[data-part=place]")).to_contain_text("99 of")
        page.keyboard.press("j")
        expect(page.locator("[data-part=place]")).to_contain_text("100 of")
        page.keyboard.press("j")
        expect(page.locator("[data-part=place]")).to_contain_text("101 of")
        page.keyboard.press("k")
        expect(page.locator("#explore-story h2")).to_have_text(second[49][0])
        page.keyboard.press("Escape")
        expect(page.locator(f"tr[data-id='{second[49][0]}']")).to_be_focused()
        assert table(page) == second
        page.get_by_role("button", name="Previous page").click()
        expect(page.locator("[data-part=range]")).to_have_text(f"1-50 of {ROWS + 1} questions")
        assert table(page) == first
        assert not watched.errors


def test_a_row_tells_its_whole_story(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/?row=r1-00000900")
        told = page.locator("#explore-story")
        for text in (
            "A pair, accepted",
            "first (generate, done)",
            "temperature0.7",
            "<|im_start|>user⏎",
            "It has a unique answer. Verdict: **yes**",
            "0.9100",
            "3 solutions, 1 different final answer.",
            "Sample 1 is chosen: it has the best reward",
            "✓ chosen, sample 1 reward -0.125",
            "sample 2 reward none",
            "Sample 0:",
            "near_duplicate",
            "r1-00000007",
            "out of memory",
            "CUDA said no",
            "a fine one",
            "and $5 or $6.",
        ):
            expect(told).to_contain_text(text)
        told.locator("details.solution").evaluate_all("all => all.forEach((fold) => { fold.open = true; })")
        for formula in told.locator(".formula").all():
            formula.scroll_into_view_if_needed()  # formulas far from view are not drawn
        # two formulas of the question, a boxed answer in each of three samples and in their heading
        expect(told.locator(".katex")).to_have_count(6)
        assert not watched.errors
        assert not watched.foreign


def test_a_narrow_page_scrolls_only_down(url: str) -> None:
    with chromium(url, width=400) as watched:
        page = settled(watched.open("/?__theme=dark&sort=reward"))
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        expect(page.locator("[data-part=facets]")).not_to_have_attribute("open", "")
        page.locator("[data-part=facets] summary").click()
        page.locator("fieldset", has_text="Review status").get_by_text("accepted").click()
        expect(page.locator(".parts li")).to_have_text(["status accepted×"])
        page.locator("[data-part=table] tbody tr").first.click()
        expect(page.locator("#explore-story h2")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert not watched.errors


def test_hostile_texts_are_read_and_nothing_of_them_runs(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        for number, text in enumerate(HOSTILE):
            run = f"r{number:02d}"
            workspace.create_run(run_of(run, name=text, status="done"))
            key = rows.question(0, run).question_id
            workspace.writer.put(
                [
                    replace(rows.question(0, run, text), generator=text[:60], reference_answer=text),
                    *[replace(v, raw=text, judge=text[:60]) for v in rows.verdicts(0, run)],
                    *[replace(s, text=text, answer=text[:60]) if hasattr(s, "answer") else s for s in samples(run)],
                    *rows.labels(0, run, topic=text[:60]),
                    Label(key, "note", text, text),
                    ErrorRow(run, 0, "solution", text, raw=text),
                    rows.decide(f"e{number}", 0, "note", run, text=text),
                ]
            )
            dropped = Verdict(rows.question(1, run).question_id, "language", "rules", False, None, text[:60])
            workspace.writer.put([rows.question(1, run, text), dropped])
        workspace.writer.flush()
    plain = [n for n, text in enumerate(HOSTILE) if "$" not in text and "\\" not in text]  # no formulas
    assert len(plain) > 30
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = settled(watched.open("/?sort=newest"))
        shown = {row[0]: row for row in table(page)}
        page.get_by_role("button", name="Next page").click()
        expect(page.locator("[data-part=range]")).to_contain_text("51-")
        shown |= {row[0]: row for row in table(page)}
        for number, text in enumerate(HOSTILE):
            known = shown.get(f"r{number:02d}-00000000")
            if known is not None and number in plain:
                seen = visible(text)
                assert known[1] == (seen if len(seen) <= 220 else seen[:220] + "…")
        page.get_by_role("button", name="Previous page").click()
        page.locator("fieldset", has_text="Dropped at").get_by_text("not dropped").click()
        expect(page.locator("[data-part=range]")).to_contain_text(f"of {len(HOSTILE)} questions")
        page.locator("tr[data-id='r00-00000000']").click()
        told = page.locator("#explore-story")
        for number, text in enumerate(HOSTILE):
            expect(told.locator("h2")).to_have_text(f"r{number:02d}-00000000")
            expect(page.locator("[data-part=place]")).to_contain_text(f"{number + 1} of")
            if number in plain:
                said = " ".join(visible(text).split())
                assert said in " ".join(told.inner_text().replace("\xa0", " ").split()), text
            assert page.evaluate("window.ran") is None
            page.keyboard.press("j")
        assert page.evaluate("document.querySelectorAll('#explore-story :is(a[href], img, iframe, form)').length") == 0
        assert not watched.errors
        assert not watched.foreign


def samples(run: str) -> list[Record]:
    return rows.solutions(0, run)


def test_an_empty_workspace_and_a_run_under_way_say_so(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(run_of("r1", name="slow", status="paused"))
        workspace.writer.put(rows.whole(0))
        workspace.writer.flush()
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = settled(watched.open("/?sort=newest"))
        expect(page.get_by_text("Run slow is paused: 1 of 500 so far.")).to_be_visible()
        assert not watched.errors
