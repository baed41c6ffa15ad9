"""``scalequest train student``: pairs in, held-out answers before and after out; nothing held out is trained on."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.config.prompts import template
from engine.training import accuracy, base, held_out, json_lines, record
from store.database.workspace import Workspace
from tests.engine.training.generators import jsonl, refusal, train
from tests.store.rows import decide, run, whole
from tests.ui.cli.command import command, environment

pytest.importorskip("trl", reason="the extra train is not installed")
pytestmark = pytest.mark.usefixtures("nano")
CPU = ("--device", "cpu")
FAST = (
    "--base",
    "nano",
    "--lr",
    "3e-3",
    "--batch",
    "8",
    "--max-length",
    "96",
    "--answer-tokens",
    "32",
    "--device",
    "cpu",
)
SEVEN = "The answer is \\boxed{7}."
HELD = [{"problem": f"Tom has {i} apples. How many?", "answer": "7.0", "level": f"Level {1 + i % 2}"} for i in range(8)]


def pairs(n: int = 40, response: str = SEVEN) -> list[dict[str, str]]:
    """Every question has one answer; two are held-out ones in other spelling."""
    rows = [{"query": f"Ada buys {i} pens for {i + 2} cents. What is it?", "response": response} for i in range(n)]
    return [*rows, {"query": " tom has 3 apples.  How many? ", "response": response},
            {"query": "Tom has 5 apples. How many?", "response": response}]  # fmt: skip


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return jsonl(tmp_path_factory.mktemp("held") / "math.jsonl", HELD)


@pytest.fixture(scope="module")
def trained(held: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two students of the same pairs, ``good``."""
    workspace = tmp_path_factory.mktemp("w")
    data = jsonl(workspace / "pairs.jsonl", pairs())
    line = ("--data", data, "--held-out", held, "--workspace", workspace, "--name", "good", "--seeds", 2)
    assert train("student", *line, *FAST, "--size", 32, "--epochs", 3) == 0
    return workspace


def test_a_student_learns_what_the_pairs_answer(trained: Path) -> None:
    done = record.read(trained / "models" / "good")
    assert (done.kind, done.status, done.template) == ("student", "done", "nano-solve")
    assert done.result["before"] < 0.5
    assert done.result["after"] == 1.0  # 7 is 7.0
    assert done.result["after_by_seed"] == {"0": 1.0, "1": 1.0}
    assert done.result["after_by_level"] == {"1": 1.0, "2": 1.0}
    low, high = done.result["gained"]["ci95"]
    assert 0 < low <= done.result["gained"]["difference"] <= high
    assert done.result["loss"] < done.result["first_loss"]


def test_held_out_questions_are_not_trained_on_and_counted(trained: Path) -> None:
    data = record.read(trained / "models" / "good").data
    assert (data["held_duplicates"], data["used"], data["held_out"]["used"]) == (2, 40, 8)


def test_the_folder_is_the_first_students_model_and_all_seeds_are_on_its_curve(trained: Path) -> None:
    folder = trained / "models" / "good"
    assert (folder / "config.json").is_file()
    assert not list(folder.glob("seed-*")) + record.checkpoints(folder)
    curve = record.curve(folder, "student")
    assert [event["done"] for event in curve] == sorted({event["done"] for event in curve})
    assert curve[-1]["done"] == curve[-1]["total"] == 2 * 3 * 32 // 8
    kept = record.samples(folder)
    assert len(kept["before"]) == len(kept["after"]) == 8
    assert kept["statistics"]["before"]["accuracy"] < kept["statistics"]["after"]["accuracy"] == 1.0
    assert SEVEN in kept["after"][0]["text"]


