"""``scalequest train KIND --plan``: what a GPU needs, from the model's size alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.training import memory
from engine.training.settings import settings
from tests.engine.training.generators import llama, refusal, train

PAPER = "Qwen/Qwen2-Math-7B-Instruct"
GIB = 2**30


def way(name: str, kind: str = "qft", **changes: object) -> memory.Need:
    how = settings(kind, **changes)  # type: ignore[arg-type]
    found = memory.needs(kind, memory.shape(PAPER, None), how, (1, 2, 8))  # type: ignore[arg-type]
    return next(need for need in found if need.way == name)


def test_all_weights_of_7b_need_several_cards_or_bfloat16() -> None:
    alone = way("--gpus 1")
    assert alone.weights + alone.gradients + alone.moments == pytest.approx(122e9, rel=0.01)
    assert 80 not in alone.fits
    assert 80 in way("--low-memory").fits
    assert {40, 80} <= set(way("--gpus 8").fits)
    assert 24 in way("--lora").fits
    eighth = way("--gpus 8")
    assert eighth.weights * 8 == pytest.approx(alone.weights, rel=1e-6)


def test_the_reference_is_in_memory_before_the_training_and_adds_nothing() -> None:
    with_reference, without = way("--gpus 1", "qpo", micro_batch=1, max_length=256), way("--gpus 1", micro_batch=2)
    assert with_reference.reference == pytest.approx(15.2e9, rel=0.01)
    assert with_reference.total == without.total


def test_activations_grow_with_the_part_of_a_batch_and_shrink_with_checkpointing() -> None:
    assert way("--gpus 2", micro_batch=8).activations == 4 * way("--gpus 2", micro_batch=2).activations
    assert way("--gpus 2", gradient_checkpointing=True).activations < way("--gpus 2").activations / 6


def test_the_size_is_read_from_a_folder_the_list_of_models_or_the_name(tmp_path: Path) -> None:
    folder = memory.shape(str(llama(tmp_path / "llama")), None)
    assert (folder.layers, folder.hidden) == (2, 128)
    assert (memory.shape(PAPER, None).layers, memory.shape(PAPER, None).hidden) == (28, 3584)
    unknown = memory.shape("some/Model-13B", None)
    assert unknown.parameters == 13_000_000_000
    assert 30 < unknown.layers < 50


def test_the_command_prints_every_way_and_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("qpo", "--base", PAPER, "--workspace", tmp_path / "w", "--gpus", 16, "--plan")
    assert train(*line) == 0
    table = capsys.readouterr().out
    assert all(name in table for name in ("--gpus 1 ", "--gpus 16", "--low-memory", "--lora", "7.62 billion"))
    assert train(*line, "--json") == 0
    stated = json.loads(capsys.readouterr().out)
    assert [one["gpus"] for one in stated["ways"]] == [1, 2, 4, 8, 16, 1, 1]
    assert not (tmp_path / "w").exists()
    assert "number of parameters" in refusal(capsys, "student", "--base", "some/model", "--plan")
    assert "--base" in refusal(capsys, "difficulty", "--plan")
