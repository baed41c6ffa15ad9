"""The profile ``scalediff`` as a whole, its models replaced by tiny ones: a generator trained on difficult questions of
the workspace, difficulty by a first token, a solver that thinks, and neither a judge nor a reward model."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import torch
from tokenizers import AddedToken

import app
from engine.checks.request import check_of
from engine.config import prompts
from engine.config.profiles import PROFILES, load_profile
from engine.models.local.causal import encode
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Record
from tests.engine.models import tiny
from tests.store.rows import question, run, verdicts

pytest.importorskip("trl", reason="the extra train is not installed")
THINKING = "<think>\nThree and four.\n</think>\n\nThe answer is \\boxed{7}."


def asked(idx: int) -> str:
    return f"Tom has {idx} apples and buys {idx + 4} more. How many apples does he have?"


def thinking_tokenizer() -> Any:
    """The tags of thinking are single tokens that stay in the text, as in Qwen3 and DeepSeek-R1."""
    made = tiny.tokenizer()
    made.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in ("<think>", "</think>")])
    return made


def saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def solver(folder: Path) -> Path:
    """A tiny Qwen2 that has learned to think first and to answer 7."""
    tokenizer, template = thinking_tokenizer(), prompts.template("qwen-bare-solve")
    model = tiny.causal("qwen2", len(tokenizer)).train()
    rows = [encode(tokenizer, template.render(asked(idx)) + THINKING + template.end) for idx in range(0, 96, 8)]
    start = len(encode(tokenizer, template.render(asked(0))))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(160):
        ids = torch.tensor([rows[step % len(rows)]])
        labels = ids.clone()
        labels[:, :start] = -100
        model(input_ids=ids, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return saved(model.eval(), tokenizer, folder)


def profile(folder: Path, generator: Path, **solver_changes: Any) -> Path:
    """The bundled profile with tiny models in the transformers backend."""
    table = tomllib.loads((PROFILES / "scalediff.toml").read_text(encoding="utf-8"))
    tiny_models = {"generator": generator, "difficulty": folder / "difficulty", "solver": folder / "solver"}
    for name, model in tiny_models.items():
        role = table[name][0] if name == "generator" else table[name]
        backend = role["backend"].removeprefix("vllm-").replace("vllm", "transformers")
        role |= {"backend": backend, "model": str(model), "dtype": "float32", "device": "cpu", "slots": 16}
    table["solver"] |= solver_changes
    path = folder / "tiny-scalediff.toml"
    path.write_text(tomlkit.dumps(table), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with 96 questions, two thirds of them difficult, and beside it the models."""
    root = tmp_path_factory.mktemp("scalediff")
    with Workspace.open(root / "w") as made:
        made.create_run(run())
        rows: list[Record] = []
        for idx in range(96):
            rows.append(question(idx, text=asked(idx)))
            judged = verdicts(idx, until="difficulty")
            rows += [replace(v, score=0.2 if idx % 3 == 0 else 0.8) if v.stage == "difficulty" else v for v in judged]
        made.writer.put(rows)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    tokenizer = thinking_tokenizer()
    saved(tiny.causal("llama", len(tokenizer)), tokenizer, root / "base")
    saved(tiny.causal("qwen2", len(tokenizer)), tokenizer, root / "difficulty")
    solver(root / "solver")
    line = ["--base", root / "base", "--template", "qwen-bare-generate", "--filter", '{"difficulty": [0.5, 1.0]}']
    how = ["--schedule", "linear", "--lr", "5e-3", "--warmup", "0.1", "--epochs", "10", "--batch", "8"]
    more = ["--max-length", "64", "--samples", "0", "--device", "cpu"]
    command = ["train", "qft", *line, *how, *more, "--workspace", root / "w", "--name", "diffgen"]
    assert app.main(list(map(str, command))) == 0
    torch.set_num_threads(before)
    return root / "w"


