"""A workspace to curate, and what a test does and reads in the tab in a real Chromium."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from store.database.workspace import Workspace
from store.records import Label, Solution
from tests.store import rows
from tests.ui.browser import Watched
from tests.ui.hostile import HOSTILE

ROWS = 60
_LEAVES = """() => {
    const leaving = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(leaving);
    return leaving.defaultPrevented;
}"""
FORMULA = "Find $x^2$ for \\(x = 3\\), and 5$ or 6$."


def fill(place: Path) -> Path:
    """Pairs of two samples, sample 1 chosen; one has a formula, one a near-duplicate, some were dropped."""
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


def at_run(run: str = "r1") -> str:
    """Where Explore shows the pairs of a run."""
    return f'/?filter={{"run":["{run}"],"stage":"pair"}}'


def begin(
    page: Page, reviewer: str, size: int = 30, order: str = "random", name: str | None = None, seed: int | None = None
) -> Locator:
    """A new queue over the run ``r1``, open at its first card. ``seed``: None takes the one that the form offers."""
    page.get_by_role("tab", name="Curate").click()
    page.get_by_label("Your name").fill(reviewer)
    page.locator("#curate [data-part=order]").select_option(order)
    page.locator("#curate [data-part=size]").fill(str(size))
    if name is not None:
        page.locator("#curate [data-part=name]").fill(name)
    if seed is not None:
        page.locator("#curate [data-part=seed]").fill(str(seed))
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.locator("#curate article .question")).to_be_visible()
    return page.locator("#curate")


def decided(page: Page, count: int, of: int) -> None:
    expect(page.locator("#curate [data-part=progress]")).to_contain_text(f"{count} of {of} decided")


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
    """Back at its place in the queue."""
    decided(watched.reload(), done, of)


def warns(page: Page) -> bool:
    """Whether the page would ask before it is left. Gradio takes this event for its end, and breaks off what
    is in flight."""
    said: bool = page.evaluate(_LEAVES)
    return said


def clean(watched: Watched) -> None:
    assert not watched.errors, watched.errors
    assert not watched.foreign
    assert watched.page.evaluate("window.ran") is None
