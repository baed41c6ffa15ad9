"""The bundled family does what its card says; the recipe that built it runs from nothing and goes on after a stop."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoTokenizer

from engine.models.tokenizers import load_tokenizer
from engine.training.curriculum import read
from engine.training.curriculum.work import BelowZero
from engine.training.fit import PreferenceExample
from engine.training.nano import (
    build,
    card,
    counterfactuals,
    evaluate,
    family,
    figures,
    measure,
    novelty,
    recipe,
    scorers,
    text,
)
from engine.training.rank_correlation import spearman, spearman_attainable

TINY = recipe.Size(
    solver_tokens=4_000,
    reward_tokens=4_000,
    qft_tokens=4_000,
    preference_samples=8,
    greedy=4,
    measured=4,
    rollouts=2,
    judged=4,
    counterfactuals=2,
)


def test_the_family_builds_from_nothing_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    told: list[str] = []

    class Stop(Exception):
        pass

    def stop_late(event: dict[str, Any]) -> None:
        told.append(event["stage"])
        if event["stage"] == "qgen-b-qft":
            raise Stop

    with pytest.raises(Stop):
        build.build(tmp_path / "work", tmp_path / "out", size=TINY, on_event=stop_late, evaluated=4)
    assert "solver" in told
    first = (tmp_path / "work" / "solver" / "model.safetensors").stat().st_mtime_ns
    found = build.build(tmp_path / "work", tmp_path / "out", size=TINY, evaluated=4)
    assert (tmp_path / "work" / "solver" / "model.safetensors").stat().st_mtime_ns == first
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*build.SHIPPED, *FILES}
    assert found.keys() >= KEYS
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "| difficulty_spearman | None (attainable: " in readme  # all fail: nothing to rank


FILES = {"card.json", "README.md", recipe.CALIBRATION, novelty.FILE}
KEYS = {
    "solver_accuracy", "solver_ci95", "fail_rate_by_level", "qgen_valid_before", "qgen_valid_qft", "qgen_valid_qpo",
    "qgen_unk_qpo", "fail_rate_qft", "fail_rate_qpo", "kinds_qft", "kinds_qpo", "novel_share", "novel_masked_share",
    "qft_from_random_valid", "judge_auc", "judge_precision", "judge_recall", "judge_kept", "difficulty_spearman",
    "difficulty_ceiling", "difficulty_within_kind", "reward_within_question", "best_of_5", "majority_of_5",
    "random_of_5", "any_of_5", "best_minus_majority_ci95", "size_mb", "n", "auc_any_fail_text", "auc_any_fail_greedy",
    "auc_quarter_text", "auc_quarter_greedy", "deviance_explained_text", "deviance_explained_greedy",
    "deviance_explained_kind", "deviance_beyond_kind_text", "deviance_beyond_kind_greedy", "spearman_attainable",
    "reliability_text", "reliability_greedy", "control_difference", "control_difference_ci95", "reward_greedy_accuracy",
    "solver_greedy_accuracy", "best_minus_reward_greedy", "best_minus_reward_greedy_ci95", "novel_among",
}  # fmt: skip


def test_the_bundled_family_is_small_standard_and_whole(nano: Path) -> None:
    assert sum(f.stat().st_size for f in nano.rglob("*") if f.is_file()) <= 25_000_000
    for name in {*build.SHIPPED} - {evaluate.CONTROL}:  # which only a rebuilt family has
        settings = AutoConfig.from_pretrained(nano / name)
        assert settings.model_type == "qwen2"
        assert settings.hidden_size // settings.num_attention_heads in (32, 64)
        tokenizer = AutoTokenizer.from_pretrained(nano / name)
        assert tokenizer.encode("1234", add_special_tokens=False).__len__() == 4
        assert tokenizer.encode(text.START, add_special_tokens=False).__len__() == 1


def test_the_profile_uses_what_was_calibrated(nano: Path) -> None:
    card = json.loads((nano / evaluate.CARD).read_text())
    profile = tomllib.loads((nano.parent / "profiles" / "nano.toml").read_text())
    assert profile["judge"]["threshold"] == card["judge_threshold"]
    assert profile["reward"]["aggregate"] == card["reward_aggregate"]
    assert card["figures"].keys() >= KEYS


def test_readme_and_manual_quote_the_figures_of_the_card(nano: Path) -> None:
    whole = json.loads((nano / evaluate.CARD).read_text())
    assert card.render(whole) == (nano / "README.md").read_text()
    manual = (nano.parent / "manual" / "nano.md").read_text()
    for key in ("solver_accuracy", "qgen_valid_qpo", "judge_auc", "difficulty_spearman", "best_of_5", "novel_share"):
        assert str(whole["figures"][key]) in manual, key


def test_qft_switches_question_writing_on(nano: Path) -> None:
    """Before QFT the solver writes no valid question; after it most are, and QPO does not undo that."""
    tokenizer = load_tokenizer(str(nano / "solver"))

    def valid(name: str) -> float:
        samples = measure.sample_questions(family.load(nano / name), tokenizer, 100, 987)
        return measure.share(measure.readings(samples), "ok")

    assert valid("solver") == 0
    assert valid("qgen-a-qft") > 0.6
    assert valid("qgen-a") > 0.6


def test_the_solver_solves_and_the_scorers_tell_good_from_bad(nano: Path) -> None:
    tokenizer = load_tokenizer(str(nano / "solver"))
    asked = evaluate.draw(4321, 60)
    assert sum(measure.greedy_correct(family.load(nano / "solver"), tokenizer, asked)) > 36
    good = [p.question for p in asked]
    samples = measure.sample_questions(family.load(nano / "qgen-a-qft"), tokenizer, 200, 987)
    valid = [reading.status == "ok" for reading in measure.readings(samples)]
    judged = measure.scores(family.load(nano / "judge"), tokenizer, [text.asked(s.text) for s in samples])
    assert figures.auc(judged, valid) > 0.85
    wrong = [p.response.replace(f"boxed{{{p.answer}}}", "boxed{1234}") for p in asked]
    model = family.load(nano / "reward")
    right = measure.logprobs(model, tokenizer, good, [p.response for p in asked])
    off = measure.logprobs(model, tokenizer, good, wrong)
    assert sum(r[0] > o[0] for r, o in zip(right, off, strict=True)) > 54


def test_a_preference_pair_is_cut_off_where_its_sides_part() -> None:
    assert recipe.fork([1, 2, 3, 4], [1, 2, 5, 4]) == PreferenceExample([1, 2, 3], [1, 2, 5], 2)
    assert recipe.fork([1, 2, 3], [1, 2, 3]) is None


def test_intervals_and_choices_are_computed_as_they_are_named() -> None:
    assert figures.auc([0.9, 0.8, 0.1], [True, False, False]) == 1.0
    assert figures.majority(["3", "4", "4", None, None]) == 1
    assert figures.best([-1.0, -0.5, -0.50001]) == 1
    assert figures.best_threshold([0.9, 0.8, 0.2, 0.1], [True, True, False, False]) in {t / 100 for t in range(21, 81)}
    assert measure.within_question([[1.0, 0.0], [0.0, 1.0]], [[True, False], [True, False]]) == 0.5
    assert measure.stated("So \\boxed{\\frac{3}{4}}.") == "\\frac{3}{4}"
    assert figures.difference([True, True, True, False], [False, True, True, True]) == (0.0, [-0.75, 0.75])


def test_no_score_ranks_better_than_what_is_attainable_on_ties() -> None:
    rates = [0.0] * 76 + [i / 100 for i in range(1, 25)]
    perfect = [i * 1e-6 for i in range(76)] + [i / 100 for i in range(1, 25)]
    attainable = spearman_attainable(rates)
    assert attainable == pytest.approx(0.749, abs=1e-3)
    assert spearman(perfect, rates) == attainable
    assert spearman_attainable([0.1, 0.2, 0.3]) == 1.0
    assert spearman([0.5, 0.5, 0.5], [0.1, 0.2, 0.3]) is None


def test_fail_rates_are_compared_with_the_base_rate_and_with_the_kinds_mean() -> None:
    kinds, fails = ["easy"] * 10 + ["hard"] * 10, [0] * 10 + [8] * 5 + [12] * 5
    means = figures.kind_means(kinds, fails, 16)
    base = sum(fails) / (16 * 20)
    assert means[0] == pytest.approx(base / 10)  # itself left out, and one question of the base rate
    assert means[10] == pytest.approx((100 - 8 + 16 * base) / 160)
    known = [f / 16 for f in fails]
    found = figures.difficulty(kinds, fails, 16, {"text": means, "greedy": known})
    assert (found["auc_any_fail_text"], found["auc_quarter_greedy"]) == (1.0, 1.0)
    assert found["deviance_explained_greedy"] == pytest.approx(1.0, abs=1e-3)
    assert found["deviance_explained_text"] == found["deviance_explained_kind"]
    assert found["deviance_beyond_kind_text"] == 0.0
    assert found["reliability_greedy"] == ((10, 0.0, 0.0), (5, 0.5, 0.5), (5, 0.75, 0.75))


def test_each_counterfactual_pair_differs_in_what_makes_it_impossible() -> None:
    found = list(counterfactuals.pairs(5, 40))
    assert len(found) == 120
    assert all(read(good).status == "ok" and read(bad).status != "ok" for bad, good in found)
    numbers = [(bad, good) for bad, good in found if read(bad).status == "bad"]
    assert len(numbers) >= 80
    assert all(re.sub("[0-9]+", "#", bad) == re.sub("[0-9]+", "#", good) for bad, good in numbers)
    below = read("Ada has 5 apples and gives 12 of them to Ben. How many apples does Ada have left?")
    assert below.kind is not None
    with pytest.raises(BelowZero):
        below.kind.work(below.numbers or {})


def test_a_question_of_any_training_set_is_not_novel(tmp_path: Path, nano: Path) -> None:
    tokenizer = load_tokenizer(str(nano / "solver"))
    stages = {"reward": {"tokens": 1}, "qgen-b-qft": {"tokens": 1}, "judge": {"counterfactual_pairs": 3}}
    novelty.write(tmp_path / novelty.FILE, {"qgen-a": ["Ada asks Ben: What is 1 + 1?"]})
    sets = novelty.TrainingSets(tmp_path, stages, tokenizer)
    assert {"reward", "qgen-b-qft", "judge", "qgen-a samples"} <= {*sets.names}
    of_reward = next(text.problems(recipe.SOLVERS["reward"]))[0].question
    impossible, _ = next(counterfactuals.pairs(scorers.PAIRS_SEED, 1))
    known = [of_reward, impossible, " Ada asks Ben: What is 1 + 1? "]
    assert sets.novel(known) == (0.0, 0.0)
    assert sets.novel(["Ada asks Ben: What is 98765 + 43210?", "Who is there?"]) == (1.0, 0.5)
