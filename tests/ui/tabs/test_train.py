"""Train in a real Chromium: real trainings watched, hostile texts shown, models registered and sampled from."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from engine.config.run_config import RunConfig
from engine.models.model_cache import ModelCache
from engine.training import record, registered_models
from engine.training.record import Kind, Training
from store.database.workspace import Workspace
from store.errors import InputError
from tests.ui.browser import Watched, chromium
from tests.ui.cli.command import scalequest, sentence
from tests.ui.hosted import hosted
from tests.ui.hostile import HOSTILE, readable
from ui.cli.parser import parser
from ui.tabs.train import command as train_start
from ui.tabs.train import curves, view

LONG = 120_000
"""Milliseconds: models load and write on a busy machine."""


@pytest.fixture(autouse=True)
def patient() -> Iterator[None]:
    expect.set_options(timeout=LONG)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def model_cache(nano: Path) -> Iterator[ModelCache]:
    with closing(ModelCache()) as model_cache:
        yield model_cache


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, nano: Path) -> Path:
    """A workspace's folder with a QFT of the nano solver, made by the command."""
    pytest.importorskip("trl", reason="trl is not installed: pip install -e '.[train]'")
    folder = tmp_path_factory.mktemp("trained")
    questions = folder / "questions.jsonl"
    rows = [{"question": f"Jack has {n} apples. He buys {n % 7 + 2} more. How many has he?"} for n in range(40)]
    questions.write_text("\n".join(map(json.dumps, rows)))
    short = ["--samples", 3, "--batch", 2, "--max-length", 64, "--lr", "1e-3", "--device", "cpu"]
    line = train_start.command("qft", "assets/nano/solver", str(questions), "nano-generate", "mine", folder / "w")
    done = scalequest(*shlex.split(line)[1:], *short)
    assert done.returncode == 0, done.stderr
    return folder / "w"


def opened(watched: Watched, tab: str = "Train") -> Page:
    watched.page.set_default_timeout(LONG)
    page = watched.open()
    page.get_by_role("tab", name=tab).click()
    return page


def harmless(watched: Watched) -> None:
    assert watched.page.evaluate("window.ran") is None
    assert not watched.errors
    assert not watched.foreign


def begun(workspace: Path, name: str, kind: Kind = "qft", **more: Any) -> Training:
    """A training that this process has begun and goes on with."""
    template = "nano-score" if kind == "difficulty" else "nano-generate"
    return record.create(Training(workspace / "models" / name, name, kind, "assets/nano/solver", template, **more))


def finished(workspace: Path, name: str, model: Path, kind: Kind = "qft") -> Training:
    """A finished training whose model is this one, which is quick to load and does what it should."""
    training = begun(workspace, name, kind)
    for file in model.iterdir():
        shutil.copy(file, training.folder)
    record.keep_samples(training, {"sampling": {"temperature": 1.0, "top_p": 1.0, "max_tokens": 64}})
    return record.finish(training, "done", loss=1.0)


def progress(training: Training, step: int, total: int = 100, **figures: float) -> None:
    event = {"event": "progress", "stage": training.kind, "done": step, "total": total, "eta_s": 90.0}
    record.append(training, {**event, "loss": 4 / (step + 1), "lr": 2e-5, "tokens_per_s": 812.0, **figures})


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).locator("visible=true").click()
    page.get_by_role("option").filter(has_text=option).click()
    expect(page.get_by_role("option")).to_have_count(0)


def test_an_empty_tab_says_what_it_is_for_and_writes_the_command(workspace: Workspace) -> None:
    with hosted(workspace, ModelCache()) as url, chromium(url) as watched:
        page = opened(watched)
        expect(page.locator("#trainings")).to_contain_text("No trainings yet.")
        line = page.locator("#train-command textarea")
        expect(line).to_have_value(re.compile("^scalequest train qft --base Qwen/Qwen2-Math-7B-Instruct --questions"))
        page.get_by_label("Base model").fill("my models/it's one")
        page.locator("#train-data textarea").fill("$(reboot) `x`.jsonl")
        page.get_by_label("Name of the model").fill("new-one")
        expect(line).to_have_value(re.compile("--name new-one$"))
        asked = parser().parse_args(shlex.split(line.input_value())[1:])
        assert (asked.base, asked.questions) == ("my models/it's one", ["$(reboot) `x`.jsonl"])
        assert (asked.workspace, asked.name, asked.template) == (workspace.path, "new-one", None)
        page.get_by_label("Name of the model").fill("../out")
        expect(page.locator("#train-fault")).to_contain_text("'../out' is not a valid folder name")
        choose(page, "Kind of training", "difficulty")
        expect(line).to_have_value(re.compile("^scalequest train difficulty .* --rates rates.jsonl"))
        harmless(watched)