def sampled(workspace: Path, name: str, questions: int, **solver_changes: Any) -> str:
    """Run the profile; the run's id."""
    path = profile(workspace.parent, workspace / "models" / "diffgen", **solver_changes)
    line = ["run", "--profile", path, "--questions", questions, "--workspace", workspace, "--name", name, "--seed", 3]
    assert app.main(list(map(str, line))) == 0
    with Workspace.open(workspace) as opened:
        return next(one.run_id for one in opened.runs() if one.name == name)


def rows(workspace: Path, query: str, run_id: str) -> list[Any]:
    with Workspace.open(workspace) as opened, opened.cursor() as cursor:
        return cursor.execute(query, [f"{run_id}-"]).fetchall()


def test_a_generator_of_difficult_questions_makes_pairs_with_reasoning_apart_and_without_rewards(
    workspace: Path, tmp_path: Path
) -> None:
    run_id = sampled(workspace, "whole", 40)
    pairs = rows(
        workspace,
        "SELECT query, response, answer, reward, agreement FROM pairs WHERE starts_with(question_id, ?)",
        run_id,
    )
    assert pairs
    assert all("apples" in query for query, *_ in pairs)
    assert ("The answer is \\boxed{7}.", "7", None, 1.0) in {pair[1:] for pair in pairs}
    assert {pair[3:] for pair in pairs} == {(None, 1.0)}
    assert not any("think>" in response for _, response, *_ in pairs)
    solved = rows(
        workspace, "SELECT reasoning, reasoning_tokens, tokens FROM solutions WHERE starts_with(question_id, ?)", run_id
    )
    apart = [found for found in solved if found[0] == "Three and four."]
    assert apart
    assert all(0 < thought < whole for _, thought, whole in apart)
    judged = rows(
        workspace, "SELECT stage, judge, kept, score, reason FROM verdicts WHERE starts_with(question_id, ?)", run_id
    )
    assert {row[1:] for row in judged if row[0] == "solvability"} == {("none", True, None, "no_judge")}
    assert {row[1:] for row in judged if row[0] == "pair"} == {("none", True, None, "no_reward")}
    assert {row[1] for row in judged if row[0] == "difficulty"} == {"adaptthink-7b"}
    assert all(0.0 <= row[3] <= 1.0 for row in judged if row[0] == "difficulty")
    assert not rows(workspace, "SELECT 1 FROM rewards WHERE starts_with(solution_id, ?)", run_id)
    chosen = json.dumps({"run": [run_id]})
    out = ["--reasoning", "inline", "--out", tmp_path / "out", "--filter", chosen]
    assert app.main(list(map(str, ["export", "--workspace", workspace, "--format", "messages", *out]))) == 0
    (file,) = (tmp_path / "out").rglob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(pairs)
    assert THINKING in [line["messages"][-1]["content"] for line in lines]


def test_solutions_that_never_end_their_thinking_are_dropped_as_cut_off(workspace: Path) -> None:
    run_id = sampled(workspace, "short", 6, max_tokens=4)
    query = "SELECT DISTINCT reason FROM verdicts WHERE starts_with(question_id, ?) AND stage = 'solution'"
    assert rows(workspace, query, run_id) == [("cut_off",)]
    assert app.main(["check", run_id, "--stage", "answers", "--workspace", str(workspace)]) == 0
    assert rows(workspace, query, run_id) == [("cut_off",)]  # a check judges by the run's own rules
    assert not rows(workspace, "SELECT 1 FROM pairs WHERE starts_with(question_id, ?)", run_id)


def test_the_bundled_profile_says_what_it_leaves_out() -> None:
    made = load_profile("scalediff")
    assert (made.judge, made.reward) == (None, None)
    assert (made.solver.n, made.solver.keep_cut, made.solver.max_repetition) == (1, False, 0.2)
    assert [role.role for role in made.roles] == ["generator", "difficulty", "solver"]
    for stage in ("solvability", "reward"):
        with pytest.raises(
            InputError, match=r"--profile 'scalediff' has no (judge|reward model), which this check needs"
        ):
            check_of(stage, profile="scalediff")
