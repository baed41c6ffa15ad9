"""``scalequest train judge``: real questions against the same ones altered, and what the backends make of the judge."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from engine.config.profiles import load_profile
from engine.training import alterations, judge, record, registered_models
from tests.engine.training.generators import jsonl, llama, refusal, train

FAST = ("--lr", "3e-3", "--batch", "8", "--epochs", "6", "--device", "cpu")
STORY = (
    "Mia has 12 red apples. She buys 3 bags of 5 apples. Each bag costs 4 dollars. How many apples does Mia have now?"
)
OTHER = "A train leaves at noon. It travels 60 miles an hour. How far does the train travel by 3 o'clock?"


def stories(n: int = 120) -> list[dict[str, str]]:
    return [
        {"query": f"Mia has {i} apples. She buys {i % 7 + 2} bags of {i % 5 + 3}. How many apples does Mia have now?"}
        for i in range(n)
    ]


@pytest.fixture(scope="module", params=["full", "lora"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    file = jsonl(folder / "questions.jsonl", stories())
    lora = ("--lora", "--lora-rank", "8", "--lora-dropout", "0") if request.param == "lora" else ()
    start = llama(folder / "llama")
    assert train("judge", "--base", start, "--questions", file, "--out", folder / "mine", *FAST, *lora) == 0
    return folder / "mine"


def test_it_tells_held_out_questions_from_altered_ones(trained: Path) -> None:
    result = record.read(trained).result
    assert result["held_out"] == 12
    assert result["auc_trained_kinds"] > 0.8
    assert set(result["auc"]) <= {*alterations.TRAINED, *alterations.UNSEEN}
    assert result["auc_unseen_kinds"] is not None
    assert result["real_kept"] > result["altered_kept"]


def test_a_score_is_read_where_it_was_trained_also_where_texts_end_with_the_padding_token(tmp_path: Path) -> None:
    """As SmolLM2's do: its padding token closes the user's words too."""
    file, start = jsonl(tmp_path / "questions.jsonl", stories(80)), llama(tmp_path / "llama")
    tokenizer = json.loads((start / "tokenizer_config.json").read_text())
    (start / "tokenizer_config.json").write_text(json.dumps({**tokenizer, "pad_token": "<|im_end|>"}))
    template = ("--template", "nano-score")
    assert train("judge", "--base", start, "--questions", file, "--out", tmp_path / "mine", *FAST, *template) == 0
    assert record.read(tmp_path / "mine").result["auc_trained_kinds"] > 0.8
    saved = json.loads((tmp_path / "mine" / "config.json").read_text())
    ends = json.loads((start / "tokenizer.json").read_text())
    closing = next(one["id"] for one in ends["added_tokens"] if one["content"] == "<|im_end|>")
    assert saved["pad_token_id"] != closing


def test_a_registered_judge_has_the_threshold_that_was_measured(trained: Path, tmp_path: Path) -> None:
    training = record.read(trained)
    profile = registered_models.register(tmp_path / "profiles", training, "nano", "with-judge")
    assert profile.judge is not None
    assert profile.judge.threshold == training.result["threshold"]
    assert load_profile("with-judge", tmp_path / "profiles").judge == profile.judge


def test_every_alteration_changes_the_question_and_each_in_its_way() -> None:
    made = alterations.altered(STORY, OTHER, alterations.TRAINED | alterations.UNSEEN, random.Random(1))
    assert set(made) == {*alterations.TRAINED, *alterations.UNSEEN}
    assert STORY not in made.values()
    assert STORY.startswith(made["cut off"])
    assert not made["cut off"].endswith(("?", "."))
    assert "?" not in made["question missing"]
    assert made["other question"].endswith("How far does the train travel by 3 o'clock?")
    assert made["condition missing"].count(".") == STORY.count(".") - 1
    assert len(made["contradiction"]) > len(STORY)
    assert any(word in made["number missing"] for word in ("some", "several", "a few"))


@pytest.mark.parametrize("question", ["", "Why?", "Find $x$ if $x^2 = 4$."])
def test_a_question_that_an_alteration_does_not_suit_is_left_out_of_it(question: str) -> None:
    made = alterations.altered(question, OTHER, alterations.TRAINED | alterations.UNSEEN, random.Random(1))
    assert "number missing" not in made
    assert question not in made.values()


def test_it_learns_from_as_many_altered_questions_as_real_ones() -> None:
    rows = judge.rows([story["query"] for story in stories(20)], seed=0)
    assert [target for _, target in rows] == [1.0, 0.0] * 20
    assert rows == judge.rows([story["query"] for story in stories(20)], seed=0)
    assert rows != judge.rows([story["query"] for story in stories(20)], seed=1)


def test_it_needs_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--questions '' is missing" in refusal(capsys, "judge", "--base", tmp_path, "--out", tmp_path / "out")


def test_questions_that_are_too_short_to_be_altered_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, start = jsonl(tmp_path / "q.jsonl", [{"query": "Why?"}, {"query": "How?"}]), llama(tmp_path / "llama")
    said = refusal(capsys, "judge", "--base", start, "--questions", file, "--out", tmp_path / "mine", *FAST)
    assert "--questions 2 hold no question that can be altered" in said