@pytest.mark.parametrize("kind", ["qft", "qpo", "difficulty"])
def test_every_command_that_is_written_is_one_that_the_command_line_takes(kind: str, tmp_path: Path) -> None:
    line = train_start.command(kind, "", "", "llama3-generate", "", tmp_path, gpus=4)
    asked = parser().parse_args(shlex.split(line)[1:])
    assert (asked.family, asked.base, asked.name, asked.gpus) == (kind, "MODEL", "NAME", 4)
    assert asked.template == (None if kind == "difficulty" else "llama3-generate")


def test_a_real_training_is_shown_with_its_curves_and_its_texts_before_and_after(trained: Path) -> None:
    with Workspace.open(trained) as workspace, hosted(workspace, ModelCache()) as url, chromium(url) as watched:
        page = opened(watched)
        expect(page.locator("#trainings")).to_contain_text("mineQFTdoneassets/nano/solver40 questions100 %")
        expect(page.locator("#training")).to_contain_text(re.compile("Done in .*, final loss .*models/mine"))
        chart = page.locator("[data-chart=train-loss]")
        expect(chart.locator(".plot svg path.js-line").first).to_be_visible()
        chart.locator("summary").click()
        assert chart.locator("tbody tr").count() > 1
        expect(page.locator("[data-chart=train-lr] .plot svg").first).to_be_visible()
        texts = page.locator("#train-texts")
        expect(texts.locator("th")).to_have_text(["statistic", "before", "after", "data"])
        expect(texts.get_by_role("row", name="mean words")).to_be_visible()
        kept = record.samples(trained / "models" / "mine")
        for number in range(3):
            pair = texts.locator("figure[data-kind=sides]").nth(number)
            for side, when in enumerate(("before", "after")):
                expect(pair.locator(".about").nth(side)).to_contain_text(when)
                assert pair.locator(".written").nth(side).text_content() == kept[when][number]["text"]
        page.get_by_role("button", name="Settings, data and result").click()
        facts = page.locator("#train-facts")
        expect(facts.get_by_role("row", name="lr 0.001")).to_be_visible()
        expect(facts.get_by_role("row", name="files 1.used 40")).to_be_visible()
        expect(facts.get_by_role("row", name="first_loss")).to_be_visible()
        harmless(watched)


def test_a_running_training_is_followed_without_a_flicker_until_it_fails_and_can_go_on(workspace: Workspace) -> None:
    running = begun(workspace.path, "live", "qpo")
    progress(running, 1, ranked_right=0.5, margin=0.0)
    with hosted(workspace, ModelCache()) as url, chromium(url) as watched:
        page = opened(watched)
        said, chart = page.locator("#training"), page.locator("[data-chart=train-ranked_right]")
        expect(said).to_contain_text("Running: step 1 of 100 (1 %), about 1 min 30 s left, 812 tokens a second.")
        expect(page.get_by_role("progressbar", name="progress of live")).to_have_attribute("aria-valuenow", "1")
        chart.locator("summary").click()
        expect(chart.locator("tbody tr")).to_have_count(1)
        page.evaluate("window.was = document.querySelector('[data-chart=train-loss] .plot')")
        for step in (2, 3):
            progress(running, step, ranked_right=0.8, margin=0.1)
        expect(chart.locator("tbody tr")).to_have_count(3)
        expect(chart).to_contain_text("0.8 at step 3.")
        expect(page.locator("[data-chart=train-margin]")).to_be_visible()
        assert page.evaluate("window.was.isConnected")  # drawn again in its place
        expect(chart.locator("table")).to_be_visible()  # what was opened stays open
        begun(workspace.path, "second")
        expect(page.locator("#trainings tbody tr")).to_have_count(2)
        expect(page.locator("#training")).to_contain_text("Running: step 3")  # the chosen one stays chosen
        record.finish(running, "failed", "The device is out of memory; lower --micro-batch.")
        expect(said).to_contain_text("Failed at step 3 of 100 (3 %): The device is out of memory; lower --micro-batch.")
        command = page.locator("#train-go-on textarea")
        expect(command).to_have_value(f"scalequest train qpo --resume --out {running.folder}")
        harmless(watched)


