"""Runs in a real Chromium: real nano batches started, watched, steered and compared; one server for nearly all."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.config.run_config import load_run_config
from engine.job_registry import JobRegistry
from engine.jobs.result import Result
from engine.jobs.runner import Job, JobRunner
from store.database.workspace import Workspace
from store.records import STAGES, ErrorRow, Run
from tests.store import rows
from tests.ui.browser import Watched, chromium, served
from ui.tabs.runs import form
from ui.tabs.runs.compare import differences
from ui.tabs.runs.progress import Progress

pytestmark = pytest.mark.usefixtures("nano")
LONG = 180_000
"""Milliseconds: models load on a busy machine."""
expect.set_options(timeout=60_000)
HOSTILE = "<img src=x onerror='window.ran = 1'> ${window.ran = 1} $a<b$"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a workspace with two finished runs and one that an earlier process left."""
    folder = tmp_path_factory.mktemp("runs") / "w"
    with Workspace.open(folder) as workspace:
        for run_id, questions, temperature in (("r1", 8, 0.7), ("r2", 4, 1.0)):
            config = {"seed": questions, "profile": {"solver": {"temperature": temperature, "n": 5}}}
            workspace.create_run(
                replace(rows.run(run_id, status="done"), name=f"made {run_id} {HOSTILE}", config=config)
            )
            workspace.writer.put([row for idx in range(questions) for row in rows.whole(idx, run_id)])
            workspace.writer.put([rows.question(9, run_id), *rows.verdicts(9, run_id, drop="solvability")])
            workspace.writer.put([rows.decide("e" + run_id, 0, "accept", run_id)])
        config = load_run_config("nano", questions=6, seed=2)
        workspace.create_run(Run("left", "left behind", "generate", config.to_json(), config.hash, 2, "interrupted"))
        workspace.writer.flush()
    with served(folder) as address:
        yield address


@pytest.fixture
def watched(url: str) -> Iterator[Watched]:
    with chromium(url) as made:
        opened(made)
        yield made
        assert made.page.evaluate("window.ran") is None
        assert not made.errors
        assert not made.foreign


def opened(watched: Watched) -> Page:
    watched.page.set_default_timeout(LONG)
    page = watched.open()
    page.get_by_role("tab", name="Runs").click()
    return page


def start(page: Page, number: int, name: str) -> None:
    page.get_by_label("Seed").locator("visible=true").fill("11")
    page.get_by_role("spinbutton", name="Target").fill(str(number))
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Start").click()


def choose(page: Page, label: str, run: str) -> None:
    page.get_by_label(label, exact=True).locator("visible=true").click()
    page.get_by_role("option").filter(has_text=run).click()
    expect(page.get_by_role("option")).to_have_count(0)  # the list is gone before another opens


def test_two_runs_are_compared_by_config_funnel_cost_and_distributions(watched: Watched) -> None:
    page = watched.page
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#compared")).to_contain_text("Choose two runs to compare their settings")
    choose(page, "Run A", "made r1")
    choose(page, "Run B", "made r2")
    compared = page.locator("#compared")
    expect(compared.get_by_role("row", name="profile.solver.temperature 0.7 1.0")).to_be_visible()
    expect(compared.get_by_role("row", name="seed 8 4")).to_be_visible()
    expect(compared.get_by_text("profile.solver.n")).to_have_count(0)
    expect(compared.get_by_role("row", name="pair 8 88.9 % 4 80.0 % -8.9 points (")).to_be_visible()
    expect(compared.get_by_role("row", name="generated 10,125 11,250")).to_be_visible()
    expect(page.locator("[data-chart^=compare-]")).to_have_count(6)
    chart = page.locator("[data-chart=compare-difficulty]")
    expect(chart).to_contain_text(f"B: made r2 {HOSTILE} (4)")
    expect(chart.locator(".plot svg").first).to_be_visible()
    chart.locator("summary").click()
    expect(chart.locator("tbody tr").first).to_have_text("0.4 to 0.458100.0 %4100.0 %")
    page.get_by_label("pairs", exact=True).check()
    expect(page.locator("[data-chart=compare-topic]")).to_contain_text("Share of pairs, for each run")
    choose(page, "Run B", "made r1")
    expect(compared).to_contain_text("A and B are the same run")


