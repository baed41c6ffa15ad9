"""``scalequest train difficulty``: a scorer learns fail rates, and the backends that a run uses load it."""

from __future__ import annotations

import queue
import random
from pathlib import Path
from typing import Any

import pytest

from engine.config.profiles import Role
from engine.config.prompts import template
from engine.data import training_rows
from engine.models.base import Scored
from engine.models.load import open_score
from engine.training import record
from tests.engine.models.vllm import needs_vllm
from tests.engine.training.generators import jsonl, llama, refusal, train

FAST = ("--lr", "3e-3", "--batch", "8", "--epochs", "6", "--device", "cpu")


def rated(n: int = 160) -> list[dict[str, Any]]:
    """Questions whose rate the word "many" tells."""
    rng = random.Random(4)
    hard = [rng.random() < 0.5 for _ in range(n)]
    return [
        {"query": f"Tom has {i} {'many apples' if h else 'of 4'}. How?", "pass_rate": 0.1 if h else 0.9}
        for i, h in enumerate(hard)
    ]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama(tmp_path_factory.mktemp("start") / "llama")


@pytest.fixture(scope="module", params=["full", "lora"])
def trained(request: pytest.FixtureRequest, start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    file = jsonl(folder / "rates.jsonl", rated())
    lora = ("--lora", "--lora-rank", "8", "--lora-dropout", "0") if request.param == "lora" else ()
    assert train("difficulty", "--base", start, "--rates", file, "--out", folder / "mine", *FAST, *lora) == 0
    return folder / "mine"


def scores(folder: Path, backend: str, questions: list[str]) -> list[float]:
    model = open_score(Role("difficulty", "mine", backend, str(folder), template("plain"), dtype="float32"))
    done: queue.Queue[Any] = queue.Queue()
    model.submit("all", [(question, None) for question in questions], done.put)
    found = done.get(timeout=120)
    model.close()
    assert isinstance(found, Scored), found
    return [float(score) for score in found.scores if score is not None]


def test_held_out_questions_are_ranked_by_their_measured_rates(trained: Path) -> None:
    result = record.read(trained).result
    assert (result["held_out"], result["scored"]) == (16, 16)
    assert 0.7 < result["spearman"] <= result["spearman_attainable"] <= 1
    assert result["auc_quarter"] > 0.7
    assert result["loss"] < result["first_loss"]
    assert record.curve(trained, "difficulty")[-1]["tokens_per_s"] > 0


def test_the_classifier_backend_reads_a_high_score_as_a_high_fail_rate(trained: Path) -> None:
    easy, hard = scores(trained, "classifier", ["Tom has 7 of 4. How?", "Tom has 7 many apples. How?"])
    assert easy < 0 < hard


@needs_vllm
def test_vllm_gives_the_same_raw_scores(trained: Path) -> None:
    questions = [row["query"] for row in rated(12)]
    assert scores(trained, "vllm-pooling", questions) == pytest.approx(
        scores(trained, "classifier", questions), abs=1e-3
    )


def test_rates_are_read_however_they_are_spelled(tmp_path: Path) -> None:
    for fields in ({"fail_rate": 0.25}, {"pass_rate": 0.75}, {"tot_n_corrects": 3, "tot_n_samples": 4}):
        file = jsonl(tmp_path / "r.jsonl", [{"question": "Why?", **fields}, {"question": "No rate."}])
        rows, files = training_rows.read_rates(str(file))
        assert rows == [("Why?", 0.25)]
        assert (files[0]["rows"], files[0]["used"]) == (2, 1)


def test_questions_are_looked_up_by_id_where_the_rates_have_none(tmp_path: Path) -> None:
    rates = jsonl(tmp_path / "info.jsonl", [{"query_id": f"MATH/{i}", "pass_rate": i / 4} for i in range(4)])
    pool = jsonl(
        tmp_path / "pool.jsonl", [{"query_id": f"MATH/{i % 3}", "query": f"What is {i % 3}?"} for i in range(9)]
    )
    assert training_rows.read_rates(str(rates), [str(pool)])[0] == [
        ("What is 0?", 1.0),
        ("What is 1?", 0.75),
        ("What is 2?", 0.5),
    ]


def test_bad_input_is_one_sentence(start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = jsonl(tmp_path / "bare.jsonl", [{"question": "Why?"}])
    good = jsonl(tmp_path / "good.jsonl", rated(4))
    out = ("--base", start, "--out", tmp_path / "out")
    for expected, args in (
        ("no field with a rate", ("--rates", bare)),
        ("--rates", ()),
        ("no {question}", ("--rates", good, "--template", "qwen-generate")),
        ("--held-out", ("--rates", good, "--held-out", "0.9")),
    ):
        assert expected in refusal(capsys, "difficulty", *out, *args), args
    assert not (tmp_path / "out").exists()
