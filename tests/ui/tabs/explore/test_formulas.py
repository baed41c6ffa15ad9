"""Formulas in Explore: in the table's rows that are in view, and in the story of a row, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from store.records import Record, Solution
from tests.store import rows
from tests.ui.browser import Watched, chromium, served

ROWS = 60
QUESTION = """Row {0}: what is $x_{{{0}}}^2$ if \\[x = {0}\\] and
\\begin{{align*}}y&={0}\\\\z&=1\\end{{align*}}? It costs $5 and $7."""
SOLUTION = """We add:
\\begin{{align*}}
14+9&=23\\\\
23+{0}&=y \\tag{{1}}
\\end{{align*}}
[asy]
draw((0,0)--(1,1));
[/asy]
```python
print("$x$")
```
\\begin{{tabular}}{{ll}}1 & 2\\\\3 & 4\\end{{tabular}}
so \\boxed{{{0}}}."""
ROW = "[data-part=table] tbody tr"


def _row(idx: int) -> list[Record]:
    extra = {"source": "a set", "note": "<b>$y$</b>\n\nmore"}
    made: list[Record] = [replace(rows.question(idx, text=QUESTION.format(idx)), extra=extra), *rows.whole(idx)[1:]]
    return [replace(row, text=SOLUTION.format(idx)) if isinstance(row, Solution) else row for row in made]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("formulas") / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run(status="done"))
        for idx in range(ROWS):
            workspace.writer.put(_row(idx))
        workspace.writer.flush()
    with served(folder) as url:
        yield url


def opened(watched: Watched, path: str) -> Page:
    page = watched.open(path)
    expect(page.locator(ROW).first).to_be_attached()
    return page


def test_rows_in_view_have_their_formulas_drawn_and_the_others_when_they_come_into_view(url: str) -> None:
    with chromium(url) as watched:
        page = opened(watched, "/?sort=oldest")
        expect(page.locator(ROW)).to_have_count(50)
        assert page.locator(f"{ROW}:last-child .katex").count() == 0
        page.locator(ROW).first.scroll_into_view_if_needed()
        first = page.locator(ROW).first.locator("td").first
        expect(first.locator(".katex")).to_have_count(3)
        expect(first).to_contain_text("It costs $5 and $7.")
        assert "\\begin" not in first.inner_text()
        page.locator(ROW).last.scroll_into_view_if_needed()
        expect(page.locator(ROW).last.locator(".katex")).to_have_count(3)
        assert not watched.errors
        assert not watched.foreign


def test_what_a_search_found_is_marked_between_the_formulas(url: str) -> None:
    with chromium(url) as watched:
        page = opened(watched, '/?filter={"words":"costs"}')
        row = page.locator(ROW).first
        row.scroll_into_view_if_needed()
        expect(row.locator("mark")).to_have_text("costs")
        expect(row.locator(".katex")).to_have_count(3)
        assert not watched.errors


def test_the_story_draws_environments_tables_and_tags_and_folds_figures_and_other_fields(url: str) -> None:
    with chromium(url) as watched:
        page = opened(watched, "/?row=r1-00000007&sort=oldest")
        story = page.locator("#explore-story")
        solution = story.locator("details.solution > .text", has_text="We add:").first
        solution.scroll_into_view_if_needed()
        expect(solution.locator(".katex-display")).to_have_count(1)
        expect(solution).to_contain_text("(1)")
        expect(solution.locator("table td")).to_have_text(["1", "2", "3", "4"])
        expect(solution.locator("pre").last).to_contain_text('print("$x$")')
        figure = solution.locator("details")
        expect(figure.locator("summary")).to_have_text("Figure: 3 lines of Asymptote code")
        expect(figure.locator("pre")).to_be_hidden()
        story.locator(".all-details > summary").click()
        stored = story.locator(".all-details details", has_text="Also stored")
        expect(stored.locator("pre")).to_be_hidden()
        stored.locator("summary").click()
        expect(stored.locator("pre")).to_contain_text('"note": "<b>$y$</b>\\n\\nmore"')
        story.locator("details.solution").evaluate_all("all => all.forEach((fold) => { fold.open = true; })")
        for formula in story.locator(".formula").all():
            formula.scroll_into_view_if_needed()
            expect(formula.locator(".katex")).to_be_attached()
        assert "\\begin" not in story.inner_text()
        assert page.locator(".katex-error").count() == 0
        assert not watched.errors
        assert not watched.foreign
