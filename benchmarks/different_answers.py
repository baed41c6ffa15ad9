"""Rules that change something small in an answer that matters: the two are different."""

from __future__ import annotations

import random
import re
from fractions import Fraction

from benchmarks.answer_forms import (
    FRACTION,
    INTERVAL,
    UNIT,
    Rule,
    entries_of,
    fraction,
    is_plain_number,
    items_of,
    polynomial,
    whole,
)


def _digit(answer: str, drawn: random.Random) -> str | None:
    """One digit becomes another; leading zeros and arguments of commands stay."""
    places = [match.start() for match in re.finditer(r"\d", answer)]
    if not places or "_" in answer or re.search(r"\b[01]\s*\^|\^\{?0", answer):
        return None
    place = drawn.choice(places)
    other = drawn.choice([digit for digit in "23456789" if digit != answer[place]])
    return answer[:place] + other + answer[place + 1 :]


def _sign(answer: str, _: random.Random) -> str | None:
    if not re.search(r"[1-9A-Za-z]", answer) or not re.match(r"-|\d|\\[dt]?frac", answer) or items_of(answer):
        return None
    if re.fullmatch(r"0[\d.\s]*", answer) or "=" in answer or re.match(r"\d+[^\d\s.]*\s*[-+,]", answer):
        return None
    return answer[1:] if answer[0] == "-" else "-" + answer


def _one_more(answer: str, _: random.Random) -> str | None:
    return f"{answer} + 1" if is_plain_number(answer) or polynomial(answer) is not None else None


def _tiny(answer: str, drawn: random.Random) -> str | None:
    value = whole(answer)
    return None if value is None else f"{value}.{'0' * drawn.randint(6, 12)}1" if value >= 0 else None


def _tiny_formula(answer: str, drawn: random.Random) -> str | None:
    if not re.search(r"\\sqrt|\\pi", answer) or re.search(r"[,=<>(\[]|text|mbox|matrix", answer):
        return None
    return f"{answer} + \\frac{{1}}{{10^{{{drawn.randint(7, 40)}}}}}"


def _swapped(answer: str, _: random.Random) -> str | None:
    entries = entries_of(answer)
    if entries is None or len(set(entries)) < 2:
        return None
    return "(" + ", ".join(reversed(entries)) + ")" if entries != entries[::-1] else None


def _end(answer: str, drawn: random.Random) -> str | None:
    match = INTERVAL.fullmatch(answer.replace(r"\left", "").replace(r"\right", ""))
    if match is None or ((match[1], match[4]) == ("(", ")") and r"\infty" not in answer):
        return None
    ends = [one for one in (1, 4) if r"\infty" not in match[2 if one == 1 else 3]]
    if not ends:
        return None
    left, right = match[1], match[4]
    if drawn.choice(ends) == 1:
        left = "[" if left == "(" else "("
    else:
        right = "]" if right == ")" else ")"
    return f"{left}{match[2]},{match[3]}{right}"


def _union_end(answer: str, _: random.Random) -> str | None:
    parts = answer.split(r"\cup")
    if len(parts) < 2 or r"\infty" not in parts[0] or not parts[0].strip().endswith(")"):
        return None
    return r"\cup".join([parts[0].strip()[:-1] + "]", *parts[1:]]) if parts[1].strip()[0] == "(" else None


def _union_part(answer: str, _: random.Random) -> str | None:
    parts = answer.split(r"\cup")
    return r"\cup".join(parts[1:]).strip() if len(parts) > 1 else None


def _upside_down(answer: str, _: random.Random) -> str | None:
    found = FRACTION.fullmatch(answer)
    return f"{found[1]}\\frac{{{found[3]}}}{{{found[2]}}}" if found and found[2] != found[3] else None


def _shorter(answer: str, _: random.Random) -> str | None:
    items = items_of(answer)
    return None if items is None or len(items) < 3 else ", ".join(items[:-1])


def _other_item(answer: str, _: random.Random) -> str | None:
    items = items_of(answer)
    if items is None or whole(items[-1]) is None:
        return None
    changed = str(int(items[-1]) + 1)
    return None if changed in items else ", ".join([*items[:-1], changed])


