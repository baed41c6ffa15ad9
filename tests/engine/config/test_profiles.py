"""A workspace's own profiles: what registering a trained model writes, refuses and leaves alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.config.profiles import load_profile, profile_names
from engine.config.run_config import RunConfig, load_run_config
from engine.pipeline import run
from engine.text.linear_classifier import LevelModel
from engine.training import record, registered_models
from engine.training.record import Training
from store.database.workspace import Workspace
from store.errors import InputError


def trained(workspace: Path, name: str, model: Path, kind: record.Kind = "qft") -> Training:
    """A finished training whose model is this one."""
    template = "nano-score" if kind == "difficulty" else "nano-generate"
    training = record.create(Training(workspace / "models" / name, name, kind, "assets/nano/solver", template))
    sampling = {"temperature": 0.9, "top_p": 0.99, "max_tokens": 64}
    record.keep_samples(training, {"sampling": sampling, "before": [], "after": []})
    for file in model.iterdir():
        shutil.copy(file, training.folder)
    return record.finish(training, "done")


@pytest.fixture
def mine(tmp_path: Path, nano: Path) -> Training:
    return trained(tmp_path, "mine", nano / "qgen-a-qft")


def test_a_trained_generator_takes_the_place_of_the_others_as_it_was_trained(tmp_path: Path, mine: Training) -> None:
    folder = registered_models.folder(tmp_path)
    made = registered_models.register(folder, mine, "nano", "my-nano")
    (generator,) = made.generators
    assert (generator.name, generator.model, generator.template.id) == ("mine", str(mine.folder), "nano-generate")
    assert (generator.temperature, generator.top_p, generator.max_tokens) == (0.9, 0.99, 64)
    nano = load_profile("nano")
    assert (made.judge, made.difficulty, made.solver, made.reward) == (
        nano.judge,
        nano.difficulty,
        nano.solver,
        nano.reward,
    )
    assert load_profile("my-nano", folder) == made
    assert profile_names(folder) == [
        "my-nano",
        "nano",
        "nano-adaptive",
        "openai",
        "paper",
        "scalediff",
        "small",
        "smol",
    ]
    assert (folder / "my-nano.toml").read_text().startswith("# Profile nano with the qft training mine.")


@pytest.mark.parametrize("name", ["paper", "openai"])
def test_the_paper_drops_easy_questions_of_its_deepseek_generator_only(name: str) -> None:
    qwen, deepseek = load_profile(name).generators
    assert qwen.band is None
    assert deepseek.band is not None
    scores = LevelModel.load().score(
        [
            "What is 3 + 4?",
            "Let $p$ be a prime and $G$ a group of order $p^3$. How many subgroups of order $p$ can $G$ have?",
        ]
    )
    assert [score is not None and deepseek.band[0] <= score <= deepseek.band[1] for score in scores] == [False, True]


def test_added_it_shares_the_questions_equally_and_a_registered_profile_may_be_the_base(
    tmp_path: Path, mine: Training, nano: Path
) -> None:
    folder = registered_models.folder(tmp_path)
    registered_models.register(folder, mine, "nano", "both", add=True)
    more = registered_models.register(folder, trained(tmp_path, "other", nano / "qgen-b-qft"), "both", "all", add=True)
    assert [(g.name, g.share) for g in more.generators] == [
        ("qgen-a", 0.5),
        ("qgen-b", 0.5),
        ("mine", 0.5),
        ("other", 0.5),
    ]


@pytest.mark.parametrize(
    ("base", "backend"),
    [("nano", "transformers"), ("paper", "vllm"), ("openai", "transformers"), ("scalediff", "vllm")],
)
def test_it_runs_on_the_bases_own_engine_where_that_loads_a_folder(
    tmp_path: Path, mine: Training, base: str, backend: str
) -> None:
    made = registered_models.register(registered_models.folder(tmp_path), mine, base, "mine")
    assert [g.backend for g in made.generators] == [backend]


def test_a_difficulty_scorer_takes_that_role(tmp_path: Path, nano: Path) -> None:
    scorer = trained(tmp_path, "rates", nano / "difficulty", "difficulty")
    made = registered_models.register(registered_models.folder(tmp_path), scorer, "nano", "rated")
    assert (made.difficulty.backend, made.difficulty.model) == ("classifier", str(scorer.folder))
    assert made.difficulty.activation == "sigmoid"
    assert made.generators == load_profile("nano").generators


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nano", "name 'nano' is a bundled profile"),
        ("../mine", "name '../mine' is not a valid profile name"),
        ("", "name '' is not a valid profile name"),
        ("a b", "name 'a b' is not a valid profile name"),
        ("mine.toml", "is not a valid profile name"),
        ("taken", "name 'taken' is registered already; choose another name, or replace it."),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, mine: Training, name: str, says: str
) -> None:
    folder = registered_models.folder(tmp_path)
    registered_models.register(folder, mine, "nano", "taken", add=True)
    before = {path: path.read_bytes() for path in folder.rglob("*")}
    with pytest.raises(InputError) as error:
        registered_models.register(folder, mine, "nano", name)
    assert says in str(error.value)
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before


def test_a_profile_is_replaced_only_where_that_is_asked_for(tmp_path: Path, mine: Training) -> None:
    folder = registered_models.folder(tmp_path)
    registered_models.register(folder, mine, "nano", "mine", add=True)
    registered_models.register(folder, mine, "nano", "mine", replace=True)
    assert [g.name for g in load_profile("mine", folder).generators] == ["mine"]


def test_a_training_that_is_not_done_or_whose_model_is_gone_is_refused(tmp_path: Path, mine: Training) -> None:
    folder = registered_models.folder(tmp_path)
    with pytest.raises(InputError, match="is interrupted and has no trained model yet"):
        registered_models.register(folder, replace(mine, status="interrupted"), "nano", "x")
    (mine.folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match="has no tokenizer"):
        registered_models.register(folder, mine, "nano", "x")
    with pytest.raises(InputError, match="profile 'nanoo' does not exist; use one of nano, nano-adaptive, openai"):
        registered_models.register(folder, mine, "nanoo", "x")
    assert registered_models.registered(folder) == []
    assert list(folder.glob("*.toml")) == []


def test_the_same_generator_is_not_added_twice(tmp_path: Path, mine: Training) -> None:
    folder = registered_models.folder(tmp_path)
    registered_models.register(folder, mine, "nano", "once", add=True)
    with pytest.raises(InputError, match=r"generator\.name .* has the same name twice"):
        registered_models.register(folder, mine, "once", "twice", add=True)


def test_unregistering_takes_the_profile_and_runs_keep_their_config(tmp_path: Path, mine: Training) -> None:
    with Workspace.open(tmp_path) as workspace:
        folder = registered_models.folder(workspace.path)
        registered_models.register(folder, mine, "nano", "mine")
        result = run.start(workspace, load_run_config("mine", folder=folder, questions=2, seed=1))
        registered_models.unregister(folder, "mine")
        assert registered_models.registered(folder) == []
        with pytest.raises(InputError, match="does not exist"):
            load_profile("mine", folder)
        kept = RunConfig.from_json(workspace.run(result.run_id).config).profile
        assert [g.model for g in kept.generators] == [str(mine.folder)]
        with pytest.raises(InputError, match="profile 'nano' is not a profile of this workspace"):
            registered_models.unregister(folder, "nano")
        with pytest.raises(InputError, match="is not a profile of this workspace"):
            registered_models.unregister(folder, "../x")
