"""What the story says of each stage: only a real check passes or drops a question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from store.database.question import read_question
from store.database.workspace import Workspace
from store.records import ErrorRow, Run, Solution, Verdict, question_id
from tests.engine.checks.stored import imported
from tests.store import rows
from ui.tabs.row import details, solutions, stages


def story(workspace: Workspace, key: str) -> dict[str, Any]:
    with workspace.cursor() as cursor:
        return read_question(cursor, key)


def states(told: dict[str, Any]) -> dict[str, str]:
    return {one.stage: one.state for one in stages.results(told)}


def said(told: dict[str, Any], stage: str) -> str:
    return next(one.said for one in stages.results(told) if one.stage == stage)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as workspace:
        yield workspace


@pytest.fixture
def generated(workspace: Workspace) -> Workspace:
    judge = {"name": "judge", "threshold": 0.46}
    config = {"profile": {"name": "p", "judge": judge, "generators": [{"name": "qgen-a", "band": [0.2, 0.9]}]}}
    workspace.create_run(Run("r1", "a run", "generate", config, "hash", 11, status="done"))
    return workspace


def test_an_import_passes_no_stage_that_nobody_ran(workspace: Workspace) -> None:
    imported(workspace, ["What is 3 + 4?"])
    told = story(workspace, "i1-00000000")
    assert set(states(told).values()) == {"not checked"}
    assert stages.fate(told) == ("passed", "A pair, unreviewed. 0 of 7 stages were checked.")
    outcomes = {row[1] for row in details.tables(told)[0]["rows"]}
    assert outcomes == {"not checked"}


def test_an_import_without_solutions_is_pending_and_not_dropped(workspace: Workspace) -> None:
    imported(workspace, ["What is 3 + 4?", "And 5?"], responses=[[], []])
    told = story(workspace, "i1-00000001")
    assert states(told)["solution"] == "pending"
    assert states(told)["pair"] == "not reached"
    assert stages.fate(told) == ("pending", "Pending at solution: no solutions yet.")
    assert solutions.view(told)["said"] == "No solutions yet."


def test_an_imported_question_has_no_writer_seed_or_tokens_that_nobody_knows(workspace: Workspace) -> None:
    run = Run("i1", "math train", "import", {"source": "math_train.jsonl"}, "hash", 0, status="done")
    workspace.create_run(run)
    key = question_id("i1", 0)
    asked = replace(rows.question(0, "i1"), generator="math_train", tokens=0, params={}, template_id="import")
    solved = Solution(f"{key}-0", key, 0, "It is 0: \\boxed{0}", "0", "import", 0, 0, 0.0, "stop")
    workspace.writer.put([asked, solved])
    workspace.writer.flush()
    told = story(workspace, key)
    assert details.origin(told) == "imported from math_train.jsonl"
    facts = dict(details.facts(told))
    assert "seed" not in facts
    assert facts["length"] == "14 characters"
    assert "token" not in str(facts)
    assert details.prompt(told) is None
    shown = solutions.view(told)["groups"][0]["solutions"][0]["facts"]
    assert shown == "18 characters · imported"
    samples = next(table for table in details.tables(told) if table["title"] == "Samples")
    assert samples["rows"] == [["0", "0", "", "", "", "the import"]]


def test_a_stage_says_why_with_the_figures_that_it_compared(generated: Workspace) -> None:
    given = [
        ("solvability", False, 0.14, "not_solvable", "the judge rates it incomplete or inconsistent (0.14 < 0.46)"),
        ("solvability", False, 0.4596, "not_solvable", "the judge rates it incomplete or inconsistent (0.4596 < 0.46)"),
        ("solvability", True, 0.91, None, "the judge rates it complete and consistent (0.91 ≥ 0.46)"),
        ("difficulty", False, 0.05, "too_easy", "too easy: predicted fail rate 0.05 (< 0.2)"),
        ("difficulty", True, 0.5, None, "predicted fail rate 0.50, within 0.2 to 0.9"),
        ("solution", True, 1.0, None, "2 of 2 solutions state an answer"),
        ("pair", True, -0.1, None, "best reward -0.100"),
        ("language", False, None, "non_english", "not in English"),
    ]
    for idx, (stage, kept, score, reason, _) in enumerate(given):
        verdict = Verdict(question_id("r1", idx), stage, "judge", kept, score, reason)
        generated.writer.put([rows.question(idx), verdict, *rows.solutions(idx)])
    generated.writer.flush()
    for idx, (stage, kept, _, _, sentence) in enumerate(given):
        told = story(generated, question_id("r1", idx))
        assert said(told, stage) == sentence
        assert states(told)[stage] == ("passed" if kept else "dropped")


def test_a_benchmark_is_named_with_the_share_that_overlaps(generated: Workspace) -> None:
    for idx, (score, kept, raw) in enumerate([(0.28, False, "math500.jsonl row 336"), (None, True, None)]):
        reason = None if kept else "benchmark_overlap"
        verdict = Verdict(question_id("r1", idx), "contamination", "13-gram", kept, score, reason, raw)
        generated.writer.put([rows.question(idx), verdict])
    generated.writer.flush()
    told = story(generated, question_id("r1", 0))
    assert said(told, "contamination") == "28 % of its 13-word sequences also occur in math500 row 336"
    told = story(generated, question_id("r1", 1))
    assert states(told)["contamination"] == "not checked"
    assert said(told, "contamination") == "not checked: no benchmark was given"


def test_a_profile_without_judge_or_reward_model_passes_nothing(generated: Workspace) -> None:
    generated.writer.put([
        rows.question(0),
        Verdict(question_id("r1", 0), "solvability", "none", True, None, "no_judge"),
        Verdict(question_id("r1", 0), "difficulty", "judge", True, None, "outside_domain"),
        Verdict(question_id("r1", 0), "pair", "none", True, None, "no_reward"),
        *rows.solutions(0),
    ])  # fmt: skip
    generated.writer.flush()
    told = story(generated, question_id("r1", 0))
    assert {states(told)[stage] for stage in ("solvability", "difficulty", "pair")} == {"not checked"}
    assert said(told, "solvability") == "not checked: the profile has no judge"


def test_what_waits_what_failed_and_what_was_not_reached_are_told_apart(generated: Workspace) -> None:
    generated.writer.put([rows.question(0), *rows.verdicts(0, until="duplicate")])
    generated.writer.put([rows.question(1), *rows.verdicts(1, until="difficulty")])
    generated.writer.put([ErrorRow("r1", 1, "solution", "out of memory")])
    generated.writer.put([rows.question(2), *rows.verdicts(2, drop="language", reason="empty")])
    generated.writer.flush()
    waits, failed, dropped = (story(generated, question_id("r1", idx)) for idx in range(3))
    assert states(waits)["contamination"] == "pending"
    assert states(waits)["pair"] == "not reached"
    assert said(failed, "solution") == "1 failed attempt: out of memory"
    assert states(failed)["solution"] == "failed"
    assert stages.fate(dropped) == ("dropped", "Dropped at language: the question is empty.")
    assert solutions.view(dropped)["said"] == "No solutions: dropped at an earlier stage."


def test_solutions_are_grouped_by_answer_and_identical_ones_folded(generated: Workspace) -> None:
    key = question_id("r1", 0)
    texts = [
        "It is \\boxed{7}.",
        "So \\boxed{8}.",
        "It is \\boxed{7}.",
        "Hence \\boxed{7.0}.",
        "It is \\boxed{7}.",
        "No.",
    ]
    answers = ["7", "8", "7", "7.0", "7", None]
    made = [
        Solution(f"{key}-{n}", key, n, text, answer, "solver", n, 12, 0.1, "stop")
        for n, (text, answer) in enumerate(zip(texts, answers, strict=True))
    ]
    generated.writer.put([rows.question(0), *made, *rows.labels(0, chosen=3)])
    generated.writer.flush()
    shown = solutions.view(story(generated, key))
    assert shown["said"].startswith("6 solutions, 2 different final answers. Sample 3 is chosen")
    assert [(group["answer"], group["counted"]) for group in shown["groups"]] == [
        ("7", "4 of 6"),
        ("8", "1 of 6"),
        (None, "1 of 6"),
    ]
    assert [one["title"] for one in shown["groups"][0]["solutions"]] == [
        "✓ chosen, sample 3",
        "samples 0, 2, 4 (×3)",
    ]


@pytest.mark.parametrize(
    ("share", "text"), [(0.28, "28 %"), (0.0, "0 %"), (1.0, "100 %"), (0.996, "99.6 %"), (0.0001, "< 0.1 %")]
)
def test_a_percentage_is_never_rounded_to_all_or_nothing(share: float, text: str) -> None:
    assert stages.percent(share) == text