def test_what_cannot_be_made_is_said_and_nothing_typed_is_lost(watched: Watched) -> None:
    page = watched.page
    page.get_by_role("button", name="More options").click()
    page.get_by_label("Difficulty kept").fill("0.8 to 0.3")
    start(page, 7, "mine")
    expect(
        page.get_by_text("Difficulty kept (difficulty_band) [0.8, 0.3] is not a range of fail rates")
    ).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Target")).to_have_value("7")
    expect(page.get_by_label("Difficulty kept")).to_have_value("0.8 to 0.3")
    page.get_by_label("Difficulty kept").fill("")
    page.get_by_label("Benchmark files").fill("/no/such.jsonl")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("'/no/such.jsonl' is not a file on the server")).to_be_visible()
    expect(page.locator("#batch")).to_contain_text("No run is active")


def test_a_run_that_was_left_is_offered_and_resumed(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("#stopped")).to_contain_text("left behind")
    page.get_by_role("button", name="Resume left").click()
    expect(page.locator("#batch")).to_contain_text("Loading the models")
    expect(page.locator("#batch")).to_contain_text("Run left is done", timeout=LONG)
    expect(page.locator("#stopped")).to_be_hidden()
    expect(page.locator("#runs").get_by_role("row", name="left behind left generate done 6")).to_be_visible()


def test_the_tab_asks_again_and_again_only_while_it_is_shown(watched: Watched) -> None:
    page, asked = watched.page, list[str]()
    page.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)

    def asks() -> bool:
        asked.clear()
        for _ in range(60):  # the list, the import and the check each second, and slower on a busy machine
            page.wait_for_timeout(500)
            if len(asked) >= 6:
                return True
        return False

    def is_quiet() -> bool:
        for _ in range(10):  # what was asked before is answered late on a busy machine
            asked.clear()
            page.wait_for_timeout(3000)
            if len(asked) <= 2:  # the line on the models
                return True
        return False

    assert asks()
    page.get_by_role("tab", name="Sample").click()
    assert is_quiet()
    page.get_by_role("button", name="Use these settings in a run").click()
    expect(page.get_by_role("button", name="Start", exact=True).first).to_be_visible()
    assert asks()


def test_a_batch_outlives_the_page_is_paused_goes_on_and_finishes(watched: Watched) -> None:
    page, batch = watched.page, watched.page.locator("#batch")
    start(page, 100, "asked 100")
    expect(batch).to_contain_text("Running", timeout=LONG)
    page.get_by_role("button", name="Pause").click()
    expect(batch).to_contain_text("Paused", timeout=LONG)
    watched.reload()  # the batch is the server's, not the page's
    page.get_by_role("tab", name="Runs").click()
    expect(batch).to_contain_text("Paused")
    expect(batch.get_by_role("row", name="generated")).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    expect(page.locator("#busy")).to_contain_text("is active: a new one can start when it has ended")
    browser = page.context.browser
    assert browser is not None
    narrow = opened(Watched(browser.new_page(), watched.url))
    narrow.set_viewport_size({"width": 400, "height": 800})
    expect(narrow.locator("#batch")).to_contain_text("Paused", timeout=LONG)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 400
    expect(narrow.locator("#batch")).to_contain_text("Press Resume to continue.")
    narrow.get_by_role("button", name="Resume", exact=True).click()  # the only one
    expect(batch).to_contain_text("is done", timeout=LONG)
    expect(batch.get_by_role("row", name="generated 100 100 100 %")).to_be_visible()
    expect(page.locator("#runs").get_by_role("row", name="asked 100").last).to_contain_text("done100")


def test_a_batch_is_cancelled_resumed_and_deleted(watched: Watched) -> None:
    page, batch = watched.page, watched.page.locator("#batch")
    start(page, 5000, "asked 5000")
    expect(batch).to_contain_text("Running", timeout=LONG)
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_disabled()
    expect(page.locator("#why-not")).to_contain_text("This run is active; cancel it before you delete it.")
    page.get_by_role("button", name="Cancel").click()
    expect(batch).to_contain_text("The run was cancelled", timeout=LONG)
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(batch).to_contain_text("Running", timeout=LONG)
    page.get_by_role("button", name="Cancel").click()
    expect(batch).to_contain_text("The run was cancelled", timeout=LONG)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#delete")).to_contain_text("Delete asked 5000")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#delete")).to_be_hidden()
    choose(page, "Run", "made r2")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#delete")).to_contain_text(f"Delete made r2 {HOSTILE} (r2)?")
    expect(page.locator("#delete")).to_contain_text(
        "5 questions, 4 pairs and 1 decisions on them will be permanently deleted."
    )
    page.get_by_role("button", name="Yes, delete it").click()
    expect(page.locator("#runs")).not_to_contain_text("made r2")
    expect(page.locator("#runs")).to_contain_text("made r1")