def _no_root(answer: str, _: random.Random) -> str | None:
    if not re.search(r"\\sqrt\{(?!1\})\d+\}", answer) or re.search("[=<>]", answer):
        return None
    return re.sub(r"\\sqrt\{(\d+)\}", r"(\1)", answer, count=1)


def _exponent(answer: str, _: random.Random) -> str | None:
    return re.sub(r"([a-z])\^(\d)(?!\d)", lambda m: f"{m[1]}^{(int(m[2]) + 1) % 10 or 2}", answer, count=1) or None


def _variable(answer: str, _: random.Random) -> str | None:
    found = polynomial(answer)
    return (
        answer.replace(sorted(map(str, found.free_symbols))[0], "w")
        if found is not None and "w" not in answer
        else None
    )


def _entry(answer: str, _: random.Random) -> str | None:
    if r"\begin{pmatrix}" not in answer:
        return None
    return re.sub(r"(\d+)(?=[^\d]*$)", lambda match: str(int(match[1]) + 1), answer)


def _rows(answer: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"\s*\\begin\{pmatrix\}(.*)\\end\{pmatrix\}\s*", answer, re.DOTALL)
    rows = [row.strip() for row in match[1].split(r"\\")] if match else []
    if len(rows) < 2 or rows == rows[::-1]:
        return None
    return r"\begin{pmatrix}" + r" \\ ".join(reversed(rows)) + r"\end{pmatrix}"


def _other_unit(answer: str, _: random.Random) -> str | None:
    match = UNIT.fullmatch(answer)
    others = {"cm": "m", "m": "cm", "feet": "inches", "inches": "feet", "dollars": "cents", "hours": "minutes"}
    others |= {"minutes": "seconds", "miles": "feet", "days": "hours"}
    return f"{match[1]}\\text{{ {others[match[2]]}}}" if match else None


def _no_pi(answer: str, _: random.Random) -> str | None:
    return answer.replace(r"\pi", "").strip() if re.fullmatch(r"\d+\s*\\pi", answer) else None


def _plus(answer: str, _: random.Random) -> str | None:
    match = re.search(r"(?<=[\d}a-z ])([-+])(?=\s*[1-9a-z\\])", answer)
    if match is None or "=" in answer or r"\infty" in answer or "," in answer or "text" in answer:
        return None
    return answer[: match.start()] + ("-" if match[1] == "+" else "+") + answer[match.end() :]


def _coefficient(answer: str, drawn: random.Random) -> str | None:
    found = polynomial(answer)
    return None if found is None else f"{drawn.randint(2, 5)}({answer})"


def _joined_mixed(answer: str, _: random.Random) -> str | None:
    """1 1/2 read as 11/2."""
    value = fraction(answer)
    if value is None or value < 1 or value.denominator == 1:
        return None
    whole, rest = divmod(value.numerator, value.denominator)
    joined = int(f"{whole}{rest}")
    return None if Fraction(joined, value.denominator) == value else f"{joined}/{value.denominator}"


def _word(answer: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"\\text\{([A-Za-z]{3,})\}", answer)
    words = ["Monday", "even", "ellipse", "Yes", "Alice", "blue"]
    return None if match is None else next(f"\\text{{{word}}}" for word in words if word.lower() != match[1].lower())


def _letter(answer: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"(?:\\text\{)?\(?([A-F])\)?\}?", answer)
    return None if match is None else f"\\text{{({chr(ord(match[1]) + 1)})}}"


DIFFERENT: dict[str, Rule] = {
    "digit": _digit,
    "sign": _sign,
    "one more": _one_more,
    "tiny": _tiny,
    "tiny, formula": _tiny_formula,
    "swapped": _swapped,
    "end of an interval": _end,
    "end in a union": _union_end,
    "part of a union": _union_part,
    "upside down": _upside_down,
    "shorter list": _shorter,
    "other item": _other_item,
    "no root": _no_root,
    "exponent": _exponent,
    "variable": _variable,
    "entry of a matrix": _entry,
    "rows of a matrix": _rows,
    "other unit": _other_unit,
    "no pi": _no_pi,
    "plus and minus": _plus,
    "coefficient": _coefficient,
    "mixed number joined": _joined_mixed,
    "word": _word,
    "letter": _letter,
}
