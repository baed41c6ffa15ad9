"""``scalequest train qft --filter``: questions of the workspace, alone or with files; a resume takes the same ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.training import json_lines, record
from store.database.workspace import Workspace
from store.records import Record, Verdict
from tests.engine.training.generators import llama, questions, refusal, train
from tests.store.rows import decide, question, run, verdicts

pytest.importorskip("trl", reason="the extra train is not installed")
FAST = ("--lr", "3e-3", "--batch", "4", "--max-length", "64", "--samples", "0", "--device", "cpu")
HARD = '{"difficulty": [0.5, 1.0]}'
BARE = ("--template", "qwen-bare-generate", "--schedule", "linear", "--warmup", "0.1")


def rated(idx: int, fail_rate: float, drop: str | None = None) -> list[Record]:
    """A question with this difficulty, without solutions."""
    made: list[Verdict] = [
        replace(one, score=fail_rate) if one.stage == "difficulty" else one
        for one in verdicts(idx, until="difficulty", drop=drop, reason="too_hard" if drop else None)
    ]
    return [question(idx), *made]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return llama(tmp_path / "llama")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Twelve questions, every other one difficult; of the difficult ones 1 is rejected, 3 edited and 5 dropped."""
    with Workspace.open(tmp_path / "w") as made:
        made.create_run(run())
        for idx in range(12):
            made.writer.put(rated(idx, 0.9 if idx % 2 else 0.1, drop="difficulty" if idx == 5 else None))
        made.writer.put([decide("e1", 1, "reject"), decide("e2", 3, "edit", query="What is 3 + 3 in all?")])
    return tmp_path / "w"


def learned(folder: Path) -> list[str]:
    return [row["question"] for row in json_lines.read(folder / "questions.jsonl")]


def test_the_filter_chooses_questions_as_edited_without_rejected_and_dropped_ones(base: Path, workspace: Path) -> None:
    line = ("--base", base, "--workspace", workspace, "--name", "hard", "--filter", HARD)
    assert train("qft", *line, *BARE, *FAST) == 0
    made = record.read(workspace / "models" / "hard")
    expected = ["What is 3 + 3 in all?", "What is 7 + 7?", "What is 9 + 9?", "What is 11 + 11?"]
    assert learned(made.folder) == expected
    assert (made.status, made.template, made.settings["schedule"]) == ("done", "qwen-bare-generate", "linear")
    assert made.data["filter"] == {"difficulty": [0.5, 1.0]}
    assert made.data["files"] == [{"file": str(workspace), "field": "query", "rows": 4, "used": 4}]
    assert (made.folder / "config.json").is_file()


def test_the_linear_schedule_falls_to_zero_in_equal_steps(base: Path, tmp_path: Path) -> None:
    line = ("--base", base, "--questions", questions(tmp_path / "q.jsonl", 160), "--out", tmp_path / "out")
    assert train("qft", *line, *FAST, "--schedule", "linear", "--warmup", "0", "--epochs", "1") == 0
    curve = record.curve(tmp_path / "out", "qft")
    first, last = curve[0], curve[-1]
    total = first["total"]
    assert total > 4
    assert first["lr"] == pytest.approx(3e-3)
    assert last["lr"] == pytest.approx(3e-3 / total)  # the last step's rate is one step above zero


def test_files_and_the_workspace_are_learned_together_and_drawn_by_the_seed(
    base: Path, workspace: Path, tmp_path: Path
) -> None:
    file = questions(tmp_path / "q.jsonl", 20)
    line = ("--base", base, "--workspace", workspace, "--questions", file, "--filter", HARD, *FAST)
    assert train("qft", *line, "--name", "both") == 0
    both = record.read(workspace / "models" / "both")
    assert len(learned(both.folder)) == both.data["used"] == 24
    assert [fact["used"] for fact in both.data["files"]] == [20, 4]
    assert train("qft", *line, "--name", "some", "--limit", "6") == 0
    assert len(learned(workspace / "models" / "some")) == 6


def test_a_resume_takes_the_rows_it_began_with_although_the_workspace_has_changed(
    base: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ("--base", base, "--workspace", workspace, "--name", "hard", "--filter", HARD, *FAST)
    assert train("qft", *line) == 0
    folder = workspace / "models" / "hard"
    before = learned(folder)
    record.update(record.read(folder), status="interrupted")
    (folder / "config.json").unlink()
    with Workspace.open(workspace) as changed:
        changed.writer.put([decide("e3", 7, "reject")])
    where = ("--resume", "--workspace", workspace, "--name", "hard")
    other = refusal(capsys, "qft", *where, "--filter", '{"difficulty": [0.7, 1.0]}')
    assert "--filter" in other
    assert "conflicts" in other
    assert train("qft", *where) == 0
    assert (record.read(folder).status, learned(folder)) == ("done", before)
    # without its copy it sees other questions, and says so
    record.update(record.read(folder), status="interrupted")
    (folder / "questions.jsonl").unlink()
    assert "its data has changed" in refusal(capsys, "qft", *where)


def test_bad_filters_are_one_sentence(base: Path, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("--base", base, "--workspace", workspace, "--name", "no", *FAST)
    assert "or questions of the workspace by --filter" in refusal(capsys, "qft", *line)
    assert "filter.difficulty" in refusal(capsys, "qft", *line, "--filter", '{"difficulty": 3}')
    nothing = refusal(capsys, "qft", *line, "--filter", '{"topic": ["Botany"]}')
    assert "has no question that matches the filter" in nothing
    assert "--schedule" in refusal(capsys, "qft", *line, "--filter", HARD, "--schedule", "steep")
    assert not (workspace / "models" / "no").exists()
