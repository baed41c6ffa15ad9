"""Formulas compared exactly: equal only by proof, different only by values that differ.

Values at some points are computed to many digits and only tell formulas apart; that they agree proves nothing.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any

import sympy as sp

from engine.text.answer_types import Answer, Formula, Named, Number, Relation
from engine.text.equality import ROUNDED_PLACES
from engine.text.latex_parser import Unreadable, parse
from engine.text.layout import split

DIGITS = 40
_POSITIVE = [
    sp.Rational(p, q) for p, q in ((17, 10), (23, 9), (31, 13), (7, 19), (43, 11), (53, 29), (5, 23), (61, 17))
]
_FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", "=": "="}


def leaf(first: Answer, second: Answer) -> bool | None:
    """Whether two formulas, a formula and a number, or two relations are equal; None where that is not known."""
    try:
        if isinstance(first, Number | Formula) and isinstance(second, Number | Formula):
            return _rounded_or(first, second, expressions(_parsed(first), _parsed(second)))
        return _relations(_sides(first), _sides(second))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the parser's refusal, or one of SymPy's many errors
        return None


@functools.lru_cache(maxsize=4096)
def _read(text: str) -> Any:
    return parse(text)


def _parsed(answer: Answer) -> Any:
    if isinstance(answer, Number):
        return sp.Rational(answer.value.numerator, answer.value.denominator)
    return _read(answer.text)


def expressions(a: Any, b: Any) -> bool | None:
    """Whether two expressions are equal."""
    if a == b:
        return True
    if not a.free_symbols and not b.free_symbols and (a.is_infinite or b.is_infinite):
        return False
    difference = a - b
    if difference == 0:
        return True
    if isinstance(difference, sp.Rational):
        return False
    functions = sorted(difference.atoms(sp.core.function.AppliedUndef), key=str)
    if functions:
        swapped = {one: sp.Dummy(str(one)) for one in functions}
        a, b, difference = a.xreplace(swapped), b.xreplace(swapped), difference.xreplace(swapped)
    return False if _apart(a, b, difference) else _is_zero(difference)


def _apart(a: Any, b: Any, difference: Any) -> bool:
    """Whether the two differ at a point where both are real, or at a point with positive coordinates."""
    symbols = sorted(difference.free_symbols, key=str)
    if len(symbols) > len(_POSITIVE):
        return False
    if not symbols:
        return _is_not_zero(difference)
    for shift in range(3):
        at = dict(zip(symbols, (_POSITIVE + _POSITIVE)[shift:], strict=False))
        if _is_not_zero(difference.subs(at)):
            return True
    at = dict(zip(symbols, (-one for one in _POSITIVE), strict=False))
    return _is_real_at(a, at) and _is_real_at(b, at) and _is_not_zero(difference.subs(at))


def _is_real_at(expression: Any, at: dict[Any, Any]) -> bool:
    """Whether the expression and every power and logarithm in it are real at the point."""
    parts = [expression, *expression.atoms(sp.Pow, sp.log)]
    return all(sp.N(part.subs(at), DIGITS).is_real for part in parts)


def _is_not_zero(value: Any) -> bool:
    """Whether a number is surely not zero: SymPy's evaluation says how many of its digits are right."""
    if isinstance(value, sp.Rational):
        return bool(value != 0)
    found = sp.N(value, DIGITS)
    parts = [one for one in found.as_real_imag() if one != 0]
    return bool(found.is_finite) and any(isinstance(one, sp.Float) and one._prec > 60 for one in parts)


def _is_zero(difference: Any) -> bool | None:
    """True where the difference is proved to be zero."""
    if sp.expand(difference) == 0 or sp.cancel(sp.together(difference)) == 0:
        return True
    if not difference.free_symbols and difference.is_algebraic:
        x = sp.Dummy()
        return True if sp.minimal_polynomial(difference, x) == x else None
    if difference.has(sp.log) and sp.cancel(sp.expand_log(difference, factor=True)) == 0:
        return True
    return True if sp.simplify(difference) == 0 else None


def _rounded_or(first: Number | Formula, second: Number | Formula, equal: bool | None) -> bool | None:
    """A long decimal that a formula rounds to is undecided."""
    number, other = (first, second) if isinstance(first, Number) else (second, first)
    if equal is not False or not isinstance(number, Number) or number.places < ROUNDED_PLACES:
        return equal
    value = _parsed(other)
    if value.free_symbols or not value.is_real:
        return equal
    exact = Fraction(str(sp.N(value, DIGITS + number.places)))
    return None if round(exact, number.places) == number.value else equal


def _sides(answer: Answer) -> tuple[str, Any]:
    """(operator, left minus right) of a relation."""
    if isinstance(answer, Relation):
        return answer.operator, _read(answer.left) - _read(answer.right)
    if isinstance(answer, Named) and isinstance(answer.value, Number | Formula):
        sides, found = split(answer.text, "=".__eq__)
        if found == ["="]:
            return "=", _read(sides[0]) - _read(sides[1])
    raise Unreadable(answer.text)


def _relations(first: tuple[str, Any], second: tuple[str, Any]) -> bool | None:
    """Equations are equal where one is a multiple of the other by a number; inequalities by a positive one."""
    (one, a), (other, b) = first, second
    if a == 0 or b == 0:
        return None
    factor = sp.cancel(sp.together(a / b))
    if factor.is_number and factor != 0 and factor.is_real:
        return one == (other if one == "=" or factor.is_positive else _FLIPPED[other])
    if one != "=" or other != "=":
        return False if a.is_polynomial() and b.is_polynomial() and sp.degree_list(a) != sp.degree_list(b) else None
    numerators = [sp.fraction(sp.together(side))[0] for side in (a, b)]
    if not all(side.is_polynomial(*side.free_symbols) for side in numerators):
        return None
    factors = [{base for base, _ in sp.factor_list(side)[1]} for side in numerators]
    return None if factors[0] == factors[1] else False
