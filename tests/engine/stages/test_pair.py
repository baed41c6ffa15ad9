"""The pair stage: which of several solutions is chosen."""

from __future__ import annotations

import pytest

from engine.stages import pair
from store.records import FinishReason, Solution


def solved(sample: int, answer: str | None, finish: FinishReason = "stop") -> Solution:
    return Solution(f"q-{sample}", "q", sample, "a text", answer, "solver", 0, 10, 0.1, finish)


@pytest.mark.parametrize(
    ("given", "rewards", "chosen"),
    [
        ([("5", "length"), ("7", "stop")], [0.9, 0.1], 1),
        ([("5", "stop"), ("7", "length")], [0.1, 0.9], 0),
        ([("5", "length"), ("7", "stop"), ("8", "stop")], [9.0, 0.1, 0.2], 2),
        ([("5", "length"), (None, "stop")], [0.1, 0.9], 0),
        ([("5", "length"), ("6", "length")], [0.1, 0.9], 1),
        ([("5", "length"), ("7", "stop")], [0.9, None], 1),
        ([("5", "length"), ("7", "length")], [None, 0.3], 1),
        ([("5", "stop"), ("7", "stop")], [0.9, 0.9], 0),
        ([(None, "stop"), (None, "length")], [0.9, 0.9], None),
    ],
)
def test_a_solution_that_was_cut_off_is_never_chosen_over_a_finished_one(
    given: list[tuple[str | None, FinishReason]], rewards: list[float | None], chosen: int | None
) -> None:
    solutions = [solved(i, answer, finish) for i, (answer, finish) in enumerate(given)]
    assert pair.choose(solutions, rewards) == chosen


def test_the_verdict_has_the_reward_of_the_chosen_solution() -> None:
    solutions = [solved(0, "5", "length"), solved(1, "7")]
    verdict, labels = pair.judge("q", "judge", solutions, [0.9, 0.1], [0, 1], 0.5, 3)
    assert (verdict.kept, verdict.score, verdict.reason) == (False, 0.1, "low_reward")
    assert {label.key: label.value for label in labels} == {
        "chosen": "1",
        "agreement": "0.5000",
        "majority_answer": "5",
        "repetition": "0.0000",
    }
