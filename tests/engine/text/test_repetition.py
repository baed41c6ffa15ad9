"""The share of repeated n-grams."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.repetition import repetition


@pytest.mark.parametrize(
    ("text", "n", "share"),
    [
        ("", 2, 0.0),
        ("one", 2, 0.0),
        ("one two", 2, 0.0),
        ("a b c d", 2, 0.0),
        ("a b a b", 2, 1 / 3),  # ab ba ab
        ("a a a a a", 2, 3 / 4),
        ("x + 1 = 2", 1, 0.0),
        ("1 1 1 1", 1, 3 / 4),
        ("A b A B", 2, 0.0),  # case matters
        ("a  b\na\tb", 2, 1 / 3),
    ],
)
def test_it_is_the_share_of_n_grams_that_occurred_before(text: str, n: int, share: float) -> None:
    assert repetition(text, n) == pytest.approx(share)


def test_a_loop_comes_close_to_one_and_a_solution_has_none() -> None:
    sentence = "Wait, let me check this again, because the sum of the two numbers should be equal to twelve here. "
    assert repetition(sentence * 100) > 0.95
    assert repetition(" ".join(f"Step {i}: we add {i} and {i * i} to get {i + i * i}." for i in range(200))) == 0


@given(st.text(alphabet="ab +\n", max_size=200), st.integers(1, 25))
def test_it_lies_between_zero_and_one_and_repeating_a_text_never_lowers_it(text: str, n: int) -> None:
    share = repetition(text, n)
    assert 0 <= share < 1
    assert repetition(f"{text} {text}", n) >= share - 1e-12 or share == 0


def test_a_long_reasoning_takes_milliseconds() -> None:
    text = " ".join(f"so x{i} = {i}" for i in range(10_000))
    start = time.process_time()
    repetition(text)
    assert time.process_time() - start < 5.0
