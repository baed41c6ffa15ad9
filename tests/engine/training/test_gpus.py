"""A training in two processes is the training of one: the same losses at every step, whatever ends a process midway.

On a CPU: the processes talk by gloo instead of NCCL; the rest is what runs on GPUs.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from engine.training import record, session
from engine.training.even_steps import StepSampler
from tests.engine.training.generators import jsonl, llama, questions, refusal, train
from tests.ui.cli.command import command, environment

pytest.importorskip("trl", reason="the extra train is not installed")
FAST = ("--lr", "3e-3", "--batch", "4", "--micro-batch", "1", "--samples", "0", "--device", "cpu")
TEXTS = [f"Tom has {i} apples and buys {i % 7} more. How many apples?" for i in range(17)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama(tmp_path_factory.mktemp("base") / "llama")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, ...]]:
    """The options that name each kind's data; the last step of an epoch has one row, the last row of QFT is short."""
    folder = tmp_path_factory.mktemp("data")
    pairs = [{"chosen": text, "rejected": text[: 10 + i]} for i, text in enumerate(TEXTS)]
    return {
        "qft": ("--questions", questions(folder / "q.jsonl", 40), "--max-length", 64),
        "qpo": ("--pairs", jsonl(folder / "p.jsonl", pairs), "--warmup", 1),
    }


def whole_curve(monkeypatch: pytest.MonkeyPatch, kind: str, out: Path, *options: object) -> list[float]:
    """Train in this process alone; the loss of every step."""
    monkeypatch.setattr(session, "EVERY", 0.0)
    assert train(kind, "--out", out, *options) == 0
    curve = record.curve(out, kind)
    assert [event["done"] for event in curve] == list(range(1, curve[-1]["total"] + 1))
    return [event["loss"] for event in curve]


def same_weights(one: Path, other: Path) -> bool:
    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert first.keys() == second.keys()
    return all(torch.allclose(first[name], second[name], atol=1e-3) for name in first)


@pytest.mark.parametrize("kind", ["qft", "qpo"])
def test_two_processes_have_the_losses_of_one_at_every_step(
    kind: str, base: Path, data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--base", base, *data[kind], *FAST, "--epochs", 2)
    losses = whole_curve(monkeypatch, kind, tmp_path / "one", *options)
    assert train(kind, "--out", tmp_path / "two", *options, "--gpus", 2) == 0
    before = 0
    for event in record.curve(tmp_path / "two", kind):  # an event has the mean of the steps since the last one
        steps = losses[before : event["done"]]
        assert event["loss"] == pytest.approx(sum(steps) / len(steps), abs=1e-3)
        before = event["done"]
    assert before == len(losses)
    assert same_weights(tmp_path / "one", tmp_path / "two")
    config = json.loads((tmp_path / "two" / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert not [path.name for path in (tmp_path / "two").iterdir() if path.name.startswith(".")]


def ended_early(line: list[str], events: int, end: Callable[[subprocess.Popen[str]], None]) -> tuple[int, str]:
    """Start the command, call ``end`` once it has taken steps; its exit code, and what it said."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(line, env=environment(), **pipes) as process:
        assert process.stdout is not None
        seen = 0
        for text in process.stdout:
            event = json.loads(text)
            seen += event.get("event") == "progress" and event.get("stage") == "qpo"
            if seen == events:
                break
        else:
            raise AssertionError(process.stderr.read() if process.stderr else "")
        children = psutil.Process(process.pid).children()
        end(process)
        _, said = process.communicate(timeout=300)
        assert psutil.wait_procs(children, timeout=60)[1] == []  # none outlives it
        return process.returncode, said


def kill(rank: int) -> Callable[[subprocess.Popen[str]], None]:
    def end(process: subprocess.Popen[str]) -> None:
        children = psutil.Process(process.pid).children()
        next(child for child in children if child.environ().get("RANK") == str(rank)).kill()

    return end


@pytest.mark.timeout(1200)  # four starts of two processes
def test_whatever_ends_a_process_a_resume_goes_on_to_the_same_weights(
    base: Path, data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--base", base, *data["qpo"], *FAST, "--epochs", 8)
    out = tmp_path / "broken"
    resume = command("train", "qpo", "--resume", "--out", out, "--json")
    first = command("train", "qpo", "--out", out, *options, "--gpus", 2, "--checkpoint-minutes", 0, "--json")
    for line, rank, events in ((first, 1, 2), (resume, 0, 1)):  # after the second, a checkpoint is there
        code, said = ended_early(line, events, kill(rank))
        assert code == 1
        assert said.splitlines()[-1].startswith(f"Process {rank + 1} of 2 was ended by signal 9")
        assert record.read(out).status == "failed"
    code, said = ended_early(resume, 1, lambda process: process.send_signal(signal.SIGINT))
    assert (code, record.read(out).status) == (130, "interrupted"), said
    assert f"scalequest train qpo --resume --out {out}" in said
    assert not (out / "config.json").exists()
    reference = (out / "reference.jsonl").read_bytes()
    assert train("qpo", "--resume", "--out", out, "--gpus", 1) == 0  # a checkpoint fits any number of processes
    assert (out / "reference.jsonl").read_bytes() == reference  # of the base, computed once
    losses = whole_curve(monkeypatch, "qpo", tmp_path / "one", *options)
    assert record.curve(out, "qpo")[-1]["loss"] == pytest.approx(losses[-1], abs=1e-3)
    assert same_weights(tmp_path / "one", out)


def test_processes_share_every_step_and_each_row_is_in_one() -> None:
    for rows, batch, size, ranks in ((17, 4, 1, 2), (33, 8, 2, 4), (3, 8, 1, 8), (16, 8, 4, 2)):
        samplers = [StepSampler(rows, batch, size, 5, rank, ranks) for rank in range(ranks)]
        parts = [list(sampler) for sampler in samplers]
        assert sorted(row for own in parts for part in own for row in part) == list(range(rows))
        assert {len(sampler) for sampler in samplers} == {max(len(own) for own in parts)}
        alone = [row for part in StepSampler(rows, batch, size, 5, 0, 1) for row in part]
        first = {row for own in parts for part in own[: batch // ranks // size] for row in part}
        assert first == set(alone[:batch])


def test_what_cannot_be_shared_is_refused(
    base: Path, data: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--base", base, *data["qft"], "--out", tmp_path / "out", "--gpus", 3)
    assert "--batch 4 cannot be divided among 3 GPUs" in refusal(capsys, "qft", *options, *FAST)
    assert "--gpus" in refusal(capsys, "qft", *options, "--batch", 3, "--lora", "--device", "cpu")
    if torch.cuda.device_count() < 3:
        assert "--gpus 3 is more than this machine" in refusal(capsys, "qft", *options, "--batch", 3)
    assert not (tmp_path / "out").exists()