def test_an_interrupted_training_says_so_and_how_to_go_on(workspace: Workspace) -> None:
    left = begun(workspace.path, "left")
    progress(left, 7)
    record.update(left, pid=2**22 - 1, pid_started=1.0)  # as a kill leaves it
    with hosted(workspace, ModelCache()) as url, chromium(url) as watched:
        page = opened(watched)
        page.set_viewport_size({"width": 400, "height": 800})
        expect(page.locator("#training")).to_contain_text(
            "Interrupted at step 7 of 100 (7 %); the command below resumes"
        )
        expect(page.locator("#train-go-on textarea")).to_have_value(re.compile("^scalequest train qft --resume"))
        expect(page.locator("#register")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        harmless(watched)


def test_nothing_that_a_training_holds_runs_or_loads_and_all_of_it_can_be_read(workspace: Workspace) -> None:
    half = view.SHOWN
    for number, name in enumerate(("one", "two")):
        texts = HOSTILE[2 * half * number : 2 * half * (number + 1)]
        training = begun(workspace.path, name, settings={texts[0]: texts[1]}, data={"files": [{"file": texts[2]}]})
        rows = [{"text": text, "tokens": 9, "finish_reason": texts[0]} for text in texts]
        figures = {"before": {texts[3]: texts[4]}, "after": {}}
        record.keep_samples(training, {"before": rows[:half], "after": rows[half:], "statistics": figures})
        record.append(training, {"event": "progress", "stage": texts[5], "done": 1, "total": 2})
        record.finish(training, "failed", texts[-1])
    with hosted(workspace, ModelCache()) as url, chromium(url) as watched:
        page = opened(watched)
        page.get_by_role("button", name="Settings, data and result").click()
        for number, name in enumerate(("one", "two")):
            choose(page, "Training", f"{name} · QFT")
            texts = HOSTILE[2 * half * number : 2 * half * (number + 1)]
            expect(page.locator("#training")).to_contain_text("Failed")
            expect(page.locator("#train-texts .written")).to_have_count(2 * min(half, len(texts)))
            shown = readable(" ".join(page.locator("#train-texts .written").all_text_contents()), most=None)
            for text in texts:
                assert readable(text) in shown
            for text in texts[:3]:
                assert readable(text) in readable(page.locator("#train-facts").text_content() or "", most=None)
            assert readable(texts[-1]) in readable(page.locator("#training").text_content() or "", most=None)
        harmless(watched)


def test_a_registered_model_is_offered_at_once_sampled_from_and_taken_away_again(
    workspace: Workspace, model_cache: ModelCache, nano: Path
) -> None:
    finished(workspace.path, "mine", nano / "qgen-a-qft")
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched, "Sample")
        page.get_by_role("tab", name="Train").click()
        name = page.get_by_label("Name of the new profile")
        expect(name).to_have_value("mine")
        name.fill("nano")
        page.get_by_role("button", name="Register", exact=True).click()
        expect(page.get_by_text("name 'nano' is a bundled profile; choose another name.")).to_be_visible()
        name.fill("my-nano")
        page.get_by_role("button", name="Register", exact=True).click()
        expect(page.locator("#register-said")).to_contain_text("Registered as my-nano.")
        expect(page.locator("#registered").get_by_role("row", name="my-nano mine difficulty solver")).to_be_visible()
        page.get_by_role("button", name="Register", exact=True).click()
        expect(page.get_by_text("name 'my-nano' is registered already")).to_be_visible()

        page.get_by_role("tab", name="Sample").click()
        choose(page, "Profile", "my-nano")
        field = page.get_by_label("number input for Questions", exact=True)
        field.fill("2")
        field.press("Tab")
        page.get_by_role("button", name="Sample", exact=True).click()
        expect(page.locator("#sample .status")).to_have_text(re.compile("^Done: "))
        expect(page.locator("#sample article").first).to_contain_text("mine")
        for tab in ("Compare", "Runs"):
            page.get_by_role("tab", name=tab).click()
            choose(page, "Profile", "my-nano")

        unknown = scalequest("run", "--profile", "x", "--questions", 1, "--workspace", workspace.path)
        assert "use one of my-nano, nano, nano-adaptive, openai, paper, scalediff, small, smol" in sentence(unknown)
        page.get_by_role("tab", name="Train").click()
        page.get_by_role("button", name="Unregister").click()
        expect(page.locator("#unregister")).to_contain_text("Unregister my-nano? This deletes profiles/my-nano.toml.")
        page.get_by_role("button", name="Yes, unregister it").click()
        expect(page.locator("#registered")).to_contain_text("No models are registered")
        page.get_by_role("tab", name="Sample").click()
        expect(page.get_by_label("Profile", exact=True).locator("visible=true")).to_have_value("nano")
        harmless(watched)
    first = RunConfig.from_json(workspace.runs()[0].config)
    assert [(g.name, g.model) for g in first.profile.generators] == [("mine", str(workspace.path / "models" / "mine"))]
    assert registered_models.registered(registered_models.folder(workspace.path)) == []


