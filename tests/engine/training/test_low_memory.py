"""Training in bfloat16 with random rounding: small steps count, the loss falls as in float32, and a resume goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.jobs.control import Control
from engine.training import record
from engine.training.bfloat16_adamw import BFloat16AdamW
from engine.training.record import Training
from engine.training.settings import settings
from tests.engine.training.generators import llama, questions, refusal, train
from tests.engine.training.test_resume import teach

pytest.importorskip("trl", reason="the extra train is not installed")


def moved(optimizer: type[torch.optim.Optimizer], lr: float) -> float:
    """How far a weight of 0.02 has moved on average after 50 steps of a steady gradient, in units of those steps."""
    torch.manual_seed(1)
    weight = torch.nn.Parameter(torch.full((20_000,), 0.02, dtype=torch.bfloat16))
    start = weight.detach().float().mean()
    made = optimizer([weight], lr=lr)  # type: ignore[call-arg]
    for _ in range(50):
        weight.grad = torch.ones_like(weight)
        made.step()
    return float((start - weight.detach().float().mean()) / (50 * lr))


def test_steps_far_below_a_weights_precision_are_taken_on_average() -> None:
    assert moved(BFloat16AdamW, 1e-6) == pytest.approx(1.0, abs=0.1)
    assert moved(torch.optim.AdamW, 1e-6) == 0.0  # rounded to the nearest, none of them


def test_it_steps_as_torchs_adamw_does() -> None:
    torch.manual_seed(2)
    exact = torch.nn.Parameter(torch.randn(300, 7))
    rounded = torch.nn.Parameter(exact.detach().bfloat16())
    options = {"lr": 1e-2, "weight_decay": 0.1}
    pair = ((exact, torch.optim.AdamW([exact], **options)), (rounded, BFloat16AdamW([rounded], **options)))
    for _ in range(20):
        gradient = torch.randn(300, 7)
        for weight, optimizer in pair:
            weight.grad = gradient.to(weight.dtype)
            optimizer.step()
    off = (exact - rounded.float()).detach()
    assert float(off.abs().mean()) < 0.02  # a few of the last bits of numbers about 1
    assert float(off.mean()) == pytest.approx(0, abs=2e-3)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama(tmp_path_factory.mktemp("base") / "llama")


def mean_loss(folder: Path) -> float:
    """Of all steps. Each event has the mean since the one before, of as many steps as were made in a given time."""
    curve = record.curve(folder, "qft")
    steps = [now["done"] - before for now, before in zip(curve, [0, *(event["done"] for event in curve)], strict=False)]
    return float(sum(event["loss"] * count for event, count in zip(curve, steps, strict=True)) / sum(steps))


def test_the_loss_falls_as_in_float32_and_the_model_is_in_bfloat16(base: Path, tmp_path: Path) -> None:
    file = questions(tmp_path / "q.jsonl", 64)
    options = ("--base", base, "--questions", file, "--lr", "1e-3", "--batch", 4, "--max-length", 64, "--epochs", 3)
    for name, more in (("whole", ()), ("low", ("--low-memory",))):
        out = ("--out", tmp_path / name, "--samples", 0, "--device", "cpu")
        assert train("qft", *options, *out, *more) == 0
    whole, low = (record.read(tmp_path / name).result for name in ("whole", "low"))
    assert low["first_loss"] == pytest.approx(whole["first_loss"], rel=0.01)
    assert mean_loss(tmp_path / "low") == pytest.approx(mean_loss(tmp_path / "whole"), rel=0.1)
    assert mean_loss(tmp_path / "low") < low["first_loss"] / 2
    weights = load_file(tmp_path / "low" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "low" / "config.json").read_text())["dtype"] == "bfloat16"


def test_an_interrupted_one_goes_on_to_the_same_weights(base: Path, tmp_path: Path) -> None:
    fast = {"lr": 1e-3, "batch": 4, "max_length": 64, "epochs": 2.0, "samples": 0, "device": "cpu"}
    how = settings("qpo", **fast, low_memory=True)
    whole, broken = (
        record.create(Training(tmp_path / name, name, "qpo", str(base), "qwen-generate"))
        for name in ("whole", "broken")
    )
    assert teach(whole, how, Control()).status == "done"
    assert teach(broken, how, Control(), stop_at=3).status == "interrupted"
    assert teach(record.resume(broken.folder), how, Control()).status == "done"
    first, second = (load_file(training.folder / "model.safetensors") for training in (whole, broken))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_adapters_and_several_gpus_are_refused(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--base", base, "--questions", questions(tmp_path / "q.jsonl", 4), "--out", tmp_path / "out")
    assert "--low-memory" in refusal(capsys, "qft", *options, "--low-memory", "--lora")
    assert "--gpus 2" in refusal(capsys, "qft", *options, "--low-memory", "--gpus", 2)
