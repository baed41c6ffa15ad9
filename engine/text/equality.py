"""Whether two final answers are equal, by their structure: same, different, or undecided.

Formulas are left to ``leaf``, which needs a parser (``engine.text.symbolic``); all else is decided here, exactly.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Literal

from engine.text import units
from engine.text.answer_structure import MAX_CHARS, read
from engine.text.answer_types import (
    Answer,
    Choice,
    Formula,
    Matrix,
    Named,
    Number,
    Prose,
    Relation,
    Sequence,
    Union,
    Words,
)
from engine.text.layout import normalise, tight

Equality = Literal["same", "different", "undecided"]
Leaf = Callable[[Answer, Answer], bool | None]
"""Compares two formulas, a formula with a number, or two relations; None where it cannot tell."""

ROUNDED_PLACES = 6
"""A decimal with at least as many places may be a rounded value: 0.333333 is not 1/3, but that is undecided."""
_LARGEST = 12
"""Longer unordered sequences are matched in their own order only."""


def settle(first: str, second: str, leaf: Leaf | None = None) -> bool | None:
    """Whether two answers are equal; None where that is undecided, or (without ``leaf``) only a parser can tell."""
    if first == second:
        return True
    if first.isdecimal() and second.isdecimal() and len(first) + len(second) < MAX_CHARS:  # most pairs, in a moment
        return int(first) == int(second)
    a, b = normalise(first), normalise(second)
    if a == b or tight(a) == tight(b):
        return True
    return _equal(read(first), read(second), leaf or _no_parser)


def compare(first: str, second: str) -> Equality:
    """Like ``settle``, in words: what needs a parser is undecided."""
    return named(settle(first, second))


def named(equal: bool | None) -> Equality:
    return "undecided" if equal is None else "same" if equal else "different"


def _no_parser(first: Answer, second: Answer) -> None:
    return None


def _equal(a: Answer, b: Answer, leaf: Leaf) -> bool | None:
    if isinstance(a, Prose | Words) and isinstance(b, Prose | Words) and _spelled(a) == _spelled(b):
        return True
    if isinstance(a, Choice) or isinstance(b, Choice):
        return _choices(a, b, leaf)
    if isinstance(a, Prose) or isinstance(b, Prose):
        return None
    if isinstance(a, Relation) or isinstance(b, Relation):
        return _relations(a, b, leaf)
    if isinstance(a, Named) or isinstance(b, Named):
        return _named(a, b, leaf)
    if isinstance(a, Number | Formula) and isinstance(b, Number | Formula):
        return _values(a, b, leaf)
    if isinstance(a, Words) and isinstance(b, Words):
        return _words(a.text, b.text)
    if isinstance(a, Words) or isinstance(b, Words):
        return None
    if isinstance(a, Matrix) or isinstance(b, Matrix):
        return _matrices(a, b, leaf)
    if isinstance(a, Union) or isinstance(b, Union):
        return _unions(a, b, leaf)
    if isinstance(a, Sequence) and isinstance(b, Sequence):
        return _sequences(a, b, leaf)
    return False  # several things and one


def _spelled(answer: Answer) -> str:
    return tight(answer.text).casefold()


def _choices(a: Answer, b: Answer, leaf: Leaf) -> bool | None:
    if isinstance(a, Choice) and isinstance(b, Choice):
        return a.letter == b.letter
    choice, other = (a, b) if isinstance(a, Choice) else (b, a)
    assert isinstance(choice, Choice)
    if len(other.text.strip("()")) == 1 and other.text.strip("()").isupper():
        return other.text.strip("()") == choice.letter
    return _equal(choice.value, other, leaf)


def _relations(a: Answer, b: Answer, leaf: Leaf) -> bool | None:
    """Two relations, or one and an equation that names a variable."""
    if all(isinstance(one, Relation | Named) for one in (a, b)):
        return leaf(a, b)
    return None


def _named(a: Answer, b: Answer, leaf: Leaf) -> bool | None:
    """A value agrees with the same value under a name; under another name it is undecided."""
    x, y = (one.value if isinstance(one, Named) else one for one in (a, b))
    equal = _equal(x, y, leaf)
    if isinstance(a, Named) and isinstance(b, Named) and a.name != b.name:
        return None if equal or not {type(x), type(y)} <= {Number} else equal
    return equal


_AFFIRMATIVE, _NEGATIVE = {"yes", "true", "correct"}, {"no", "false", "incorrect"}


def _words(a: str, b: str) -> bool | None:
    """One word each: different, but for synonyms and plurals. Several words may say the same in another way."""
    if a == b:
        return True
    if {a, b} <= _AFFIRMATIVE or {a, b} <= _NEGATIVE or a.startswith(b) or b.startswith(a):
        return None
    if sorted(a) == sorted(b):
        return None  # abc and cba may be products
    return False if " " not in a + b else None


def _values(a: Number | Formula, b: Number | Formula, leaf: Leaf) -> bool | None:
    if a.unit != b.unit and "%" in (a.unit, b.unit):
        return _percent(a, b, leaf)
    if a.unit != b.unit and "base" in a.unit + b.unit:
        return _bases(a, b)
    ratio = units.ratio(a.unit, b.unit)
    if ratio is False:
        return False
    if isinstance(a, Number) and isinstance(b, Number):
        if ratio is None:  # 5 miles, 5 laps
            return None if a.value == b.value else False
        if a.value * ratio == b.value:
            return True
        return None if _rounded(a, b.value) or _rounded(b, a.value) else False
    if "degree" in (a.unit, b.unit) and a.unit != b.unit and r"\pi" in a.text + b.text:
        return None
    if ratio != 1:
        return None
    return leaf(a, b)


def _rounded(number: Number, value: Fraction) -> bool:
    return number.places >= ROUNDED_PLACES and round(value, number.places) == number.value


def _percent(a: Number | Formula, b: Number | Formula, leaf: Leaf) -> bool | None:
    """25 % agrees with 25 and with 0.25, as problems ask for either."""
    whole, other = (a, b) if a.unit == "%" else (b, a)
    if isinstance(whole, Number) and isinstance(other, Number):
        return other.unit == "" and other.value in (whole.value, whole.value / 100)
    bare = Formula(whole.text) if isinstance(whole, Formula) else Number(whole.text, whole.value, "", whole.places)
    if leaf(bare, other):
        return True
    if isinstance(whole, Number):
        share = whole.value / 100
        return leaf(Number(f"\\frac{{{share.numerator}}}{{{share.denominator}}}", share), other)
    return None


def _bases(a: Number | Formula, b: Number | Formula) -> bool | None:
    """``1010_2`` agrees with the digits alone, as a problem states the base, and with the same in another base."""
    if not isinstance(a, Number) or not isinstance(b, Number):
        return None
    x, y = _in_base(a), _in_base(b)
    if a.unit and b.unit:
        return None if x is None or y is None else x == y
    return True if a.value == b.value else None if x == y else False


def _in_base(number: Number) -> int | Fraction | None:
    if not number.unit:
        return number.value
    try:
        return int(str(int(number.value)), int(number.unit.removeprefix("base ")))
    except ValueError:
        return None


def _matrices(a: Answer, b: Answer, leaf: Leaf) -> bool | None:
    """Cell by cell; a vector and a tuple of the same numbers are undecided."""
    if isinstance(a, Matrix) and isinstance(b, Matrix):
        if [len(row) for row in a.rows] != [len(row) for row in b.rows]:
            return None if _cells(a, b, leaf) else False
        return _cells(a, b, leaf)
    matrix, other = (a, b) if isinstance(a, Matrix) else (b, a)
    if not isinstance(matrix, Matrix) or not isinstance(other, Sequence):
        return None
    return _all(_equal(x, y, leaf) for x, y in _zipped(itertools.chain(*matrix.rows), other.items)) and None


def _cells(a: Matrix, b: Matrix, leaf: Leaf) -> bool | None:
    return _all(_equal(x, y, leaf) for x, y in _zipped(itertools.chain(*a.rows), itertools.chain(*b.rows)))


def _zipped(a: Iterable[Answer], b: Iterable[Answer]) -> list[tuple[Answer, Answer]]:
    nothing = Words("")
    return list(itertools.zip_longest(a, b, fillvalue=nothing))


def _all(found: Iterable[bool | None]) -> bool | None:
    """False if any is, else None if any is, else True."""
    result: bool | None = True
    for one in found:
        if one is False:
            return False
        result = None if one is None else result
    return result


def _sequences(a: Sequence, b: Sequence, leaf: Leaf) -> bool | None:
    ordered = _ordered(a, b, leaf)
    if a.brackets and b.brackets and "{}" not in (a.brackets, b.brackets):
        if a.brackets == b.brackets:
            return ordered
        return False if len(a.items) == 2 or ordered is False else None  # other ends of an interval
    if {a.brackets, b.brackets} <= {"", "{}"}:
        return True if ordered else _unordered(a.items, b.items, leaf)
    if ordered:
        return None if "{}" in (a.brackets, b.brackets) or not {a.brackets, b.brackets} <= {"", "()"} else True
    if "{}" in (a.brackets, b.brackets):
        return False if ordered is False else None
    bare = a if not a.brackets else b
    if all(isinstance(item, Named) for item in bare.items):  # x = 1, y = 2 and (1, 2)
        return False if ordered is False else None
    return None if _unordered(a.items, b.items, leaf) is not False else False


def _ordered(a: Sequence, b: Sequence, leaf: Leaf) -> bool | None:
    if len(a.items) != len(b.items):
        return False
    return _all(_item(x, y, leaf) for x, y in zip(a.items, b.items, strict=True))


def _item(a: Answer, b: Answer, leaf: Leaf) -> bool | None:
    """Items of a list of named values are told apart by their names."""
    if isinstance(a, Named) and isinstance(b, Named) and a.name != b.name:
        return False
    return _equal(a, b, leaf)


def _unordered(a: tuple[Answer, ...], b: tuple[Answer, ...], leaf: Leaf) -> bool | None:
    """Whether each item has its own partner; a list that repeats items of the other is undecided."""
    if max(len(a), len(b)) > _LARGEST:
        return None if len(a) == len(b) else False
    table = [[_item(x, y, leaf) for y in b] for x in a]
    if len(a) == len(b) and _matching([[one is True for one in row] for row in table]):
        return True
    if len(a) != len(b):
        covered = all(map(any, table)) and all(any(row[i] for row in table) for i in range(len(b)))
        unknown = any(one is None for row in table for one in row)
        return None if covered or unknown else False
    return None if _matching([[one is not False for one in row] for row in table]) else False


def _matching(table: list[list[bool]]) -> bool:
    """Whether every row can have a column of its own (augmenting paths)."""
    owner: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fits in enumerate(table[row]):
            if fits and column not in tried:
                tried.add(column)
                if column not in owner or place(owner[column], tried):
                    owner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(table)))


def _unions(a: Answer, b: Answer, leaf: Leaf) -> bool | None:
    """The same intervals; where the ends are numbers, the same points."""
    parts = [one.items if isinstance(one, Union) else (one,) for one in (a, b)]
    if _unordered(parts[0], parts[1], leaf):
        return True
    points = [_points(items) for items in parts]
    if points[0] is not None and points[1] is not None:
        return points[0] == points[1]
    return False if len(parts[0]) == len(parts[1]) and _unordered(parts[0], parts[1], leaf) is False else None


def _points(items: Iterable[Answer]) -> list[tuple[tuple[float | Fraction, int], ...]] | None:
    """Disjoint intervals in order; an end is a number and 1 where it lies just above it. None without numbers."""
    found: list[tuple[tuple[float | Fraction, int], ...]] = []
    for item in items:
        value = item.value if isinstance(item, Named) else item
        if not isinstance(value, Sequence) or len(value.brackets) != 2 or len(value.items) != 2:
            return None
        ends = [_end(one) for one in value.items]
        if ends[0] is None or ends[1] is None or value.brackets == "{}":
            return None
        found.append(((ends[0], int(value.brackets[0] == "(")), (ends[1], int(value.brackets[1] == "]"))))
    merged: list[tuple[tuple[float | Fraction, int], ...]] = []
    for low, high in sorted(found):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _end(item: Answer) -> float | Fraction | None:
    if isinstance(item, Number):
        return item.value
    text = item.text.replace(" ", "")
    return float("inf") if text.lstrip("+") == r"\infty" else float("-inf") if text == r"-\infty" else None
