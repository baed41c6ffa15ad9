"""The check ``answers`` of stored runs: answers read again, compared with each other and with gold ones."""

from __future__ import annotations

from typing import Any

import pytest

from engine.checks.job import run
from engine.checks.request import check_of
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from tests.engine.checks.stored import imported, rows, whole

TEXTS = ["How many are four and three?", "What is half of one?", "How many are two and two?", "How many is one?"]
RESPONSES = [
    ["It is \\boxed{7}.", "<think>Is it \\boxed{6}?</think>\nThe answer is 7.", "So \\boxed{8}."],
    ["**Answer:** $\\frac{1}{2}$"],
    ["<think>\\boxed{5}</think> \\boxed{4}"],
    [],
]
GOLD = ["7", "0.5", "5", "1"]


@pytest.fixture
def checked(workspace: Workspace, model_cache: ModelCache) -> Any:
    """The import of an older version, with its gold answers, checked."""
    imported(workspace, TEXTS, RESPONSES)

    def give_gold(cursor: Any) -> None:
        for idx, gold in enumerate(GOLD):
            cursor.execute("UPDATE question_rows SET reference_answer = ? WHERE idx = ?", [gold, idx])

    workspace.writer.call(give_gold)
    return run(workspace, "i1", check_of("answers"), model_cache=model_cache)


def test_reasoning_is_taken_out_and_answers_are_read_behind_it(workspace: Workspace, checked: Any) -> None:
    assert checked.status == "done"
    query = "SELECT text, reasoning, answer, correct FROM solutions ORDER BY solution_id"
    assert rows(workspace, query) == [
        ("It is \\boxed{7}.", None, "7", "same"),
        ("The answer is 7.", "Is it \\boxed{6}?", "7", "same"),
        ("So \\boxed{8}.", None, "8", "different"),
        ("**Answer:** $\\frac{1}{2}$", None, "\\frac{1}{2}", "same"),
        ("\\boxed{4}", "\\boxed{5}", "4", "different"),
    ]


def test_agreement_and_majority_are_computed_again(workspace: Workspace, checked: Any) -> None:
    query = "SELECT question_id, round(agreement, 2), majority_answer, correct FROM items ORDER BY question_id"
    assert [row[1:] for row in rows(workspace, query)] == [
        (0.67, "7", "same"),
        (1.0, "\\frac{1}{2}", "same"),
        (1.0, "4", "different"),
        (None, None, None),
    ]


def test_what_was_dropped_for_want_of_an_answer_is_a_pair_now(workspace: Workspace, model_cache: ModelCache) -> None:
    imported(workspace, TEXTS[:2], [["It is \\boxed{7}."], ["I know not."]])
    drop = "UPDATE verdict_rows SET kept = false, reason = 'no_answer' WHERE stage = 'solution'"
    workspace.writer.call(
        lambda cursor: [cursor.execute(drop), cursor.execute("DELETE FROM verdict_rows WHERE stage = 'pair'")]
    )
    assert whole(workspace, "i1")["pair"] == (0, 0, 0, 0)
    run(workspace, "i1", check_of("answers"), model_cache=model_cache)
    assert rows(workspace, "SELECT query, answer FROM pairs") == [(TEXTS[0], "7")]
    assert whole(workspace, "i1")["solution"] == (2, 1, 1, 0)


def test_a_second_check_changes_nothing(workspace: Workspace, model_cache: ModelCache, checked: Any) -> None:
    everything = "SELECT * FROM solutions ORDER BY solution_id"
    before = rows(workspace, everything), rows(workspace, "FROM labels ORDER BY ALL")
    again = run(workspace, "i1", check_of("answers"), model_cache=model_cache)
    assert again.status == "done"
    assert (rows(workspace, everything), rows(workspace, "FROM labels ORDER BY ALL")) == before


def test_a_question_with_a_gold_answer_and_no_response_is_a_prompt_and_pending(
    workspace: Workspace, checked: Any
) -> None:
    assert rows(workspace, "SELECT query, checkability FROM prompts") == [(text, "open") for text in TEXTS]
    assert rows(workspace, "SELECT drop_stage FROM items WHERE query = ?", TEXTS[3]) == [(None,)]
    assert whole(workspace, "i1")["solution"] == (3, 3, 0, 1)
