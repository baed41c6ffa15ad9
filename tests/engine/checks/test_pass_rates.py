"""The check ``pass-rate``: rollouts by real models, counted once each, whatever interrupts them."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.checks.job import done_already, run
from engine.checks.request import Check, check_of
from engine.config.profiles import load_profile
from engine.jobs.control import Control
from engine.models.model_cache import ModelCache
from engine.stages.solution import check_rollouts
from engine.training.curriculum import sample
from store.database import check_notes
from store.database.workspace import Workspace
from store.errors import InputError
from tests.engine.checks.stored import imported, rows, whole
from tests.engine.models.faulty import Faulty
from tests.ui.cli.command import command, environment, scalequest

QUESTIONS = 12
RATES = "SELECT question_id, model, n, correct, undecided, mean_tokens, pass_rate FROM rates ORDER BY ALL"


def problems(workspace: Workspace, gold: bool = True) -> None:
    """Problems of the nano curriculum with their answers; one is dropped, one answer is prose, and one is missing."""
    made = [sample(random.Random(n), split="test") for n in range(QUESTIONS)]
    imported(workspace, [one.question for one in made], [[] for _ in made])

    def give(cursor: Any) -> None:
        for idx, one in enumerate(made):
            answer = "because it is so" if idx == 3 else one.answer
            if gold and idx != 4:
                cursor.execute("UPDATE question_rows SET reference_answer = ? WHERE idx = ?", [answer, idx])
        cursor.execute("DELETE FROM verdict_rows WHERE stage = 'solution' AND NOT question_id LIKE '%5'")

    workspace.writer.call(give)


def by(model: str, n: int = 4) -> Check:
    """Rollouts by a bundled nano model."""
    profile = load_profile("nano")
    solver = profile.solver.replaced(model=f"assets/nano/{model}", name=model)
    return Check("pass-rate", profile=replace(profile, solver=solver), n=n)


MEASURED = QUESTIONS - 2


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, model_cache: ModelCache, nano: Path) -> Iterator[Workspace]:
    """Measured by the solver, and by the model that it was made from."""
    with Workspace.open(tmp_path_factory.mktemp("rates") / "w") as workspace:
        problems(workspace)
        for model in ("solver", "base"):
            assert run(workspace, "i1", by(model), model_cache=model_cache).status == "done"
        yield workspace


def test_every_question_with_a_gold_answer_has_a_rate_of_each_model(measured: Workspace) -> None:
    found = rows(measured, RATES)
    assert [row[1] for row in found] == ["base", "solver"] * MEASURED
    assert not {row[0] for row in found} & {"i1-00000004", "i1-00000005"}
    for key, _, n, correct, undecided, tokens, rate in found:
        assert n == 4
        assert tokens > 0
        if key == "i1-00000003":  # nothing can be compared with prose
            assert (correct, undecided, rate) == (0, 4, None)
        else:
            assert rate == (correct / (n - undecided) if undecided < n else None)
    of = {model: sum(row[3] for row in found if row[1] == model) for model in ("solver", "base")}
    assert of["solver"] >= 0.5 * 4 * (MEASURED - 1)
    sampling = json.loads(rows(measured, "SELECT DISTINCT sampling FROM rates WHERE model = 'base'")[0][0])
    assert (sampling["model"], sampling["temperature"], sampling["template"]) == ("assets/nano/base", 0.7, "nano-solve")
    assert rows(measured, "SELECT count(*) FROM prompts WHERE map_keys(rates) = ['base', 'solver']")[0][0] == MEASURED


def test_what_is_measured_is_not_measured_again_but_with_another_n(
    measured: Workspace, model_cache: ModelCache, nano: Path
) -> None:
    before = rows(measured, RATES)
    assert done_already(measured, "i1", by("solver"))
    assert not done_already(measured, "i1", by("solver", 2))
    with measured.cursor() as cursor:
        notes = check_notes.notes(cursor, "i1")
    assert {*notes} == {"pass-rate:solver", "pass-rate:base"}
    assert notes["pass-rate:base"]["counts"]["rollouts"] == 4 * MEASURED
    assert run(measured, "i1", by("base", 2), model_cache=model_cache).status == "done"
    after = rows(measured, RATES)
    assert [row for row in after if row[1] == "solver"] == [row for row in before if row[1] == "solver"]
    assert {row[2] for row in after if row[1] == "base"} == {2}
    assert len(after) == len(before)


def test_a_stopped_check_continues_and_ends_as_one_that_ran_through(
    workspace: Workspace, model_cache: ModelCache, measured: Workspace, nano: Path
) -> None:
    problems(workspace)
    control, events = Control(), list[dict[str, Any]]()

    def stop(event: dict[str, Any]) -> None:
        events.append(event)
        if event["measured"] >= 2:
            control.interrupt()

    stopped = run(workspace, "i1", by("solver"), stop, model_cache=model_cache, control=control)
    some = rows(workspace, RATES)
    if stopped.status == "interrupted":  # unless the last questions ended at once
        assert 2 <= len(some) < MEASURED
        assert "continues from there" in str(stopped.message)
    assert run(workspace, "i1", by("solver"), events.append, model_cache=model_cache).status == "done"
    assert rows(workspace, RATES) == [row for row in rows(measured, RATES) if row[1] == "solver"]
    assert (events[-1]["done"], events[-1]["rollouts"]) == (MEASURED, 4 * MEASURED)
    assert f"{MEASURED} questions measured" in events[-1]["report"]
    assert "4 more undecided against the gold answer" in events[-1]["report"]
    assert whole(workspace, "i1")["duplicate"][1] == QUESTIONS  # no verdict changed


def test_a_question_that_the_server_refuses_is_an_error_and_is_asked_again(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    refused = True

    def refuses(number: int, body: dict[str, Any]) -> str | None:
        return "400 the prompt is too long" if refused and "Question 2" in body["prompt"] else None

    imported(workspace, [f"Question {n}: how many are {n} and {n}?" for n in range(4)])
    workspace.writer.call(lambda cursor: cursor.execute("UPDATE question_rows SET reference_answer = '7'"))
    with Faulty(refuses, writes=lambda body: "So \\boxed{7}." if body["seed"] % 2 else "So \\boxed{8}.") as server:
        profile = load_profile("openai")
        solver = profile.solver.replaced(name="far", urls=(server.url,), server="other", price_out=1e6)
        check = Check("pass-rate", profile=replace(profile, solver=solver), n=8)
        assert run(workspace, "i1", check, model_cache=model_cache).status == "done"
        errors = rows(workspace, "SELECT idx, stage, message FROM errors")
        assert [(idx, stage) for idx, stage, _ in errors] == [(2, "pass-rate")]
        assert "too long" in errors[0][2]
        refused = False
        assert not done_already(workspace, "i1", check)
        assert run(workspace, "i1", check, model_cache=model_cache).status == "done"
    found = rows(workspace, RATES)
    assert [row[:3] for row in found] == [(f"i1-0000000{n}", "far", 8) for n in range(4)]
    assert all(row[6] == row[3] / 8 for row in found)
    assert rows(workspace, "SELECT stage, model, requests FROM spend") == [("pass-rate", "far", 40)]


def test_bad_use_is_one_sentence(workspace: Workspace) -> None:
    problems(workspace, gold=False)
    with pytest.raises(InputError, match="no question with a gold answer"):
        done_already(workspace, "i1", by("solver"))
    for args, says in (
        (("pass-rate", (), "nano", None, False, 0), "below 1"),
        (("difficulty", (), "nano", None, False, 4), "has no effect on difficulty"),
        (("pass-rate", (), "nano", None, True), "--drop"),
    ):
        with pytest.raises(InputError, match=says):
            check_of(*args)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at temperature 0 for the same answer"):
        check_rollouts(load_profile("nano").solver.replaced(temperature=0.0), 4)


def test_the_command_measures_survives_a_kill_and_says_what_it_found(tmp_path: Path, nano: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        problems(workspace)
    line = ("check", "i1", "--workspace", tmp_path / "w", "--stage", "pass-rate", "--n", 3)
    with subprocess.Popen(command(*line, "--json"), env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            if json.loads(text)["measured"] >= 1:
                break
        process.send_signal(signal.SIGKILL)
    done = scalequest(*line)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Pass-rate by solver, 3 rollouts: {MEASURED} questions measured, ")
    assert "pass rate of solver: " in scalequest("trace", "i1-00000000", "--workspace", tmp_path / "w").stdout
    with Workspace.open(tmp_path / "w") as workspace:
        assert len(rows(workspace, "SELECT DISTINCT question_id FROM rates")) == MEASURED
        assert len(rows(workspace, RATES)) == MEASURED
