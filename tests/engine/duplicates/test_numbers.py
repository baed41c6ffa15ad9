"""The numbers that a question states."""

from __future__ import annotations

import pytest

from engine.duplicates.numbers import numbers, stated


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ann has 3 apples and 1,250 pears.", [3, 1250]),
        ("It costs $2.50, or .5 more, in $1{,}000$ shops.", [2.5, 0.5, 1000]),
        ("twenty-five cats, three hundred and five dogs", [25, 305]),
        ("two thousand five hundred; ten million", [2500, 10_000_000]),
        ("three four", [3, 4]),
        ("Half of a dozen, twice two fifths", [0.5, 12, 2, 2, 0.2]),
        ("Which one is it? Twenty-one and one.", [21]),
        ("", []),
    ],
)
def test_numbers_are_read_in_digits_and_in_words(text: str, found: list[float]) -> None:
    assert stated(text) == found


def test_texts_with_the_same_numbers_are_equal_in_any_order_and_others_are_not() -> None:
    assert numbers("3 boxes of 12") == numbers("Twelve in each of three boxes")
    assert numbers("3 boxes of 12") != numbers("3 boxes of 13")
    assert numbers("3 and 3") != numbers("3")