def test_a_difficulty_scorer_is_registered_in_its_role_and_a_page_that_is_open_already_offers_it(
    workspace: Workspace, nano: Path
) -> None:
    finished(workspace.path, "rates", nano / "difficulty", "difficulty")
    with hosted(workspace, ModelCache()) as url, chromium(url) as watched:
        assert watched.page.context.browser is not None
        other = Watched(watched.page.context.browser.new_page(), url)
        elsewhere = opened(other, "Home")
        page = opened(watched)
        expect(page.locator("#register")).to_contain_text("Register rates as a difficulty scorer")
        expect(page.get_by_text("The new generator")).to_be_hidden()
        page.get_by_role("button", name="Register", exact=True).click()
        expect(page.locator("#registered").get_by_role("row", name="rates qgen-a, qgen-b rates solver")).to_be_visible()
        elsewhere.get_by_role("tab", name="Compare").click()
        choose(elsewhere, "Profile", "rates")
        harmless(watched)
        harmless(other)


def test_long_curves_are_thinned_and_smoothed_and_say_their_last_value() -> None:
    events = [{"done": step, "loss": 2.0 + (step % 2), "lr": 1e-5} for step in range(1, 5001)]
    loss, lr = curves.charts(events)
    assert [len(trace["x"]) for trace in (*loss["traces"], *lr["traces"])] == [400, 400, 400]
    assert loss["traces"][1]["y"][-1] == pytest.approx(2.5, abs=0.01)
    assert loss["traces"][0]["x"][-1] == 5000
    assert "2 at step 5,000. Grey: logged values; colour: running mean of 250." in loss["note"]
    assert (len(loss["rows"]), loss["rows"][-1][0]) == (40, 5000)
    assert lr["rows"][0][1] == "1e-05"
    assert curves.charts([{"done": 1, "loss": "nan"}, {"done": 2}]) == []


def test_a_curve_that_has_diverged_is_drawn_as_far_as_it_goes_and_says_so() -> None:
    events = [{"done": step, "loss": 3.0 if step < 5 else float("nan")} for step in range(1, 9)]
    (loss,) = curves.charts(events)
    assert json.loads(json.dumps(loss, allow_nan=False))["traces"][0]["x"] == [1, 2, 3, 4]
    assert "Not a number after step 4: training diverged" in loss["note"]


def test_a_student_is_told_by_what_it_answers_right_and_is_offered_to_no_role(tmp_path: Path) -> None:
    training = begun(tmp_path, "pupil", "student")
    figures: dict[str, Any] = {"loss": 0.1, "before": 0.35, "after": 0.475, "after_ci95": [0.42, 0.53]}
    done = record.finish(training, "done", **figures)
    said = view.status(done, {})[0]["text"].replace("\u00a0", " ")
    assert "35.0 % of the held-out questions correct before, 47.5 % after (95 % interval 42.0 % to 53.0 %)" in said
    with pytest.raises(InputError, match="has no role"):
        registered_models.register(tmp_path / "profiles", done, "nano", "mine")
    kept = {"held_out": {}, "before": [{"text": "a"}], "sampling": {"temperature": 0.0}}
    assert "1 held-out questions with answers" in str(view.compared(kept))
