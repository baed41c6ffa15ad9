"""Contamination on real data: MATH-500 planted in an import of MATH's training questions. Skipped without the data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.checks.job import run
from engine.checks.request import check_of
from engine.models.model_cache import ModelCache
from engine.stages.duplicate import similarity
from store.database.workspace import Workspace
from tests.engine.checks.stored import imported, rows, whole

PHRASE = 1 / 3
"""Below this share of its 13-grams a question may share but a phrase with the benchmark's."""
TWIN = 0.5
"""From this similarity on (words and word pairs, numbers left out) two questions are the same in other clothes."""


def test_planted_copies_are_all_found_and_of_real_training_questions_hardly_one_by_mistake(
    workspace: Workspace, model_cache: ModelCache, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def problems(name: str) -> list[str]:
        return [json.loads(line)["problem"] for line in (data_dir / name).open(encoding="utf-8")]

    train, planted = problems("math_train.jsonl"), problems("math500.jsonl")
    imported(workspace, [*train, *planted])
    done = run(workspace, "i1", check_of("contamination", [data_dir / "math500.jsonl"]), model_cache=model_cache)
    assert done.status == "done"
    found = rows(
        workspace,
        """SELECT q.idx, v.score, q.text, l.value FROM verdicts v JOIN questions q USING (question_id)
        JOIN labels l ON l.question_id = v.question_id AND l.key = 'benchmark_item'
        WHERE v.stage = 'contamination' AND NOT v.kept ORDER BY q.idx""",
    )
    copies = [text for idx, _, text, _ in found if idx >= len(train)]
    assert copies == planted
    flagged = [(score, similarity(text, item)) for idx, score, text, item in found if idx < len(train)]
    phrases = sum(score < PHRASE for score, _ in flagged) / len(train)
    others = sum(alike < TWIN for _, alike in flagged) / len(train)
    with capsys.disabled():
        print(
            f"\ncontamination check: {len(copies)} of {len(planted)} copies found; of MATH train "
            f"{len(flagged) / len(train):.2%} flagged, {phrases:.2%} by less than a third of the 13-grams, "
            f"{others:.2%} that are no twin of what they matched"
        )
    assert phrases <= 0.005
    assert others <= 0.005
    assert whole(workspace, "i1")["pair"][1] == len(train) - len(flagged)
