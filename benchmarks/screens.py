"""``python -m benchmarks.screens FOLDER``: the pictures of README and manual, of a real page with the bundled models
and demo, and where it has been fetched with the model of profile ``smol``. ``--smol`` takes those pictures alone."""

from __future__ import annotations

import json
import random
import shlex
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from engine.config.packaged import SMOLLM2
from engine.training.curriculum import sample
from store.database.workspace import Workspace
from tests.ui.browser import chromium, served
from tests.ui.cli.command import scalequest
from ui.tabs.train.command import command

WIDTH, HEIGHT = 1280, 860
_LONG = 180_000
_LONG_S = 1_200


def main(folder: Path, smol_alone: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=_LONG)
    if SMOLLM2.fetched:
        _smol(folder)
    if smol_alone:
        return
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Path(temporary) / "workspace"
        Workspace.open(workspace).close()
        _train(workspace)
        with served(workspace) as url, chromium(url, WIDTH, HEIGHT) as watched:
            page = watched.open("/?__theme=light")
            expect(page.locator("[data-chart=topic] .plot svg").first).to_be_visible()
            _shoot(page, folder / "home.jpg")
            _tab(page, "Explore")
            expect(page.locator("section[data-histogram=difficulty] svg").first).to_be_visible()
            page.get_by_role("button", name="solvability", exact=True).click()
            _shoot(page, folder / "explore.jpg")
            page.get_by_role("tab", name="Map").click()
            page.locator("#map-section select").first.select_option("topic")
            page.locator("#map-section").scroll_into_view_if_needed()
            _shoot(page, folder / "map.jpg")
            _tab(page, "Sample")
            page.get_by_label("Seed").last.fill("7")
            page.get_by_role("button", name="Sample", exact=True).click()
            expect(page.locator("#sample .status")).to_contain_text("became")
            _shoot(page, folder / "sample.jpg")
            _tab(page, "Compare")
            page.get_by_role("button", name="Compare").click()
            expect(page.locator("table", has_text="kept").filter(visible=True).first).to_be_visible()
            _shoot(page, folder / "compare.jpg")
            _tab(page, "Runs")
            page.get_by_role("spinbutton", name="Target").fill("60")
            page.get_by_role("button", name="Start", exact=True).click()
            expect(page.locator("#batch")).to_contain_text("solvability")
            page.wait_for_timeout(4000)
            _shoot(page, folder / "runs.jpg")
            _tab(page, "Train")
            expect(page.locator("[data-chart=train-loss] .plot svg").first).to_be_visible()
            _shoot(page, folder / "train.jpg")
            page.wait_for_timeout(40_000)  # the batch, which takes half of that
            _curate(page, folder)


def _smol(folder: Path) -> None:
    """A run of the real language model, and the model before and after QFT."""
    with tempfile.TemporaryDirectory() as temporary:
        workspace = Path(temporary) / "workspace"
        run = ("run", "--profile", "smol", "--questions", 40, "--seed", 7, "--workspace", workspace)
        scalequest(*run, timeout=_LONG_S).check_returncode()
        with served(workspace) as url, chromium(url, WIDTH, HEIGHT) as watched:
            page = watched.open("/?__theme=light")
            expect(page.locator("[data-chart=topic] .plot svg").first).to_be_visible()
            _shoot(page, folder / "smol-home.jpg")
            _tab(page, "Compare")
            page.get_by_label("Profile").filter(visible=True).click()
            page.get_by_role("option", name="smol", exact=True).click()
            expect(page.get_by_label("Generator A").filter(visible=True)).to_have_value("smol-qft-base")
            page.get_by_label("number input for Questions each").fill("20")
            page.get_by_role("button", name="Compare").click()
            expect(page.locator("table", has_text="kept").filter(visible=True).first).to_be_visible(
                timeout=1000 * _LONG_S
            )
            _shoot(page, folder / "smol-compare.jpg")


def _train(workspace: Path) -> None:
    """A short QFT of the nano solver, for the Train tab to show."""
    dice = random.Random(1)
    questions = workspace / "questions.jsonl"
    questions.write_text("\n".join(json.dumps({"question": sample(dice).question}) for _ in range(4000)))
    line = command("qft", "assets/nano/solver", str(questions), "nano-generate", "first-qft", workspace)
    scalequest(*shlex.split(line)[1:], "--lr", "1e-3", "--batch", 8, "--samples", 16).check_returncode()


def _curate(page: Page, folder: Path) -> None:
    _tab(page, "Curate")
    page.locator("#curate input").first.fill("Ada")
    page.get_by_role("button", name="Use this name").click()
    # Explore's filter is of dropped questions here, which have no solutions to show.
    page.locator("#curate [data-part=base]").select_option("all")
    page.get_by_role("button", name="Start reviewing").click()
    _review(page)
    _shoot(page, folder / "curate.jpg")
    _tab(page, "Export")
    page.get_by_label("Format").click()
    page.get_by_role("option", name="hf", exact=True).click()
    page.wait_for_timeout(3000)
    _shoot(page, folder / "export.jpg")


def _review(page: Page) -> None:
    """What is right is accepted here; the picture is of a card with a solution."""
    card = page.locator("#curate article")
    for _ in range(8):
        expect(card).to_contain_text("Question")
        page.keyboard.press("a" if "Solution 1 of" in card.inner_text() else "x")
        page.wait_for_timeout(800)
        page.keyboard.press("Enter")  # no reason
        page.wait_for_timeout(800)
    while "Solution 1 of" not in card.inner_text():
        page.keyboard.press("j")
        page.wait_for_timeout(800)


def _tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    page.wait_for_timeout(800)


def _shoot(page: Page, file: Path) -> None:
    page.wait_for_timeout(1200)  # what is still being drawn
    page.screenshot(path=file, type="jpeg", quality=80)
    print(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--smol" in sys.argv)
