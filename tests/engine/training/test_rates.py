"""``scalequest train rates``: what it measures is what ``train difficulty`` reads, and nothing is asked twice."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.data import training_rows
from engine.training import json_lines
from engine.training.curriculum import sample
from tests.engine.training.generators import jsonl, refusal, train
from tests.ui.cli.command import command, environment

pytestmark = pytest.mark.usefixtures("nano")


def problems(path: Path, n: int = 6) -> Path:
    """Problems of the nano curriculum, and one whose gold answer no answer can be compared with."""
    rng = random.Random(3)
    found = [sample(rng, split="test") for _ in range(n)]
    rows = [{"question": one.question, "answer": one.answer} for one in found]
    return jsonl(path, [*rows, {"question": found[0].question + " Why?", "answer": "because it is so"}, rows[0]])


def without_seconds(path: Path) -> list[dict[str, Any]]:
    return sorted(json_lines.read(path), key=lambda row: json.dumps(row, sort_keys=True))


def test_rates_are_measured_once_each_and_survive_a_kill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, whole, broken = problems(tmp_path / "p.jsonl"), tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    line = ("rates", "--profile", "nano", "--questions", file, "--workspace", tmp_path / "w", "--n")
    assert train(*line, 4, "--out", whole) == 0
    said = capsys.readouterr().out
    assert "could not be compared" in said
    rows = json_lines.read(whole)
    assert len(rows) == 7  # the one that occurs twice counts once
    assert all(row["n"] == 4 for row in rows)
    for row in rows[:-1]:
        decided = row["n"] - row["undecided"]
        assert row["fail_rate"] == pytest.approx((decided - row["correct"]) / decided, abs=1e-5)
    assert any(row["correct"] for row in rows)
    read, facts = training_rows.read_rates(str(whole))
    assert read == [(row["question"], row["fail_rate"]) for row in rows if row["fail_rate"] is not None]
    assert facts[0]["rate"] == "fail_rate"

    shell = command("train", *line, 4, "--out", broken, "--json")
    samples = tmp_path / "broken.jsonl.samples.jsonl"
    with subprocess.Popen(shell, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            if json.loads(text).get("done", 0) >= 3:
                break
        process.kill()
    assert len(json_lines.read(samples)) > 3
    assert train(*line, 4, "--out", broken) == 0
    assert without_seconds(broken) == without_seconds(whole)
    made = [(row["key"], row["sample"]) for row in json_lines.read(samples)[1:]]
    assert len(made) == len(set(made)) == 28
    assert "seed" in refusal(capsys, *line, 4, "--out", broken, "--seed", 9)


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = jsonl(tmp_path / "bare.jsonl", [{"question": "Why?"}])
    good = problems(tmp_path / "p.jsonl")
    line = ("rates", "--profile", "nano", "--out", tmp_path / "out" / "r.jsonl", "--questions")
    for expected, args in (
        ("no question with an answer", (bare,)),
        ("does not exist", (tmp_path / "nowhere.jsonl",)),
        ("--n 0 is below 1", (good, "--n", 0)),
        ("--questions", ("nano:x",)),
    ):
        assert expected in refusal(capsys, *line, *args), args
    assert not (tmp_path / "out").exists()
