"""Forms of final answers, read by string rules for the pairs of ``answer_pairs``."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from fractions import Fraction

import sympy
from sympy.parsing.sympy_parser import implicit_multiplication, parse_expr, standard_transformations

Rule = Callable[[str, random.Random], str | None]

WHOLE = re.compile(r"-?\d{1,9}")
FRACTION = re.compile(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
DECIMAL = re.compile(r"-?\d+\.\d+")
POLYNOMIAL = re.compile(r"(?=.*[a-z])(?:[\d+\-() ]|[a-dj-z]|\^\{?\d{1,2}\}?)+")
TUPLE = re.compile(r"(\\left)?\(([^()\\]*|[^()]*)(\\right)?\)")
INTERVAL = re.compile(r"([(\[])\s*([^,()\[\]]+),\s*([^,()\[\]]+)([)\]])")
UNIT = re.compile(r"(-?[\d.]+)\s*\\text\{\s*(cm|m|feet|inches|dollars|hours|minutes|miles|days)\}")


def whole(answer: str) -> int | None:
    return int(answer) if WHOLE.fullmatch(answer) else None


def fraction(answer: str) -> Fraction | None:
    match = FRACTION.fullmatch(answer)
    return Fraction(int(match[1] + match[2]), int(match[3])) if match else None


def items_of(answer: str) -> list[str] | None:
    """The entries of a bare list of simple items."""
    parts = [part.strip() for part in answer.split(",")]
    simple = "text" not in answer and all(re.fullmatch(r"[-\dA-Za-z/\\{}^ ]+", part) for part in parts)
    return parts if len(parts) > 1 and simple and ", " in answer and len(set(parts)) == len(parts) else None


def entries_of(answer: str) -> list[str] | None:
    """The entries of one tuple."""
    match = TUPLE.fullmatch(answer.strip().replace(r"\left", "").replace(r"\right", ""))
    parts = match[2].split(",") if match else []
    return [part.strip() for part in parts] if len(parts) > 1 and "text" not in answer else None


def polynomial(answer: str) -> sympy.Expr | None:
    if POLYNOMIAL.fullmatch(answer) is None or not re.search("[-+(]", answer):
        return None
    text = re.sub(r"\^\{?(\d+)\}?", r"**\1 ", answer)
    text = re.sub(r"(?<=[a-z])(?=[a-z(])|(?<=\d)(?=[a-z(])|(?<=\))(?=[a-z(\d])", " ", text)
    try:
        return parse_expr(
            text,
            {name: sympy.Symbol(name) for name in "abcdefghijklmnopqrstuvwxyz"},
            (*standard_transformations, implicit_multiplication),
        )
    except (SyntaxError, TypeError, AttributeError):
        return None


def is_plain_number(answer: str) -> bool:
    return bool(WHOLE.fullmatch(answer) or DECIMAL.fullmatch(answer) or FRACTION.fullmatch(answer))
