"""``scalequest train`` as a user meets it: its events, its answers to mistakes, the nano solver on real questions."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.training import record
from tests.engine.training.generators import llama, questions
from tests.ui.cli.command import ROOT, environment, scalequest

pytest.importorskip("trl", reason="the extra train is not installed")
QUICK = ("--samples", "2", "--batch", "8", "--max-length", "64", "--device", "cpu", "--lr", "3e-3")


def test_stdout_has_one_event_a_line_the_same_as_the_folder_keeps(tmp_path: Path) -> None:
    base, file = llama(tmp_path / "base"), questions(tmp_path / "q.jsonl")
    done = scalequest("train", "qft", "--base", base, "--questions", file, "--out", tmp_path / "m", *QUICK, "--json")
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told == record.events(tmp_path / "m")
    assert [told[0]["event"], told[-1]["event"]] == ["start", "end"]
    assert "Warning" not in done.stderr


def test_a_training_ends_with_figures_before_and_after(tmp_path: Path) -> None:
    base, file = llama(tmp_path / "base"), questions(tmp_path / "q.jsonl")
    done = scalequest("train", "qft", "--base", base, "--questions", file, "--out", tmp_path / "m", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "64 of 64 rows, field question" in done.stderr
    for expected in ("first_loss", "before", "after", "mean_words", str(tmp_path / "m")):
        assert expected in done.stdout


def test_a_mistake_is_answered_before_torch_is_imported(tmp_path: Path) -> None:
    args = ["train", "qft", "--base", "x", "--questions", str(tmp_path / "none.jsonl"), "--out", str(tmp_path / "m")]
    look = f"import app, sys; print(app.main({args!r}), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, env=environment())
    assert done.stdout == "2 False\n"


def test_help_lists_the_trainings_that_are_there() -> None:
    listed = re.findall(r"^    ([\w-]+)", scalequest("train", "--help").stdout, re.M)
    assert listed == ["qft", "qpo", "build-pairs", "rates", "confidence", "difficulty", "judge", "student", "nano"]


def test_the_nano_solver_begins_to_write_like_real_questions(nano: Path, data_dir: Path, tmp_path: Path) -> None:
    files = (data_dir / "gsm8k_train.jsonl", data_dir / "math_train.jsonl")
    line = ("--base", nano / "solver", "--template", "nano-generate", "--questions", *files, "--limit", "200")
    done = scalequest(
        "train",
        "qft",
        *line,
        "--workspace",
        tmp_path,
        "--name",
        "real",
        "--lr",
        "1e-3",
        "--batch",
        "8",
        "--samples",
        "8",
    )
    assert done.returncode == 0, done.stderr
    result = record.read(tmp_path / "models" / "real").result
    assert result["loss"] < 0.9 * result["first_loss"]
    figures = record.samples(tmp_path / "models" / "real")["statistics"]
    assert figures["after"]["distinct_words"] > figures["before"]["distinct_words"]
