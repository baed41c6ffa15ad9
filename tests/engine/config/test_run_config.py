"""Configs: what they refuse and in which words, and that they survive JSON."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomlkit

from engine.config.profiles import load_profile, profile_names
from engine.config.run_config import RunConfig, load_run_config
from store.errors import InputError


def test_every_bundled_profile_loads_and_survives_json() -> None:
    assert profile_names() == ["nano", "nano-adaptive", "openai", "paper", "scalediff", "small", "smol"]
    for name in profile_names():
        config = load_run_config(name, questions=7, seed=3)
        again = RunConfig.from_json(config.to_json())
        assert again == config
        assert again.hash == config.hash


def test_the_stored_config_holds_the_templates_texts() -> None:
    stored = load_run_config("paper", questions=1).to_json()
    assert stored["profile"]["solver"]["template"]["text"].startswith("<|im_start|>system\n")


def test_the_paper_profile_has_the_papers_sampling() -> None:
    paper = load_profile("paper")
    assert [(g.temperature, g.top_p, g.max_tokens, g.share) for g in paper.generators] == [(1.0, 0.99, 512, 0.5)] * 2
    assert (paper.solver.n, paper.solver.temperature, paper.solver.top_p, paper.solver.max_tokens) == (
        5,
        0.7,
        0.95,
        2048,
    )
    assert (paper.judge.temperature, paper.judge.max_tokens) == (0.0, 2048)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"profile": "nanoo", "questions": 1}, "profile 'nanoo' does not exist"),
        ({"questions": 0}, "questions 0 is below 1"),
        ({"questions": 3, "accepted": 3}, "give either questions or accepted"),
        ({}, "give either questions or accepted"),
        ({"questions": 3, "max_questions": 9}, "max_questions 9"),
        ({"questions": 3, "seed": -1}, "seed -1 is out of range"),
        ({"questions": 3, "difficulty_band": [0.9, 0.1]}, "difficulty_band [0.9, 0.1]"),
        ({"questions": "many"}, "questions 'many' is not a whole number"),
        ({"questions": 3, "reward_flor": 1.0}, "did you mean 'reward_floor'?"),
    ],
)
def test_a_bad_option_is_named_in_one_sentence(options: dict[str, object], says: str) -> None:
    with pytest.raises(InputError) as error:
        load_run_config(**options)  # type: ignore[arg-type]
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("questions = 4\n[solver]\ntemprature = 0.5", "did you mean 'temperature'?"),
        ("questions = 4\nquestins = 4", "did you mean 'questions'?"),
        ("questions = 4\n[solver]\nbackend = 'tranformers'", "did you mean 'transformers'?"),
        ("questions = 4\n[solver]\ntemplate = 'qwen-slove'", "solver.template 'qwen-slove' does not exist"),
        ("questions = 4\n[solver]\nretry_tokens = 10", "solver.retry_tokens 10"),
        ("questions = = 4", "is not TOML"),
    ],
)
def test_a_config_files_typo_is_named(tmp_path: Path, toml: str, says: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(toml)
    with pytest.raises(InputError) as error:
        load_run_config("nano", file)
    assert says in str(error.value)


def test_a_config_file_changes_single_fields_of_a_role_and_flags_win(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(
        'questions = 4\nseed = 1\n[solver]\nn = 2\n[templates.mine]\ntext = "Q: {question}\\nA:"\nstop = ["Q:"]'
    )
    config = load_run_config("nano", file, seed=9, accepted=3)
    assert (config.profile.solver.n, config.profile.solver.temperature) == (2, 0.7)
    assert (config.seed, config.accepted, config.questions, config.limit) == (9, 3, None, 60)


def test_generators_get_their_shares_in_every_stretch_of_questions() -> None:
    config = load_run_config("paper", questions=1000, seed=5)
    for start in range(0, 900, 50):
        first = sum(config.generator_of(i) == 0 for i in range(start, start + 100))
        assert 45 <= first <= 55


def without(tmp_path: Path, *roles: str, n: int = 1) -> str:
    """Nano's profile with n samples, in which these roles are "none"."""
    table = tomllib.loads(Path("assets/profiles/nano.toml").read_text(encoding="utf-8"))
    table["solver"]["n"] = n
    path = tmp_path / "without.toml"
    path.write_text(
        tomlkit.dumps({**dict.fromkeys(roles, "none"), **{k: v for k, v in table.items() if k not in roles}})
    )
    return str(path)


def test_a_profile_may_go_without_a_judge_and_a_reward_model(tmp_path: Path) -> None:
    config = load_run_config(without(tmp_path, "judge", "reward"), questions=1)
    assert (config.profile.judge, config.profile.reward) == (None, None)
    assert RunConfig.from_json(config.to_json()) == config
    with pytest.raises(InputError, match="reward 'none' leaves no way to choose among the solver's 5 samples"):
        load_run_config(without(tmp_path, "reward", n=5), questions=1)
    with pytest.raises(InputError, match=r"reward_floor .* has no effect"):
        load_run_config(without(tmp_path, "reward"), questions=1, reward_floor=0.5)
    with pytest.raises(InputError, match="solver 'none' is not a table"):
        load_run_config(without(tmp_path, "solver"), questions=1)


def test_a_missing_role_is_named_and_one_that_may_be_left_out_says_how(tmp_path: Path) -> None:
    text = Path(without(tmp_path, "judge")).read_text(encoding="utf-8").replace('judge = "none"\n', "")
    (tmp_path / "missing.toml").write_text(text)
    with pytest.raises(InputError, match="judge = 'none' above all tables to go without"):
        load_run_config(str(tmp_path / "missing.toml"), questions=1)


def test_a_config_may_give_a_profile_the_judge_that_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        'questions = 1\n[judge]\nbackend = "classifier"\nmodel = "assets/nano/judge"\ntemplate = "nano-score"\n'
    )
    made = load_run_config(without(tmp_path, "judge", "reward"), tmp_path / "c.toml")
    assert made.profile.judge is not None
    assert made.profile.judge.model == "assets/nano/judge"


def test_top_k_needs_a_server_of_vllm(tmp_path: Path) -> None:
    openai = load_profile("openai").solver
    assert openai.replaced(top_k=20).sampling.top_k == 20
    with pytest.raises(InputError, match=r"solver.top_k 20 is no part of the protocol"):
        openai.replaced(top_k=20, server="other")
