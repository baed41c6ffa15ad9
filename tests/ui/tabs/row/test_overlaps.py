"""Near-duplicates and the matched benchmark question in a row's story, in a real Chromium; hostile texts stay inert."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import expect

from engine.checks.job import run
from engine.checks.request import check_of
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from tests.engine.checks.stored import imported
from tests.ui.browser import Watched, chromium, served
from tests.ui.hostile import HOSTILE, readable

BASE = (
    "A rectangular garden is twice as long as it is wide and a path of two metres runs all around the whole of it; {}"
)
TAILS = ["how large is the path?", "how long is the path?"]
SAID = """wanted => [...document.querySelectorAll('#explore-story :is(blockquote, .question)')].filter((quote) => {
    const read = quote.cloneNode(true);
    for (const drawn of read.querySelectorAll('.katex')) {
        drawn.textContent = `$${drawn.querySelector('annotation').textContent}$`;
    }
    return read.textContent.replace(/\\s/g, '').includes(wanted);
}).length"""
"""How many quotations of the story have a text; a formula that is drawn counts as its LaTeX."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("beside")
    exam = [{"problem": BASE.format(TAILS[0])}, *({"problem": BASE.format(text)} for text in HOSTILE)]
    (folder / "exam.jsonl").write_text("".join(json.dumps(row) + "\n" for row in exam))
    texts = [BASE.format(tail) for tail in TAILS]
    for text in HOSTILE:
        texts += [f"{BASE.format('')} {text} one", f"{BASE.format('')} {text} two"]
    with Workspace.open(folder / "w") as workspace, closing(ModelCache()) as model_cache:
        imported(workspace, texts)
        run(workspace, "i1", check_of("near-duplicates"), model_cache=model_cache)
        run(workspace, "i1", check_of("contamination", [folder / "exam.jsonl"]), model_cache=model_cache)
    (folder / "exam.jsonl").unlink()
    with served(folder / "w") as url, chromium(url) as page:
        yield page


def test_a_near_duplicate_is_shown_with_what_differs_and_can_be_opened(watched: Watched) -> None:
    page = watched.open("/?row=i1-00000001")
    story = page.locator("#explore-story")
    expect(story).to_contain_text("similarity 0.9")
    expect(story.locator("del", has_text="long")).to_have_count(1)
    expect(story.locator("strong", has_text="large")).to_have_count(1)
    story.locator("section", has_text="Near-duplicates").get_by_role("button", name="Show i1-00000000").click()
    expect(story.locator("h2")).to_have_text("i1-00000000")


def test_the_matched_benchmark_question_stands_beside_when_its_file_is_gone(watched: Watched) -> None:
    page = watched.open("/?row=i1-00000001")
    story = page.locator("#explore-story")
    expect(story).to_contain_text("exam row 1")
    expect(story).to_contain_text("of its 13-word sequences (bold) also occur in exam row 1")
    marked = story.locator("blockquote strong", has_text="A rectangular garden is twice")
    expect(marked).to_have_count(2)
    expect(marked.first).not_to_contain_text("large")
    expect(story).to_contain_text("Sample 0 is chosen: it is the only one.")


def test_hostile_texts_beside_a_row_are_shown_and_do_nothing(watched: Watched) -> None:
    last = 2 * len(HOSTILE) + 1
    page = watched.open(f"/?row=i1-{last:08d}")
    story = page.locator("#explore-story")
    expect(story).to_contain_text(f"i1-{last:08d}")
    watched.errors.clear()  # of pages that were left while they loaded
    for row in range(last, 1, -1):
        expect(story.locator("h2").first).to_contain_text(f"i1-{row:08d}")
        if row % 2:
            text = HOSTILE[row // 2 - 1]
            inside = story.locator("img, script, iframe, style, form, svg, link, meta, base, object, embed")
            expect(inside).to_have_count(0)
            # in the question, in the benchmark's question and in this one next to it
            assert page.evaluate(SAID, readable(text)) >= 3, text
        page.get_by_role("button", name="Next", exact=True).click()
    assert page.evaluate("window.ran") is None
    assert not watched.errors
    assert not watched.foreign
