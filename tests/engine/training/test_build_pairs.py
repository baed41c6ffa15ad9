"""``scalequest train build-pairs``: samples rewritten by the oracle or by a server, and reviewers' pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.pipeline import run
from engine.training import build_pairs, json_lines
from store.database.workspace import Workspace
from store.records import question_id
from tests.engine.pipeline import run as pipeline_run
from tests.engine.training.generators import refusal, train
from tests.engine.training.rewriting import WRONG, RewritingServer
from tests.store.rows import decide

GENERATOR = ("--generator", "assets/nano/qgen-a-qft", "--template", "nano-generate", "--max-tokens", "96")


def pairs(workspace: Path) -> list[dict[str, Any]]:
    with Workspace.open(workspace, create=False) as ws, ws.cursor() as cursor:
        found = cursor.execute("SELECT * FROM preferences ORDER BY pair_id")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def tried(workspace: Path, name: str) -> list[dict[str, Any]]:
    return json_lines.read(workspace / "logs" / f"pairs-{name}.jsonl")


@pytest.mark.usefixtures("nano")
def test_the_oracle_rewrites_samples_once_each_and_goes_on_where_it_was(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    line = ("build-pairs", *GENERATOR, "--rewriter", "nano", "--workspace", workspace, "--name", "a", "--seed", 3)
    assert train(*line, "--n", 30) == 0
    first = pairs(workspace)
    assert train(*line, "--n", 60) == 0
    both = pairs(workspace)
    assert both[: len(first)] == first
    assert len(both) > len(first) > 0
    assert {pair["source"] for pair in both} == {"oracle"}
    assert all(pair["chosen"] != pair["rejected"] for pair in both)
    for pair in both:
        assert pair["direction"] == build_pairs.direction_of(3, int(pair["pair_id"].rpartition("-")[2]))
    told = tried(workspace, "a")
    assert sorted(row["idx"] for row in told) == list(range(60))  # none twice
    assert sum(row["reason"] is None for row in told) == len(both)


@pytest.mark.usefixtures("nano")
def test_a_helper_model_rewrites_and_what_it_does_wrong_is_kept_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "w"
    with RewritingServer() as server:
        helper = tmp_path / "helper.toml"
        helper.write_text(
            '[rewriter]\nbackend = "openai"\nmodel = "helper"\nserver = "other"\nformat = "qwen"\n'
            f'urls = ["{server.url}"]\n'
        )
        line = ("build-pairs", *GENERATOR, "--rewriter", helper, "--workspace", workspace, "--n", 24, "--json")
        assert train(*line) == 0
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    asked = [row for row in tried(workspace, "qgen-a-qft") if not str(row["reason"]).startswith("sample")]
    assert server.harder + server.sounder == len(asked)
    assert server.harder > 0 < server.sounder
    wrong = [row for row in asked if row["reason"]]
    assert sorted(row["reason"] for row in wrong) == sorted(WRONG)
    assert all(row["raw"] for row in wrong)
    made = pairs(workspace)
    assert len(made) == len(asked) - len(WRONG) == sum(end["pairs"].values())
    assert all(pair["chosen"] == pair["rejected"] + " Then double the result." for pair in made)
    assert {pair["source"] for pair in made} == {"rewriter"}
    assert end["rejected"].items() >= dict.fromkeys(WRONG, 1).items()


@pytest.mark.usefixtures("nano")
def test_a_hosted_rewriter_is_paid_once_for_each_sample_and_stops_at_a_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, helper = tmp_path / "w", tmp_path / "helper.toml"
    with RewritingServer() as server:
        helper.write_text(
            '[rewriter]\nbackend = "openai-chat"\nmodel = "helper"\nserver = "other"\nslots = 2\n'
            f'urls = ["{server.url}"]\nprice_in = 1000.0\nprice_out = 2000.0\n'
        )  # a rewrite costs 0.2
        line = ("build-pairs", *GENERATOR, "--rewriter", helper, "--workspace", workspace, "--n", 16, "--json")
        assert train(*line, "--max-cost", "1") == 130
        said = capsys.readouterr()
        assert json.loads(said.out.splitlines()[-1])["cost_usd"] == pytest.approx(1.0)
        assert "The rewriter stopped at --max-cost 1: it has cost $1.0000; the same command with" in said.err
        assert server.harder + server.sounder == 5
        assert train(*line) == 0
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    asked = [row for row in tried(workspace, "qgen-a-qft") if not str(row["reason"]).startswith("sample")]
    assert server.harder + server.sounder == len(asked)
    assert end["cost_usd"] == pytest.approx(0.2 * len(asked))
    assert refusal(capsys, "build-pairs", *GENERATOR, "--rewriter", "nano", "--workspace", workspace,
                   "--name", "free", "--max-cost", "1").startswith("--max-cost 1.0 has no effect")  # fmt: skip


def test_reviewers_edits_and_verdicts_make_pairs_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = tmp_path / "w"
    with Workspace.open(workspace) as ws:
        run.start(ws, pipeline_run.config(questions=12), models=pipeline_run.models(), run_id="r1")
        ws.writer.put(
            [
                decide("e1", 0, "edit", query="What is 2 + 2, in all?"),
                decide("e2", 1, "accept"),
                decide("e3", 2, "reject"),
                decide("e4", 3, "reject"),
            ]
        )
    assert train("build-pairs", "--from-reviews", "--workspace", workspace) == 0
    made = {pair["pair_id"]: pair for pair in pairs(workspace)}
    edit = made[f"edit:{question_id('r1', 0)}"]
    assert edit["chosen"] == "What is 2 + 2, in all?"
    assert edit["rejected"] != edit["chosen"]
    assert {pair["source"] for pair in made.values()} == {"reviewer"}
    assert train("build-pairs", "--from-reviews", "--workspace", workspace) == 0
    assert "0 new" in capsys.readouterr().out
    assert len(pairs(workspace)) == len(made)


def test_what_a_rewrite_may_not_be() -> None:
    original = "Tom has 3 apples. How many has he?"
    assert build_pairs.fault(original, "Tom has 3 apples and buys 4. How many has he?") is None
    assert build_pairs.fault(original, None) == "no rewrite"
    assert build_pairs.fault(original, " tom has 3 apples.  How many has he?") == "unchanged"
    assert build_pairs.fault(original, original + " Solution: he has \\boxed{3}.") == "a solution"


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--workspace", tmp_path / "w")
    odd = tmp_path / "odd.toml"
    odd.write_text('[rewriter]\nbackend = "transformers"\nmodel = "m"\nformat = "gwen"\n')
    for expected, args in (
        ("--generator", ("--rewriter", "nano", *where)),
        ("--rewriter", (*GENERATOR, *where)),
        ("does not exist", (*GENERATOR, "--rewriter", "nope", *where)),
        ("does not exist", (*GENERATOR, "--rewriter", tmp_path / "none.toml", *where)),
        ("rewriter.format", (*GENERATOR, "--rewriter", odd, *where)),
        ("--n", (*GENERATOR, "--rewriter", "nano", "--n", 0, *where)),
        (
            "is not a model folder",
            ("--generator", "./nowhere", "--template", "nano-generate", "--rewriter", "nano", *where),
        ),
        ("is not a workspace", ("--from-reviews", *where)),
    ):
        assert expected in refusal(capsys, "build-pairs", *args), args
    assert not (tmp_path / "w").exists()


@pytest.mark.usefixtures("nano")
def test_a_name_stands_for_one_generator_and_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("build-pairs", *GENERATOR, "--rewriter", "nano", "--workspace", tmp_path / "w", "--name", "a", "--n", 2)
    assert train(*line) == 0
    assert "choose another name" in refusal(capsys, *line, "--seed", 9)