def test_a_batch_that_the_app_is_ended_under_can_be_resumed(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w").close()
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = opened(watched)
        expect(page.locator("#runs")).to_contain_text("Your own runs appear here once you sample, run or import.")
        start(page, 5000, "long")
        expect(page.locator("#batch")).to_contain_text("Running", timeout=LONG)
    with Workspace.open(tmp_path / "w", create=False) as workspace:
        assert [run.status for run in workspace.runs()] == ["interrupted"]


def progress(
    config_changes: dict[str, int], stages: dict[str, list[int]], accepted: int, path: Path, profile: str = "nano"
) -> list[str]:
    """What is said of a batch under way whose failures are stored."""
    config = load_run_config(profile, **config_changes)
    with Workspace.open(path) as workspace:
        workspace.create_run(Run("r1", "", "generate", config.to_json(), config.hash, 0))
        workspace.writer.put([*rows.whole(0), ErrorRow("r1", 7, "solution", "the model went away", attempt=2)])
        workspace.writer.flush()
        jobs, job = JobRegistry(workspace), Job(kind="run", run_id="r1")
        event = {"event": "progress", "run_id": "r1", "status": "running", "done": accepted, "total": config.accepted}
        speed = {"rows_per_s": 2.0, "tokens_per_s": 900.0, "eta_s": 61.0, "elapsed_s": 9.0, "errors": 1, "held": 12}
        event |= {**speed, "accepted": accepted, "generated": 50, "stages": {s: [46, 0] for s in STAGES} | stages}
        job.receive(event)
        shown_all = threading.Event()
        jobs._runners["run"] = JobRunner(job, lambda _: Result("r1", str(shown_all.wait()), None), lambda: None)
        shown = Progress(workspace, jobs)
        parts = shown.parts()
        job.receive({"event": "error", "run_id": "r1", "stage": "solution", "idx": 7, "message": "gone"})
        assert shown.parts() == parts  # an error is not progress
        shown_all.set()
    return [str(part.get("text", part.get("rows"))) for part in parts]


def test_progress_forecasts_prices_and_names_the_rows_that_failed(tmp_path: Path) -> None:
    said = progress({"accepted": 200}, {"solvability": [23, 27]}, 23, tmp_path / "w")
    assert said[0] == "Running: 23 of 200 (12\u00a0%), about 1 min 1 s left."
    assert "About 435 questions are needed at the current pass rate of 46\u00a0%." in said
    assert any(
        re.match(r"Projected per 1,000 pairs: [\d.]+ k tokens, \d+ s model time \(summed over parallel calls\)", line)
        for line in said
    )
    assert any(line.endswith("1 failed, 12 waiting for an earlier question.") for line in said)
    assert "['r1-00000007', 'solution', 2, 'the model went away']" in said[-1]
    assert not any(line.startswith("Adaptive n") for line in said)
    accepted = {"accepted": 200, "max_questions": 300}
    said = progress(accepted, {"solvability": [23, 27]}, 23, tmp_path / "v", "nano-adaptive")
    (saved,) = [line for line in said if line.startswith("Adaptive n")]
    assert re.match(r"Adaptive n: \d\.00 solutions a question instead of 5, for \d+% of the solver's tokens \(", saved)
    forecast = "About 435 questions are needed at the current pass rate of 46\u00a0%"
    assert f"{forecast}, more than the 300 allowed: expect about 138 pairs." in said


def test_only_what_differs_is_told_of_two_configs() -> None:
    one = {"seed": 1, "generators": [{"name": "a", "share": 0.5}], "benchmarks": [], "band": [0.0, 1.0]}
    other = {
        "seed": 1,
        "generators": [{"name": "a", "share": 1.0}],
        "benchmarks": ["x"],
        "band": [0.0, 1.0],
        "new": None,
    }
    assert differences(one, other) == [
        ("generators[a].share", "0.5", "1.0"),
        ("benchmarks", "none", "x"),
    ]


def test_the_form_left_alone_asks_for_what_the_command_line_asks_and_is_filled_from_a_sample() -> None:
    profile, *values = form.fill()
    config, _ = form.read(profile, form.BY_QUESTIONS, 12, "", *values)
    assert config == load_run_config("nano", questions=12)
    profile, *values = form.fill("nano", "qgen-b", 0.5, 0.9, 3, 7)
    config, name = form.read(profile, form.BY_PAIRS, 12, " mine ", *values)
    assert (config.accepted, config.seed, name) == (12, 7, "mine")
    assert [(g.name, g.temperature, g.top_p) for g in config.profile.generators] == [("qgen-b", 0.5, 0.9)]
    assert config.profile.solver == replace(load_run_config("nano", questions=1).profile.solver, n=3)
