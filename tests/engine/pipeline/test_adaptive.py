"""Difficulty by the solver's greedy confidence, and a number of samples that follows it; with the bundled models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.checks.job import run as check
from engine.checks.request import check_of
from engine.config.calibration import samples
from engine.config.profiles import load_profile, profile_of, profile_table
from engine.config.run_config import RunConfig, load_run_config
from engine.config.run_plan import run_plan
from engine.models.model_cache import ModelCache
from engine.pipeline import report, run
from store.database import run_queries
from store.database.workspace import Workspace
from store.errors import InputError
from tests.engine.models.tiny import forward_logprobs
from tests.engine.pipeline.rows import doubled
from tests.engine.pipeline.run import config, models
from tests.engine.pipeline.run import run as ran

NAME = "nano-adaptive"


@pytest.fixture(scope="module")
def workspace(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.open(tmp_path_factory.mktemp("adaptive") / "w") as opened:
        events: list[dict[str, Any]] = []
        asked = load_run_config(NAME, questions=16, seed=11)
        assert run.start(opened, asked, run_id="r1", on_event=events.append).status == "done"
        assert "Adaptive n: " in events[-1]["report"]
        assert doubled(opened.cursor()) == []
        yield opened


def test_the_stored_difficulty_is_the_calibrated_confidence_of_sample_0(workspace: Workspace, nano: Path) -> None:
    """And sample 0, with its tokens, is the only cost of the stage."""
    profile = load_profile(NAME)
    assert profile.difficulty.calibration is not None
    rows = (
        workspace.cursor()
        .execute("""
        SELECT q.text, s.text, s.finish_reason, s.tokens, v.score, v.tokens, v.seconds FROM verdicts v
        JOIN questions q USING (question_id) JOIN solutions s USING (question_id)
        WHERE v.stage = 'difficulty' AND s.sample = 0 ORDER BY q.idx""")
        .fetchall()
    )
    assert len(rows) >= 8
    for question, text, reason, tokens, score, *cost in rows[:6]:
        assert cost == [0, 0.0]
        end = "<|im_end|>" if reason == "stop" else ""
        each = forward_logprobs(nano / "solver", profile.solver.template.render(question), text + end)
        assert len(each) == tokens
        expected = profile.difficulty.calibration.fail_rate(sum(each) / len(each), min(each), reason == "length")
        assert score == pytest.approx(expected, abs=1e-3)


def test_every_question_gets_the_samples_that_its_difficulty_deserves(workspace: Workspace) -> None:
    profile = load_profile(NAME)
    rows = (
        workspace.cursor()
        .execute("""
        SELECT v.score, (SELECT list(sample ORDER BY sample) FROM solutions s WHERE s.question_id = v.question_id),
            i.n_solutions FROM verdicts v JOIN items i USING (question_id) WHERE v.stage = 'difficulty'""")
        .fetchall()
    )
    for score, numbers, n in rows:
        wanted = samples(score, profile.gain, profile.solver.n_min, profile.solver.n_max)
        assert numbers == list(range(wanted))
        assert n == wanted
    assert len({n for _, _, n in rows}) > 1


def test_the_report_says_what_was_saved(workspace: Workspace) -> None:
    found = run_queries.sampling(workspace.cursor(), "r1", 5)
    kept = workspace.cursor().execute("SELECT count(*) FROM verdicts WHERE stage = 'solution'").fetchone()
    assert kept is not None
    assert (found.questions, found.fixed_samples) == (kept[0], 5 * kept[0])
    assert found.samples < found.fixed_samples
    said = report.savings(found)
    assert said is not None
    assert said.startswith(f"Adaptive n: {found.samples / found.questions:.2f} solutions a question instead of 5, for ")
    assert report.savings(replace(found, questions=0)) is None


def test_a_check_of_difficulty_asks_the_solver_and_finds_the_same(workspace: Workspace) -> None:
    query = "SELECT question_id, score FROM verdicts WHERE stage = 'difficulty' AND kept ORDER BY 1"
    before = workspace.cursor().execute(query).fetchall()
    cache = ModelCache()
    try:
        assert check(workspace, "r1", check_of("difficulty", profile=NAME), model_cache=cache).status == "done"
    finally:
        cache.close()
    after = workspace.cursor().execute(query).fetchall()
    assert [key for key, _ in before] == [key for key, _ in after]
    assert [score for _, score in after] == pytest.approx([score for _, score in before], abs=1e-4)


def test_a_resume_asks_only_for_what_is_missing() -> None:
    """Questions stored up to any stage end as in an undisturbed run."""
    asked = replace(config(questions=30), profile=load_profile(NAME))
    whole = ran(asked, models())
    assert whole.outcome.status == "done"
    for sample in whole.solutions:
        assert sample.sample < 5
    known = whole.known()
    for number, stored in enumerate(known):
        if number % 3 == 0:  # between difficulty and solution
            for stage in ("solution", "pair"):
                stored.verdicts.pop(stage, None)
            stored.solutions[:] = [one for one in stored.solutions if one.sample < number % 2 + 1]
    rest = ran(asked, models(), known=known)
    stored_ids = {one.solution_id for one in rest.solutions} & {s.solution_id for k in known for s in k.solutions}
    assert not stored_ids
    assert {key: value for key, value in whole.content.items() if key in rest.content} == rest.content


def test_a_question_without_a_greedy_solution_fails_at_difficulty() -> None:
    from tests.engine.pipeline.instant import InstantText, item_fault

    asked = replace(config(questions=8), profile=load_profile(NAME))
    found = ran(asked, models(solver=InstantText("solution", window=40, faults=item_fault("00000003/solution/0"))))
    assert [(error.idx, error.stage) for error in found.errors] == [(3, "difficulty")]
    assert found.outcome.status == "done"


def test_a_band_drops_by_confidence_and_keeps_the_greedy_solution() -> None:
    asked = replace(config(questions=40, difficulty_band=(0.2, 1.0)), profile=load_profile(NAME))
    found = ran(asked, models())
    dropped = {one.question_id for one in found.verdicts if one.reason == "too_easy"}
    assert dropped
    assert {one.question_id: one.sample for one in found.solutions if one.question_id in dropped} == dict.fromkeys(
        dropped, 0
    )


def test_the_plan_counts_the_expected_solutions() -> None:
    by_stage = {one.stage: one for one in run_plan(RunConfig(load_profile(NAME), questions=1000))}
    entered = by_stage["difficulty"].entered
    assert by_stage["difficulty"].calls == 0
    pairs = by_stage["solution"].entered
    assert by_stage["solution"].calls == round(2.3 * pairs) + entered - pairs
    assert "n 1 to 5, 2.3 on average" in by_stage["solution"].settings


def test_a_config_file_switches_it_on_and_off(tmp_path: Path) -> None:
    on, off = tmp_path / "on.toml", tmp_path / "off.toml"
    greedy = 'backend = "greedy-confidence"\ncalibration = "assets/nano/confidence.json"'
    on.write_text(f"[difficulty]\n{greedy}\n[solver]\nn_max = 5\nn_budget = 2.3\n")
    switched, adaptive = load_run_config("nano", on, questions=5).profile, load_profile(NAME)
    assert (switched.difficulty, switched.solver) == (adaptive.difficulty, adaptive.solver)
    scorer = 'backend = "classifier"\nmodel = "assets/nano/difficulty"\ntemplate = "nano-score"\ndtype = "float32"'
    off.write_text(f"[difficulty]\n{scorer}\n[solver]\nn_max = 0\nn_budget = 0.0\n")
    assert load_run_config(NAME, off, questions=5).profile.difficulty == load_profile("nano").difficulty


def test_a_config_survives_json_with_its_calibration() -> None:
    made = load_run_config(NAME, questions=5)
    assert RunConfig.from_json(made.to_json()) == made
    assert made.profile.gain == RunConfig.from_json(made.to_json()).profile.gain > 0


@pytest.mark.parametrize(
    ("role", "changes", "said"),
    [
        ("difficulty", {"calibration": None}, "difficulty.calibration '' is missing, but greedy-confidence needs it"),
        ("difficulty", {"calibration": "nowhere.json"}, "difficulty.calibration 'nowhere.json' does not exist"),
        ("difficulty", {"calibration": 3}, "is not text"),
        ("difficulty", {"model": "assets/nano/solver"}, "asks the profile's solver; leave it out"),
        ("solver", {"model": "assets/nano/base"}, "was made with assets/nano/solver"),
        ("solver", {"n_budget": 9.0}, "is not between n_min 1 and n_max 5"),
        ("solver", {"n_gain": 0.1}, "is given together with n_gain"),
        ("solver", {"n_budget": 0.0}, "is missing, and so is n_gain"),
        ("solver", {"n_max": 0}, "has no effect without n_max"),
        ("solver", {"n_min": 9}, "is below n_min 9"),
        ("solver", {"n_max": -1}, "solver.n_max"),
        ("solver", {"backend": "greedy-confidence"}, "solver.backend"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(role: str, changes: dict[str, Any], said: str) -> None:
    _, table = profile_table(NAME, None)
    table[role] = {key: value for key, value in {**table[role], **changes}.items() if value is not None}
    with pytest.raises(InputError) as raised:
        profile_of(table, NAME)
    assert said in str(raised.value)


def test_a_budget_needs_the_calibration_and_a_gain_goes_with_any_difficulty() -> None:
    _, table = profile_table(NAME, None)
    table["difficulty"] = profile_table("nano", None)[1]["difficulty"]
    with pytest.raises(InputError, match=r"solver\.n_budget 2\.3 needs the calibration"):
        profile_of(table, NAME)
    table["solver"] |= {"n_budget": 0.0, "n_gain": 0.05}
    made = profile_of(table, NAME)
    found = ran(replace(config(questions=20), profile=made), models())
    scores = {one.question_id: one.score for one in found.verdicts if one.stage == "difficulty"}
    for question_id, score in scores.items():
        assert score is not None
        assert sum(one.question_id == question_id for one in found.solutions) == samples(score, 0.05, 1, 5)
