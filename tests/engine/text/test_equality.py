"""Which final answers are equal: every pair both ways round, with the parser, and some that need none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import symbolic
from engine.text.answers import AnswerPool, compare, settle

PAIRS = [json.loads(line) for line in Path(__file__).with_name("answer_pairs.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def pool() -> Iterator[AnswerPool]:
    with AnswerPool(workers=1, seconds=5.0) as made:
        yield made


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['kind']}: {pair['first']} | {pair['second']}")
def test_two_answers_either_way_round(pool: AnswerPool, pair: dict[str, str]) -> None:
    first, second, equality = pair["first"], pair["second"], pair["equality"]
    assert (pool.compare(first, second), pool.compare(second, first)) == (equality, equality)
    assert compare(first, second) == compare(second, first)
    assert compare(first, second) in (equality, "undecided"), "without a parser nothing is decided wrongly"
    assert pool.same(first, second) is (equality == "same")
    assert pool.compare(first, first) == "same"


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("5", "5.0", True),
        ("1{,}234", "1,234", True),
        (r"1 \frac{1}{8}", r"\frac{9}{8}", True),
        ("984 dollars", "$984$", True),
        ("25%", "0.25", True),
        ("x=5", "5", True),
        (r"\{2,1\}", "1,2", True),
        (r"5\text{ cm}", r"5\text{ m}", False),
        (r"\frac{200}{3}", "66.67", False),
        ("Monday", "Tuesday", False),
        ("(1,2)", "(2,1)", False),
        ("10/0", "5", None),
        ("0.333333", "1/3", None),
        ("5x", "5", None),
        ("2 pi", "2", None),
        ("1e999999999", "5", None),
    ],
)
def test_plain_answers_are_settled_without_a_parser(first: str, second: str, equal: bool | None) -> None:
    assert settle(first, second) is equal
    assert settle(second, first) is equal
    assert compare(first, second) == {True: "same", False: "different", None: "undecided"}[equal]


PIECES = st.lists(
    st.sampled_from(
        [
            "1", "2 ", "12", ".5", ",", ";", "(", ")", "[", "]", "\\{", "\\}", "{", "}", "=", "<", "\\le", "\\frac",
            "^", "_", "x", "y", " or ", " and ", "\\text{cm}", "%", "\\pm", "\\cup", "\\infty", "-", "+", "/", "!", "|",
            "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "\\in", "°", "٣", "²", "(A)", "the", "\\sin", "e",
            "\\overline{3}", "\\sqrt",
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(PIECES, PIECES)
def test_any_two_texts_can_be_compared_and_the_order_does_not_matter(first: str, second: str) -> None:
    assert settle(first, second) is settle(second, first)
    assert settle(first, first) is True
    assert symbolic_settle(first, second) is symbolic_settle(second, first)


def symbolic_settle(first: str, second: str) -> bool | None:
    return settle(first, second, symbolic.leaf)


def test_plain_answers_are_compared_in_microseconds() -> None:
    answers = [f"{n}.{n % 10}" for n in range(2000)]
    start = time.process_time()
    for answer in answers:
        settle(answer, "17")
    assert (time.process_time() - start) / len(answers) < 1e-3
