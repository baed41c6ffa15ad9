"""``scalequest train qpo``: a tiny Llama learns to prefer one side of pairs; the prompt bears no loss."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.config.prompts import template
from engine.training import base, json_lines, qpo, record
from store.database.workspace import Workspace
from store.records import Preference
from tests.engine.training.generators import jsonl, llama, questions, refusal, train

FAST = ("--lr", "3e-3", "--batch", "4", "--epochs", "3", "--warmup", "1", "--samples", "3", "--device", "cpu")
PAIRS = [(f"Tom buys {i} apples. How many has he?", f"He {i} apples and and.") for i in range(32)]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama(tmp_path_factory.mktemp("start") / "llama")


@pytest.mark.parametrize("lora", [(), ("--lora", "--lora-rank", "4")], ids=["full", "lora"])
def test_pairs_are_ranked_right_in_the_end(lora: tuple[str, ...], start: Path, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "p.jsonl", [{"chosen": c, "rejected": r} for c, r in PAIRS])
    out = tmp_path / "mine"
    assert train("qpo", "--base", start, "--pairs", file, "--out", out, *FAST, *lora) == 0
    curve = record.curve(out, "qpo")
    # The reference is the model itself, so the first margin is nothing and the first loss ln 2.
    assert curve[0]["loss"] == pytest.approx(math.log(2), abs=1e-3)
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert curve[-1]["ranked_right"] > 0.9
    assert curve[-1]["margin"] > 0
    assert record.read(out).result["ranked_right"] == curve[-1]["ranked_right"]
    before, after = load_file(start / "model.safetensors"), load_file(out / "model.safetensors")
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert len(record.samples(out)["after"]) == 3


def test_the_prompt_is_the_template_alone_and_the_end_token_closes_both_sides(start: Path) -> None:
    tokenizer = base.load_tokenizer(str(start), None)
    columns = qpo.encoded(tokenizer, template("qwen-generate"), PAIRS[:2])
    assert tokenizer.decode(columns["prompt_ids"][0]) == template("qwen-generate").text
    for side, number in (("chosen_ids", 0), ("rejected_ids", 1)):
        assert tokenizer.decode(columns[side][1]) == PAIRS[1][number] + "<|im_end|>"


def test_with_fork_each_side_is_the_token_at_which_a_pair_parts(start: Path) -> None:
    tokenizer = base.load_tokenizer(str(start), None)
    whole = qpo.encoded(tokenizer, template("qwen-generate"), PAIRS[:2])
    forked = qpo.encoded(tokenizer, template("qwen-generate"), [*PAIRS[:2], ("Tom buys 1.", "Tom buys 2.")], fork=True)
    for row in range(2):
        assert forked["prompt_ids"][row] == whole["prompt_ids"][row]  # they part at once
        assert forked["chosen_ids"][row] == whole["chosen_ids"][row][:1] != forked["rejected_ids"][row]
    assert tokenizer.decode(forked["prompt_ids"][2]).startswith(template("qwen-generate").text + "Tom buys")
    assert [len(forked[name][2]) for name in ("chosen_ids", "rejected_ids")] == [1, 1]


def test_with_norm_only_the_last_norm_alone_is_trained(start: Path, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "p.jsonl", [{"chosen": c, "rejected": r} for c, r in PAIRS[:8]])
    line = ("--base", start, "--pairs", file, "--out", tmp_path / "mine", *FAST, "--norm-only", "--fork")
    assert train("qpo", *line, "--samples", "0") == 0
    before, after = load_file(start / "model.safetensors"), load_file(tmp_path / "mine" / "model.safetensors")
    assert [name for name in before if not torch.equal(before[name], after[name])] == ["model.norm.weight"]


def test_a_question_finetuned_model_goes_on_by_name_with_the_workspaces_own_pairs(start: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    first = ("--base", start, "--questions", questions(tmp_path / "q.jsonl", 16), "--limit", "8", "--name", "first")
    assert train("qft", *first, "--workspace", workspace, "--epochs", "1", "--samples", "0", "--device", "cpu") == 0
    with Workspace.open(workspace) as ws:
        ws.writer.put([Preference(f"first-{i:08d}", c, r, "solvable", "oracle") for i, (c, r) in enumerate(PAIRS)])
        ws.writer.put([Preference("other-00000000", "What is 1?", "What?", "solvable", "oracle")])
    second = ("--base", "first", "--name", "second", "--workspace", workspace, "--limit", "8", "--samples", "0")
    assert train("qpo", *second, "--batch", "4", "--device", "cpu") == 0
    done = record.read(workspace / "models" / "second")
    assert (done.status, done.template, done.data["used"]) == ("done", "qwen-generate", 8)
    assert (done.data["files"][0]["rows"], done.data["files"][0]["used"]) == (33, 32)  # another generator's is left out
    assert done.base == str(workspace / "models" / "first")
    assert (
        len(json_lines.read(done.folder / "pairs.jsonl")) == 8
    )  # whatever the workspace has later, it began with these
    assert {training.name for training in record.trainings(workspace / "models")} == {"first", "second"}


def test_bad_input_is_one_sentence(start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = jsonl(tmp_path / "same.jsonl", [{"chosen": "a", "rejected": "a"}])
    half = jsonl(tmp_path / "half.jsonl", [{"chosen": "a"}])
    Workspace.open(tmp_path / "w").close()
    out = ("--base", start, "--out", tmp_path / "out")
    for expected, args in (
        ("holds no pair", ("--pairs", same)),
        ("is not a field of", ("--pairs", half)),
        ("does not exist", ("--pairs", tmp_path / "none.jsonl")),
        ("build-pairs", ("--workspace", tmp_path / "w")),
        ("is not a workspace", ("--workspace", tmp_path / "nowhere")),
        ("--beta", ("--pairs", same, "--beta", "0")),
        ("--norm-only", ("--pairs", same, "--norm-only", "--lora")),
    ):
        assert expected in refusal(capsys, "qpo", *out, *args), args
    assert not (tmp_path / "out").exists()
