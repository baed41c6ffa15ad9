"""The loop is closed: what reviewers decide makes a generator that writes more sound questions.

The reviewer is the curriculum's oracle. It reads the questions in order and decides 200: every unsound one, which it
repairs, or rejects where it cannot, and one sound question in twenty, which it accepts: people act on what is wrong.
(Of 200 questions decided one and all, forty are edits: too few to tell a rise from chance.)
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from engine.config.run_config import load_run_config
from engine.models.tokenizers import load_tokenizer
from engine.pipeline import run as jobs
from engine.training import record
from engine.training.curriculum import read
from engine.training.curriculum.rewrite import rewrite
from engine.training.nano import family, measure
from store.database.workspace import Workspace
from store.records import Decision
from tests.engine.training.generators import train

pytest.importorskip("trl", reason="the extra train is not installed")
DECISIONS, GENERATED, FRESH, FRESH_SEED = 200, 900, 3000, 90_210
GENERATOR = "assets/nano/qgen-a-qft"
HOW = ("--fork", "--norm-only", "--lr", "0.02", "--epochs", "6", "--batch", "16", "--warmup", "0.1")


def generate(workspace: Workspace, tmp_path: Path) -> None:
    """A run of the generator, judged; the band lets nothing through, for no solution is needed."""
    config = tmp_path / "config.toml"
    config.write_text(
        f'difficulty_band = [1.0, 1.0]\n[[generator]]\nname = "qft"\nbackend = "transformers"\nmodel = "{GENERATOR}"\n'
        'template = "nano-generate"\ntemperature = 1.0\nmax_tokens = 128\ndtype = "float32"\n'
    )
    run = load_run_config("nano", config, questions=GENERATED, seed=5)
    assert jobs.start(workspace, run, run_id="r1").status == "done"


def review(workspace: Workspace) -> dict[str, int]:
    """Decide as said above; gives how often each action was taken."""
    with workspace.cursor() as cursor:
        rows = cursor.execute("SELECT question_id, query FROM items ORDER BY question_id").fetchall()
    rng, done = random.Random(0), dict.fromkeys(("accept", "edit", "reject"), 0)
    for number, (key, question) in enumerate(rows):
        sound = read(question).status == "ok"
        if sound and number % 20:
            continue
        repaired = rewrite(question, "solvable", rng)
        action = "accept" if sound else "edit" if repaired else "reject"
        payload = {"query": repaired} if action == "edit" else {}
        workspace.writer.put([Decision(f"e{number}", key, "oracle", action, payload)])  # type: ignore[arg-type]
        done[action] += 1
        if sum(done.values()) == DECISIONS:
            break
    return done


def valid(model: Path | str) -> list[bool]:
    """Which of the questions on fresh seeds are sound."""
    lm = family.load(Path(model))
    found = measure.sample_questions(lm, load_tokenizer(model), FRESH, FRESH_SEED)
    return [reading.status == "ok" for reading in measure.readings(found)]


def interval(before: list[bool], after: list[bool]) -> tuple[float, float]:
    """95 % interval of the difference of two shares on the same seeds."""
    gaps = [int(b) - int(a) for a, b in zip(before, after, strict=True)]
    mean = sum(gaps) / len(gaps)
    half = 1.96 * math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1) / len(gaps))
    return mean - half, mean + half


def test_two_hundred_decisions_make_the_generator_write_more_valid_questions(nano: Path, tmp_path: Path) -> None:
    where = tmp_path / "w"
    with Workspace.open(where) as workspace:
        generate(workspace, tmp_path)
        done = review(workspace)
    assert sum(done.values()) == DECISIONS
    assert train("build-pairs", "--from-reviews", "--workspace", where) == 0
    line = ("--base", GENERATOR, "--template", "nano-generate", "--workspace", where, "--name", "better")
    assert train("qpo", *line, *HOW, "--samples", "0", "--device", "cpu") == 0
    better = record.read(where / "models" / "better")
    assert better.data["used"] >= done["edit"]
    before, after = valid(nano / "qgen-a-qft"), valid(better.folder)
    low, high = interval(before, after)
    print(f"{done}; valid {sum(before) / FRESH:.3f} -> {sum(after) / FRESH:.3f}, difference {low:.3f} to {high:.3f}")
    assert low > 0
