"""Rules that write an answer in another way: the two are equal."""

from __future__ import annotations

import random
import re
from fractions import Fraction

import sympy

from benchmarks.answer_forms import (
    DECIMAL,
    FRACTION,
    INTERVAL,
    TUPLE,
    Rule,
    fraction,
    is_plain_number,
    items_of,
    polynomial,
    whole,
)


def _display_fraction(answer: str, drawn: random.Random) -> str | None:
    return answer.replace(r"\frac", drawn.choice([r"\dfrac", r"\tfrac"])) if r"\frac" in answer else None


def _bare_arguments(answer: str, _: random.Random) -> str | None:
    return re.sub(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac\1\2", answer) if r"\frac" in answer else None


def _slash(answer: str, _: random.Random) -> str | None:
    found = FRACTION.fullmatch(answer)
    return f"{found[1]}{found[2]}/{found[3]}" if found else None


def _decimal(answer: str, _: random.Random) -> str | None:
    value = fraction(answer)
    if value is None or 10**8 % value.denominator:
        return None
    return str(sympy.Rational(value.numerator, value.denominator).n(20)).rstrip("0")


def _from_decimal(answer: str, _: random.Random) -> str | None:
    if DECIMAL.fullmatch(answer) is None:
        return None
    value = Fraction(answer)
    return f"\\frac{{{value.numerator}}}{{{value.denominator}}}"


def _unreduced(answer: str, drawn: random.Random) -> str | None:
    value, by = fraction(answer), drawn.randint(2, 9)
    return f"\\frac{{{value.numerator * by}}}{{{value.denominator * by}}}" if value else None


def _mixed(answer: str, _: random.Random) -> str | None:
    value = fraction(answer)
    if value is None or value < 1 or value.denominator == 1:
        return None
    whole, rest = divmod(value.numerator, value.denominator)
    return f"{whole}\\frac{{{rest}}}{{{value.denominator}}}"


def _dollars(answer: str, drawn: random.Random) -> str | None:
    before, after = drawn.choice([("$", "$"), (r"\(", r"\)"), (r"\[ ", r" \]"), ("$", "$.")])
    return f"{before}{answer}{after}"


def _spaces(answer: str, drawn: random.Random) -> str | None:
    if r"\!" in answer:
        return answer.replace(r"\!", "")
    return re.sub(r"(?<=[\dA-Za-z}])([-+=,])(?=[\dA-Za-z\\])", rf" \1{drawn.choice([' ', chr(92) + ', '])}", answer)


def _sized(answer: str, _: random.Random) -> str | None:
    if r"\left" in answer:
        return answer.replace(r"\left", "").replace(r"\right", "")
    return answer.replace("(", r"\left(").replace(")", r"\right)") if TUPLE.fullmatch(answer) else None


def _bold(answer: str, drawn: random.Random) -> str | None:
    wrapper = drawn.choice(["textbf", "mathbf", "boldsymbol", "text", "mathrm"])
    return f"\\{wrapper}{{{answer}}}" if whole(answer) is not None or re.fullmatch(r"[A-F]", answer) else None


def _in_parentheses(answer: str, _: random.Random) -> str | None:
    return f"({answer})" if is_plain_number(answer) or re.fullmatch("[A-F]", answer) else None


def _unit_added(answer: str, drawn: random.Random) -> str | None:
    unit = drawn.choice([r"\text{ cm}", r"\mbox{ cm}^2", " inches", r"\text{ units}", "^\\circ", r"\ \text{apples}"])
    return answer + unit if is_plain_number(answer) else None


def _unit_dropped(answer: str, _: random.Random) -> str | None:
    bare = re.sub(r"\s*\\(?:text|mbox)\{[^{}]*\}(?:\^\{?[23]\}?)?$|\^\{?\\circ\}?\.?$", "", answer)
    if re.search(r"\\(?:sin|cos|tan)", answer):  # degrees and radians
        return None
    return bare if bare != answer and re.fullmatch(r"[^:]*\d[^:]*[^\\]", bare) else None


def _shuffled(answer: str, drawn: random.Random) -> str | None:
    items = items_of(answer)
    if items is None:
        return None
    return drawn.choice([", ", ",", r",\,"]).join(drawn.sample(items, len(items)))


def _in_words(answer: str, drawn: random.Random) -> str | None:
    items = items_of(answer)
    if items is None:
        return None
    word = drawn.choice(["or", "and"])
    return f"{', '.join(items[:-1])} {drawn.choice([word, f'{chr(92)}text{{ {word} }}'])} {items[-1]}"


def _as_solutions(answer: str, _: random.Random) -> str | None:
    items = items_of(answer)
    if items is None or not all(re.fullmatch(r"-?[\d\\{}frac]+", item) for item in items):
        return None
    return r" \text{ or } ".join(f"x={item}" for item in items)


def _braces(answer: str, drawn: random.Random) -> str | None:
    items = items_of(answer)
    return None if items is None else r"\{" + ", ".join(drawn.sample(items, len(items))) + r"\}"


def _named(answer: str, drawn: random.Random) -> str | None:
    if answer.startswith(("x=", "x =")):
        return answer[2:].strip(" =")
    name = drawn.choice(["x = ", "n=", r"\theta = ", "f(x) = ", "AB = "])
    return name + answer if is_plain_number(answer) or polynomial(answer) is not None else None


def _expanded(answer: str, _: random.Random) -> str | None:
    found = polynomial(answer)
    return None if found is None else str(sympy.latex(sympy.expand(found)))


def _factored(answer: str, _: random.Random) -> str | None:
    found = polynomial(answer)
    return None if found is None else str(sympy.latex(sympy.factor(found)))


def _terms_reordered(answer: str, drawn: random.Random) -> str | None:
    found = polynomial(answer)
    if found is None or not isinstance(found, sympy.Add):
        return None
    terms = list(found.args)
    drawn.shuffle(terms)
    return " + ".join(f"({sympy.latex(term)})" if str(term)[0] == "-" else str(sympy.latex(term)) for term in terms)


def _thousands(answer: str, drawn: random.Random) -> str | None:
    value = whole(answer)
    if value is None or abs(value) < 1000:
        return None
    return f"{value:,}".replace(",", drawn.choice([",", "{,}", r"\,", r",\!"]))


def _zeros(answer: str, drawn: random.Random) -> str | None:
    value = whole(answer)
    if value is None or value < 0:
        return f"{answer}00" if DECIMAL.fullmatch(answer) else None
    return drawn.choice([f"00{answer}", f"{answer}.0", f"{answer}.00", f"+{answer}"])


def _percent(answer: str, _: random.Random) -> str | None:
    return answer + r"\%" if whole(answer) is not None else None


def _matrix_kind(answer: str, drawn: random.Random) -> str | None:
    if r"\begin{pmatrix}" not in answer:
        return None
    return answer.replace("pmatrix", drawn.choice(["bmatrix", "pmatrix"])).replace(r"\\", drawn.choice([r"\\ ", r"\\"]))


def _inequality(answer: str, _: random.Random) -> str | None:
    match = INTERVAL.fullmatch(answer)
    if match is None or r"\left" in answer:
        return None
    low, high = match[2].strip(), match[3].strip()
    left, right = ("<" if one in "()" else r"\le" for one in (match[1], match[4]))
    if low == r"-\infty":
        return f"x {right} {high}" if high != r"\infty" else None
    if high == r"\infty":
        return f"x > {low}" if left == "<" else rf"x \ge {low}"
    return f"{low} {left} x {right} {high}"


def _union_reordered(answer: str, _: random.Random) -> str | None:
    parts = answer.split(r"\cup")
    return r" \cup ".join(part.strip() for part in reversed(parts)) if len(parts) > 1 else None


def _half_power(answer: str, _: random.Random) -> str | None:
    return re.sub(r"\\sqrt\{(\d+)\}", r"{\1}^{1/2}", answer) if re.search(r"\\sqrt\{\d+\}", answer) else None


def _under_the_root(answer: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"(\d+)\s*\\sqrt\{(\d+)\}", answer)
    return f"\\sqrt{{{int(match[1]) ** 2 * int(match[2])}}}" if match else None


def _moved_root(answer: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"\\d?frac\{(\d*)\\sqrt\{(\d+)\}\}\{(\d+)\}", answer)
    if match is None:
        return None
    return f"\\frac{{{int(match[1] or 1) * int(match[2])}}}{{{match[3]}\\sqrt{{{match[2]}}}}}"


def _as_sum(answer: str, drawn: random.Random) -> str | None:
    value, part = whole(answer), drawn.randint(2, 99)
    return f"{value - part}+{part}" if value is not None else None


def _as_power(answer: str, _: random.Random) -> str | None:
    value = whole(answer)
    if value is None or value < 4:
        return None
    return r" \cdot ".join(f"{p}^{{{k}}}" for p, k in sympy.factorint(value).items())


def _pi_reordered(answer: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"(\d+)\s*\\pi", answer) or re.fullmatch(r"(\\frac\{\d+\}\{\d+\})\s*\\pi", answer)
    return f"\\pi \\cdot {match[1]}" if match else None


def _equation_moved(answer: str, _: random.Random) -> str | None:
    match = re.fullmatch(r"y\s*=\s*(-?\d*)x\s*([-+])\s*(\d+)", answer)
    if match is None:
        return None
    slope = match[1] if match[1] not in {"", "-"} else match[1] + "1"
    return f"y - ({slope})x = {match[2] if match[2] == '-' else ''}{match[3]}"


EQUAL: dict[str, Rule] = {
    "display fraction": _display_fraction,
    "bare arguments": _bare_arguments,
    "slash": _slash,
    "decimal": _decimal,
    "from decimal": _from_decimal,
    "unreduced": _unreduced,
    "mixed number": _mixed,
    "delimiters": _dollars,
    "spaces": _spaces,
    "sized parentheses": _sized,
    "bold": _bold,
    "in parentheses": _in_parentheses,
    "unit added": _unit_added,
    "unit dropped": _unit_dropped,
    "list reordered": _shuffled,
    "list in words": _in_words,
    "list of solutions": _as_solutions,
    "list as a set": _braces,
    "name": _named,
    "expanded": _expanded,
    "factored": _factored,
    "terms reordered": _terms_reordered,
    "thousands": _thousands,
    "zeros": _zeros,
    "percent sign": _percent,
    "kind of matrix": _matrix_kind,
    "interval as inequality": _inequality,
    "union reordered": _union_reordered,
    "root as power": _half_power,
    "under the root": _under_the_root,
    "root moved": _moved_root,
    "sum": _as_sum,
    "prime factors": _as_power,
    "pi reordered": _pi_reordered,
    "equation moved": _equation_moved,
}