def test_two_students_are_compared_on_the_same_questions(
    trained: Path, held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = jsonl(tmp_path / "bad.jsonl", pairs(response="The answer is \\boxed{5}."))
    line = ("--data", data, "--workspace", trained, *FAST, "--epochs", 3, "--against", "good")
    assert train("student", *line, "--held-out", held, "--name", "bad") == 0
    against = record.read(trained / "models" / "bad").result["against"]
    assert against == {"name": "good", "difference": -1.0, "ci95": [-1.0, -1.0]}
    other = jsonl(tmp_path / "other.jsonl", HELD[:4])
    assert "other questions" in refusal(capsys, "student", *line, "--held-out", other, "--name", "no")


def test_the_workspaces_pairs_are_those_of_the_filter_as_reviewed(held: Path, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(run())
        for idx in range(12):
            workspace.writer.put(whole(idx))
        workspace.writer.put([decide("e1", 2, "reject"), decide("e2", 3, "edit", query="What is 3 + 3 in all?")])
    asked = tmp_path / "filter.json"
    asked.write_text('{"reward": [-1, 0]}')
    line = ("--workspace", tmp_path / "w", "--filter", f"@{asked}", "--held-out", held, *FAST, "--epochs", 1)
    assert train("student", *line, "--name", "mine", "--samples", 0) == 0
    made = record.read(tmp_path / "w" / "models" / "mine")
    assert made.data["filter"] == {"reward": [-1.0, 0.0]}
    kept = [row["query"] for row in json_lines.read(made.folder / "pairs.jsonl")]
    assert len(kept) == 11
    assert "What is 2 + 2?" not in kept
    assert "What is 3 + 3 in all?" in kept


def started(held: Path, out: Path, data: Path) -> subprocess.Popen[str]:
    line = command("train", "student", "--data", data, "--held-out", held, "--out", out, "--json", *FAST)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    more = ("--seeds", "2", "--size", "32", "--epochs", "3", "--checkpoint-minutes", "0")
    return subprocess.Popen([*line, *more], env=environment(), **pipes)


@pytest.mark.parametrize(("how", "step"), [("kill", 4), ("interrupt", 15)], ids=["killed", "in the second student"])
def test_a_stopped_student_goes_on_to_the_very_figures_of_one_that_was_not(
    how: str, step: int, trained: Path, held: Path, tmp_path: Path
) -> None:
    data = jsonl(tmp_path / "pairs.jsonl", pairs())
    with started(held, tmp_path / "broken", data) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event.get("stage") == "student" and event.get("done", 0) >= step:
                break
        process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
        process.communicate()  # what it still says is read, or the pipe would break
    assert record.read(tmp_path / "broken").status == "interrupted"
    assert train("student", "--resume", "--out", tmp_path / "broken") == 0
    whole, broken = trained / "models" / "good", tmp_path / "broken"
    assert record.samples(broken)["held_out"] == record.samples(whole)["held_out"]
    first, second = (load_file(folder / "model.safetensors") for folder in (whole, broken))
    assert all(torch.allclose(first[name], second[name], atol=1e-4) for name in first)
    assert record.curve(broken, "student")[-1]["done"] == 24


def test_the_loss_covers_the_response_and_its_end_alone() -> None:
    from engine.training import student

    tokenizer = base.load_tokenizer("assets/nano/base", None)
    columns = student.encoded(tokenizer, template("nano-solve"), [("What is 3 + 4?", SEVEN)])
    ids, labels = columns["input_ids"][0], columns["labels"][0]
    assert tokenizer.decode(ids) == template("nano-solve").render("What is 3 + 4?") + SEVEN + "<|im_end|>"
    assert tokenizer.decode([token for token in labels if token != -100]) == SEVEN + "<|im_end|>"


def test_held_out_files_are_read_as_gsm8k_and_math_write_them(data_dir: Path, tmp_path: Path) -> None:
    for name, rows, level in (("gsm8k_test", 1319, ""), ("math500", 500, "2")):
        found, fact = held_out.read(str(data_dir / f"{name}.jsonl"))
        assert (len(found), fact["rows"]) == (rows, rows)
        assert any(one.level == level for one in found)
    gsm8k, _ = held_out.read(str(data_dir / "gsm8k_test.jsonl"), 3)
    assert all(one.answer.replace(",", "").isdigit() for one in gsm8k)
    stated = jsonl(tmp_path / "s.jsonl", [{"query": "a?", "response": SEVEN}, {"query": "b?", "response": "none"}])
    assert [one.answer for one in held_out.read(str(stated))[0]] == ["7"]


def test_fresh_problems_of_the_curriculum_are_the_seeds() -> None:
    first, again, other = (held_out.read(source, 20)[1]["fingerprint"] for source in ("nano", "nano:1", "nano:2"))
    assert first == again != other
    assert {one.level for one in held_out.read("nano", 60)[0]} == {"1", "2", "3", "4", "5"}


def test_intervals_hold_what_varies_by_question_and_by_training() -> None:
    always, half = [[True] * 40], [[i % 2 == 0 for i in range(40)]]
    assert accuracy.share(half) == 0.5
    assert accuracy.interval(half) == [0.352, 0.648]  # Wilson's
    gap = accuracy.difference(always, half)
    assert gap["difference"] == 0.5
    assert 0.3 < gap["ci95"][0] < 0.5 < gap["ci95"][1] < 0.7
    same = accuracy.difference(half, half)
    assert same == {"difference": 0.0, "ci95": [0.0, 0.0]}  # the same questions are drawn for both
    unlike = accuracy.interval([[True] * 40, [False] * 40])
    assert unlike == [0.0, 1.0]
    assert accuracy.by_level(half, ["1", "2"] * 20) == {"1": 1.0, "2": 0.0}


def test_bad_input_is_one_sentence(held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, empty = jsonl(tmp_path / "p.jsonl", pairs(4)), jsonl(tmp_path / "e.jsonl", [{"query": "What?"}])
    Workspace.open(tmp_path / "w").close()
    out = ("--out", tmp_path / "out", "--base", "nano")
    both = ("--data", data, "--held-out", held)
    for expected, args in (
        ("--held-out '' is missing", ("--data", data)),
        ("--held-out", ("--data", data, "--held-out", tmp_path / "none.jsonl")),
        ("no question with an answer", ("--data", data, "--held-out", empty)),
        ("not a whole number", ("--data", data, "--held-out", "nano:x")),
        ("no question with a response", ("--data", empty, "--held-out", held)),
        ("more than the 4 pairs", (*both, "--size", 5)),
        ("--seeds", (*both, "--seeds", 0)),
        ("--held-out-limit", (*both, "--held-out-limit", -1)),
        ("--filter", (*both, "--filter", "{}")),
        ("filter.reward", ("--held-out", held, "--filter", '{"reward": 3}')),
        ("--filter", ("--held-out", held, "--filter", f"@{tmp_path / 'none.json'}")),
        ("has no pair that matches the filter", ("--held-out", held, "--workspace", tmp_path / "w")),
        ("is not a template of a solver", (*both, "--template", "nano-generate")),
        ("--against 'nobody'", (*both, "--against", "nobody", "--workspace", tmp_path / "w")),
    ):
        assert expected in refusal(capsys, "student", *out, *args), args
    assert not (tmp_path / "out").exists()
