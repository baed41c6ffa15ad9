"""A training of any kind that is interrupted and taken up again ends as one that never was; a full disk is said."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.jobs.control import Control
from engine.training import base, record
from engine.training.record import Kind, Training
from engine.training.settings import Settings, settings
from tests.engine.training.generators import llama, questions, refusal, train
from tests.ui.cli.command import command, environment

pytest.importorskip("trl", reason="the extra train is not installed")
TEXTS = [f"Tom has {i} apples and buys {i % 7} more. How many apples?" for i in range(24)]
DATA: dict[str, list[Any]] = {
    "qft": TEXTS,
    "qpo": [(text, text[: 10 + i % 20]) for i, text in enumerate(TEXTS)],
    "difficulty": [(text, i / 24) for i, text in enumerate(TEXTS)],
}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama(tmp_path_factory.mktemp("start") / "llama")


def teach(training: Training, how: Settings, control: Control, stop_at: int | None = None) -> Training:
    """Train, and interrupt after that step."""
    from engine.training import difficulty, qft, qpo

    def hear(event: dict[str, Any]) -> None:
        if stop_at is not None and event.get("stage") == training.kind and event.get("done", 0) >= stop_at:
            control.interrupt()

    trainer: Any = {"qft": qft, "qpo": qpo, "difficulty": difficulty}[training.kind]
    tokenizer = base.load_tokenizer(training.base, None)
    ended: Training = trainer.train(training, how, DATA[training.kind], tokenizer, hear, control)
    return ended


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("kind", ["qft", "qpo", "difficulty"])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    kind: Kind, lora: bool, start: Path, tmp_path: Path
) -> None:
    fast = {"lr": 1e-3, "batch": 4, "max_length": 64, "epochs": 2.0, "samples": 0, "device": "cpu", "lora": lora}
    how = settings(kind, **fast, lora_dropout=0.1)
    template = "plain" if kind == "difficulty" else "qwen-generate"
    whole, broken = (
        record.create(Training(tmp_path / name, name, kind, str(start), template)) for name in ("whole", "broken")
    )
    assert teach(whole, how, Control()).status == "done"
    assert teach(broken, how, Control(), stop_at=3).status == "interrupted"
    assert not (broken.folder / "config.json").exists()
    assert teach(record.resume(broken.folder), how, Control()).status == "done"
    first, second = (load_file(training.folder / "model.safetensors") for training in (whole, broken))
    assert first.keys() == second.keys()
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)
    steps = [event["done"] for event in record.curve(broken.folder, kind)]
    assert steps[-1] == record.curve(whole.folder, kind)[-1]["done"]
    assert steps == sorted(set(steps))


def test_a_training_that_is_stopped_while_it_samples_begins_anew(start: Path, tmp_path: Path) -> None:
    how = replace(settings("qft", samples=4, device="cpu", batch=4, max_length=64), lr=1e-3)
    training = record.create(Training(tmp_path / "mine", "mine", "qft", str(start), "qwen-generate"))
    control = Control()
    control.interrupt()
    assert teach(training, how, control).status == "interrupted"
    assert teach(record.resume(training.folder), how, Control()).status == "done"
    assert len(record.samples(training.folder)["before"]) == 4


def test_a_full_disk_is_said_in_one_sentence_and_the_training_can_go_on(start: Path, tmp_path: Path) -> None:
    file, out = questions(tmp_path / "q.jsonl", 24), tmp_path / "mine"

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    line = command("train", "qft", "--base", start, "--questions", file, "--out", out, "--samples", "0", "--batch", "4")
    full = subprocess.run(
        [*line, "--device", "cpu"],
        capture_output=True,
        text=True,
        preexec_fn=little_room,
        env=environment(),
        timeout=240,
    )
    assert full.returncode in (1, 2), full.stdout + full.stderr
    assert "Traceback" not in full.stderr
    assert full.stderr.splitlines()[-1].endswith(".")
    failed = record.read(out)
    assert failed.status == "failed"
    assert failed.error == full.stderr.splitlines()[-1]
    assert train("qft", "--resume", "--out", out) == 0


def test_adapters_without_peft_are_refused_by_name(
    start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    args = ("--base", start, "--questions", questions(tmp_path / "q.jsonl"), "--out", tmp_path / "out", "--lora")
    assert "--lora 'peft' is not installed" in refusal(capsys, "qft", *args)
    assert not (tmp_path / "out").exists()
