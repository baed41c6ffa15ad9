"""Home in a real Chromium: real rows are drawn, from this host alone, and nothing that a model wrote can run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from playwright.sync_api import expect

from store.records import Record
from store.workspace import Workspace
from tests.store import rows
from tests.ui.browser import chromium, served

LONG = 90_000
"""Milliseconds: models load on a busy machine."""
HOSTILE = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    "<svg onload='window.ran = 1'>",
    "<iframe src='https://evil.example/'></iframe>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "[click](javascript:window.ran=1)",
    "![](https://evil.example/pixel.png)",
    "[click](data:text/html,<script>window.ran=1</script>)",
    "${window.ran = 1} {{constructor.constructor('window.ran = 1')()}}",
    "$\\href{javascript:window.ran=1}{x}$ and $a<b$",
    "⟦\\href{javascript:window.ran=1}{x}⟧",
    "\\boxed{\\href{javascript:window.ran=1}{x}}",
    "\\boxed{\\includegraphics{https://evil.example/p.png}}",
    "\\def\\a{\\a\\a}\\boxed{\\a}",
    "```mermaid\ngraph TD; A-->B\n```",
    "right\u202eleft \u0007 bell",
    "</div></div><style>body{display:none}</style>",
]


def readable(text: str) -> str:
    """As a reader sees it: what cannot be seen is named, and Markdown runs spaces together."""
    return " ".join(text.replace("\u202e", "[U+202E]").replace("\u0007", "␇").split())


def filled(folder: Path, texts: list[str]) -> Path:
    """A workspace whose best pairs have these questions, a run of it a text."""
    with Workspace.open(folder, create=True) as workspace:
        for number, text in enumerate(texts):
            run = f"r{number:02d}"
            workspace.create_run(replace(rows.run(run, status="done"), name=text))
            written: list[Record] = []
            for idx in range(4):
                whole = rows.whole(idx, run)
                whole[0] = rows.question(idx, run, text)
                written += whole
            written += [rows.question(4, run), *rows.verdicts(4, run, drop="solvability", reason="not_solvable")]
            workspace.writer.put(written)
        workspace.writer.flush()
    return folder


def test_a_run_is_drawn_with_its_numbers_in_words_and_tables(tmp_path: Path) -> None:
    with served(filled(tmp_path / "w", ["What is 2 + 2?"])) as url, chromium(url) as watched:
        page = watched.open()
        expect(page.get_by_text("4 pairs from 5 questions")).to_be_visible()
        expect(page.locator("[data-chart]")).to_have_count(6)
        expect(page.locator("[data-chart=funnel] .plot svg").first).to_be_visible()
        page.locator("[data-chart=funnel] summary").click()
        expect(page.locator("[data-chart=funnel] tbody tr").nth(4)).to_have_text("solvability5410")
        expect(page.locator(".pair .katex").first).to_be_visible()
        assert not watched.errors
        assert not watched.foreign


def test_a_fresh_workspace_shows_the_demo_and_five_questions_more_take_its_place(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url, width=400) as watched:
        page = watched.open("/?__theme=dark")
        expect(page.locator("#headline")).to_contain_text("This is the bundled demo")
        expect(page.locator("[data-chart]")).to_have_count(6)
        expect(page.locator("#models")).to_have_text("No model is loaded yet.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.get_by_role("button", name="Generate 5 more").click()
        expect(page.locator("#fresh")).to_contain_text("of 5 became pairs", timeout=LONG)
        expect(page.locator("#fresh li")).to_have_count(5)
        expect(page.locator("#headline")).to_contain_text("from 5 questions")
        expect(page.locator("#headline")).not_to_contain_text("demo")
        expect(page.locator("#models")).to_contain_text("nano are loaded")
        assert not watched.errors
        assert not watched.foreign
    with Workspace.open(tmp_path / "w", create=False) as workspace:
        assert [(run.kind, run.status) for run in workspace.runs()] == [("live", "done")]


def test_nothing_that_a_model_wrote_runs_or_loads_and_all_of_it_can_be_read(tmp_path: Path) -> None:
    with served(filled(tmp_path / "w", HOSTILE)) as url, chromium(url) as watched:
        page = watched.open()
        choice = page.get_by_label("Run")
        for number, text in reversed(list(enumerate(HOSTILE))):
            choice.click()
            page.get_by_role("option").nth(len(HOSTILE) - number).click()  # the first is that of all runs
            expect(page.locator(".pair").first).to_contain_text(readable(text))
            assert page.evaluate("window.ran") is None
        assert not watched.errors
        assert not watched.foreign
