"""``scalequest run`` with the bundled models: its events, its report, Ctrl-C and a disk that fills up on the way."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from store.database import run_queries
from store.database.workspace import Workspace
from tests.ui.cli.command import scalequest, started

pytestmark = pytest.mark.usefixtures("nano")


def events(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_a_run_tells_its_events_as_one_object_a_line(tmp_path: Path) -> None:
    done = scalequest("run", "--workspace", tmp_path / "w", "--questions", 8, "--seed", 3, "--json")
    assert done.returncode == 0, done.stderr
    told = events(done.stdout)
    assert told[0]["event"] == "start"
    assert told[-1]["event"] == "end"
    assert {e["event"] for e in told[1:-1]} <= {"progress", "error"}
    assert told[-1]["done"] == told[-1]["total"] == 8
    assert next(row["stage"] for row in told[-1]["funnel"]) == "generated"
    with Workspace.open(tmp_path / "w", create=False) as ws:
        run = ws.runs()[0]
        assert (run.status, run.run_id) == ("done", told[0]["run_id"])
        assert next(row.kept for row in run_queries.funnel(ws.cursor(), run.run_id)) == 8


def test_a_run_ends_with_its_funnel_and_what_it_cost(tmp_path: Path) -> None:
    done = scalequest("run", "--workspace", tmp_path / "w", "--questions", 6, "--name", "short")
    assert done.returncode == 0, done.stderr
    for expected in ("generated", "solvability", "pair", "tokens"):
        assert expected in done.stdout


def test_ctrl_c_drains_says_how_to_resume_and_a_resume_finishes(tmp_path: Path) -> None:
    with started("run", "--workspace", tmp_path / "w", "--questions", 60, "--json") as process:
        first = json.loads(process.stdout.readline())
        process.stdout.readline()  # the first progress: questions are in flight
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert re.search(rf"--resume {first['run_id']}\b", said)
    assert "Traceback" not in said
    resumed = scalequest("run", "--workspace", tmp_path / "w", "--resume", first["run_id"], "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert events(resumed.stdout)[-1]["done"] == 60


def test_a_disk_that_fills_during_a_run_is_said_in_one_sentence_and_keeps_what_was_stored(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    Workspace.open(workspace).close()
    room = 96 * 1024 + sum(path.stat().st_size for path in workspace.iterdir() if path.is_file())
    full = scalequest("run", "--workspace", workspace, "--questions", 400, room=room)
    assert full.returncode == 2, full.stdout + full.stderr
    assert "Traceback" not in full.stderr
    assert str(workspace) in full.stderr.splitlines()[-1]
    assert scalequest("doctor", "--workspace", workspace).returncode == 0


def test_a_plan_of_the_papers_run_needs_no_model_and_gives_the_papers_counts(tmp_path: Path) -> None:
    asked = ("run", "--profile", "paper", "--questions", 2_000_000, "--workspace", tmp_path / "w", "--plan")
    stages = json.loads(scalequest(*asked, "--json").stdout)
    found = [(one["stage"], one["by"], one["entered"], one["kept"]) for one in stages]
    assert found == [
        ("generated", "qwen2-math-7b-qgen", 1_000_000, 1_000_000),
        ("generated", "deepseekmath-7b-qgen", 1_000_000, 1_000_000),
        ("language", "rules", 2_000_000, 1_598_000),
        ("duplicate", "rules", 1_598_000, 1_598_000),
        ("contamination", "rules", 1_598_000, 1_598_000),
        ("solvability", "Qwen2-Math-7B-Instruct", 1_598_000, 1_210_000),
        ("difficulty", "level-based", 1_210_000, 1_026_000),
        ("solution", "Qwen2-Math-7B-Instruct", 1_026_000, 1_026_000),
        ("pair", "internlm2-7b-reward", 1_026_000, 1_026_000),
    ]  # the paper's 1.03M pairs of 2M questions
    assert stages[-2]["calls"] == 5 * 1_026_000
    printed = scalequest(*asked).stdout
    assert "dyyyyyyyy/ScaleQuest-DeepSeekMath-7B-QGen" in printed
    assert "deepseek-generate, T 1, top-p 0.99, 512 tokens, band 0.49 to 1" in printed
    assert not (tmp_path / "w").exists()


def test_a_plan_says_which_models_would_be_on_which_gpus_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    asked = ("run", "--profile", "paper", "--questions", 1000, "--workspace", tmp_path / "w", "--plan")
    for cards, said in ((8, "\nCards 1 to 4: Qwen2-Math-7B-Instruct (1,024 slots, "), (1, "They take turns: ")):
        rows = "\n".join(["echo NVIDIA A100-SXM4-80GB, 81920"] * cards)
        listing.write_text(f"#!/bin/sh\n{rows}\n", encoding="utf-8")
        listing.chmod(0o755)
        assert said in scalequest(*asked).stdout.partition("On the GPUs of this machine:")[2]


def test_a_plan_for_pairs_starts_as_many_questions_as_they_need(tmp_path: Path) -> None:
    planned = scalequest("run", "--profile", "paper", "--accepted", 1000, "--workspace", tmp_path, "--plan", "--json")
    stages = json.loads(planned.stdout)
    assert abs(stages[-1]["kept"] - 1000) <= 1
    assert stages[2]["entered"] == 1949
    usual = scalequest("run", "--profile", "paper", "--workspace", tmp_path, "--plan", "--json")
    assert json.loads(usual.stdout)[-1]["kept"] == 1_000_000
    refused = scalequest("run", "--resume", "r1", "--workspace", tmp_path, "--plan")
    assert refused.returncode == 2
    assert "--plan" in refused.stderr
