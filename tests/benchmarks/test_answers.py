"""The benchmark of answers: its pairs are what they say, its rates count what goes wrong, its goals are met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import answer_pairs, answers
from engine.text.answers import AnswerPool

ANSWERS = [
    "12", "1500", "0.25", r"\frac{3}{4}", r"\frac{17}{5}", "3, 5, 8", "(2, 7)", "[0,1)",
    r"(-\infty,-2) \cup (-2,\infty)",
    "x^2 - x - 1", "(x-1)(x+2)", "y = 2x + 3", r"3\sqrt{2}", r"\frac{\sqrt{3}}{2}", r"12\pi", r"5\text{ cm}",
    r"\text{odd}",
    r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\text{(B)}", r"30^\circ", r"1,\!234", "2+3",
]  # fmt: skip


@pytest.fixture(scope="module")
def pool() -> Iterator[AnswerPool]:
    with AnswerPool(workers=1) as made:
        yield made


def test_every_kind_of_pair_is_made_and_every_pair_differs_in_its_text() -> None:
    made = list(answer_pairs.pairs(ANSWERS, 5))
    kinds = Counter(kind for kind, *_ in made)
    assert set(kinds) == {*answer_pairs.EQUAL, *answer_pairs.DIFFERENT}
    assert max(kinds.values()) <= 5
    assert all(first != second for _, first, second, _ in made)
    assert list(answer_pairs.pairs(ANSWERS, 5)) == made, "the same seed draws the same pairs"


def test_pairs_of_these_answers_are_compared_rightly(pool: AnswerPool) -> None:
    figures = answers.compared(pool, list(answer_pairs.pairs(ANSWERS, 5)))
    assert figures["pairs"] > 100
    assert (figures["false_equal"], figures["false_different"], figures["undecided"]) == (0, 0, 0)


def test_rates_are_shares_of_their_class(pool: AnswerPool) -> None:
    wrong = [
        ("a", "1", "2", True),
        ("a", "1", "1.0", True),
        ("b", "1", "1.0", False),
        ("b", "x is so", "y is so", False),
    ]
    assert answers.compared(pool, wrong) == {"pairs": 4, "false_equal": 0.5, "false_different": 0.5, "undecided": 0.25}
    assert answers.stated(pool, [("so \\boxed{0.5}", "1/2"), ("so it is", "1/2"), ("#### 3", "4")]) == pytest.approx(
        1 / 3
    )


def test_the_goals_are_met_on_real_data(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEQUEST_DATA", str(data_dir))
    figures = answers.measure()
    assert figures.keys() == answers.GOALS.keys()
    assert figures["pairs"] >= 1500
    assert figures["false_equal"] == 0
    assert figures["false_different"] <= 0.01
    assert figures["undecided"] <= 0.03
    assert (figures["gold_math500"], figures["gold_gsm8k"]) == (1, 1)
