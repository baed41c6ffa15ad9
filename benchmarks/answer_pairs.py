"""Pairs of final answers of which it is known whether they are equal, made from real answers by string rules.

Nothing here uses the comparer. ``EQUAL`` rewrites an answer in another way; ``DIFFERENT`` changes something small that
matters. A rule returns None where it doesn't apply.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import sympy
from sympy.parsing.sympy_parser import implicit_multiplication, parse_expr, standard_transformations

Rule = Callable[[str, random.Random], str | None]
Pair = tuple[str, str, str, bool]
"""(kind, first, second, equal)."""

_WHOLE = re.compile(r"-?\d{1,9}")
_FRACTION = re.compile(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_POLYNOMIAL = re.compile(r"(?=.*[a-z])(?:[\d+\-() ]|[a-dj-z]|\^\{?\d{1,2}\}?)+")
_TUPLE = re.compile(r"(\\left)?\(([^()\\]*|[^()]*)(\\right)?\)")
_INTERVAL = re.compile(r"([(\[])\s*([^,()\[\]]+),\s*([^,()\[\]]+)([)\]])")
_UNIT = re.compile(r"(-?[\d.]+)\s*\\text\{\s*(cm|m|feet|inches|dollars|hours|minutes|miles|days)\}")


def pairs(answers: Sequence[str], most: int, seed: int = 0) -> Iterator[Pair]:
    """At most ``most`` pairs a kind, from distinct answers in an order drawn by the seed."""
    drawn = random.Random(seed)
    order = sorted(set(answers))
    drawn.shuffle(order)
    made: Counter[str] = Counter()
    for rules, equal in ((EQUAL, True), (DIFFERENT, False)):
        for answer in order:
            for kind, rule in rules.items():
                if made[kind] < most and (second := rule(answer, drawn)) is not None and second != answer:
                    made[kind] += 1
                    yield kind, answer, second, equal


def _whole(answer: str) -> int | None:
    return int(answer) if _WHOLE.fullmatch(answer) else None


def _fraction(answer: str) -> Fraction | None:
    match = _FRACTION.fullmatch(answer)
    return Fraction(int(match[1] + match[2]), int(match[3])) if match else None


def _items(answer: str) -> list[str] | None:
    """The entries of a bare list of simple items."""
    parts = [part.strip() for part in answer.split(",")]
    simple = "text" not in answer and all(re.fullmatch(r"[-\dA-Za-z/\\{}^ ]+", part) for part in parts)
    return parts if len(parts) > 1 and simple and ", " in answer and len(set(parts)) == len(parts) else None


def _entries(answer: str) -> list[str] | None:
    """The entries of one tuple."""
    match = _TUPLE.fullmatch(answer.strip().replace(r"\left", "").replace(r"\right", ""))
    parts = match[2].split(",") if match else []
    return [part.strip() for part in parts] if len(parts) > 1 and "text" not in answer else None


def _polynomial(answer: str) -> sympy.Expr | None:
    if _POLYNOMIAL.fullmatch(answer) is None or not re.search("[-+(]", answer):
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


def _is_plain_number(answer: str) -> bool:
    return bool(_WHOLE.fullmatch(answer) or _DECIMAL.fullmatch(answer) or _FRACTION.fullmatch(answer))


# ------------------------------------------------------------------------------------------------- equal by rewriting


def _display_fraction(answer: str, drawn: random.Random) -> str | None:
    return answer.replace(r"\frac", drawn.choice([r"\dfrac", r"\tfrac"])) if r"\frac" in answer else None


def _bare_arguments(answer: str, _: random.Random) -> str | None:
    return re.sub(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac\1\2", answer) if r"\frac" in answer else None


def _slash(answer: str, _: random.Random) -> str | None:
    found = _FRACTION.fullmatch(answer)
    return f"{found[1]}{found[2]}/{found[3]}" if found else None


def _decimal(answer: str, _: random.Random) -> str | None:
    value = _fraction(answer)
    if value is None or 10**8 % value.denominator:
        return None
    return str(sympy.Rational(value.numerator, value.denominator).n(20)).rstrip("0")


def _from_decimal(answer: str, _: random.Random) -> str | None:
    if _DECIMAL.fullmatch(answer) is None:
        return None
    value = Fraction(answer)
    return f"\\frac{{{value.numerator}}}{{{value.denominator}}}"


def _unreduced(answer: str, drawn: random.Random) -> str | None:
    value, by = _fraction(answer), drawn.randint(2, 9)
    return f"\\frac{{{value.numerator * by}}}{{{value.denominator * by}}}" if value else None


def _mixed(answer: str, _: random.Random) -> str | None:
    value = _fraction(answer)
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
    return answer.replace("(", r"\left(").replace(")", r"\right)") if _TUPLE.fullmatch(answer) else None


def _bold(answer: str, drawn: random.Random) -> str | None:
    wrapper = drawn.choice(["textbf", "mathbf", "boldsymbol", "text", "mathrm"])
    return f"\\{wrapper}{{{answer}}}" if _whole(answer) is not None or re.fullmatch(r"[A-F]", answer) else None


def _in_parentheses(answer: str, _: random.Random) -> str | None:
    return f"({answer})" if _is_plain_number(answer) or re.fullmatch("[A-F]", answer) else None


def _unit_added(answer: str, drawn: random.Random) -> str | None:
    unit = drawn.choice([r"\text{ cm}", r"\mbox{ cm}^2", " inches", r"\text{ units}", "^\\circ", r"\ \text{apples}"])
    return answer + unit if _is_plain_number(answer) else None


def _unit_dropped(answer: str, _: random.Random) -> str | None:
    bare = re.sub(r"\s*\\(?:text|mbox)\{[^{}]*\}(?:\^\{?[23]\}?)?$|\^\{?\\circ\}?\.?$", "", answer)
    if re.search(r"\\(?:sin|cos|tan)", answer):  # degrees and radians
        return None
    return bare if bare != answer and re.fullmatch(r"[^:]*\d[^:]*[^\\]", bare) else None


def _shuffled(answer: str, drawn: random.Random) -> str | None:
    items = _items(answer)
    if items is None:
        return None
    return drawn.choice([", ", ",", r",\,"]).join(drawn.sample(items, len(items)))


def _in_words(answer: str, drawn: random.Random) -> str | None:
    items = _items(answer)
    if items is None:
        return None
    word = drawn.choice(["or", "and"])
    return f"{', '.join(items[:-1])} {drawn.choice([word, f'{chr(92)}text{{ {word} }}'])} {items[-1]}"


def _as_solutions(answer: str, _: random.Random) -> str | None:
    items = _items(answer)
    if items is None or not all(re.fullmatch(r"-?[\d\\{}frac]+", item) for item in items):
        return None
    return r" \text{ or } ".join(f"x={item}" for item in items)


def _braces(answer: str, drawn: random.Random) -> str | None:
    items = _items(answer)
    return None if items is None else r"\{" + ", ".join(drawn.sample(items, len(items))) + r"\}"


def _named(answer: str, drawn: random.Random) -> str | None:
    if answer.startswith(("x=", "x =")):
        return answer[2:].strip(" =")
    name = drawn.choice(["x = ", "n=", r"\theta = ", "f(x) = ", "AB = "])
    return name + answer if _is_plain_number(answer) or _polynomial(answer) is not None else None


def _expanded(answer: str, _: random.Random) -> str | None:
    found = _polynomial(answer)
    return None if found is None else str(sympy.latex(sympy.expand(found)))


def _factored(answer: str, _: random.Random) -> str | None:
    found = _polynomial(answer)
    return None if found is None else str(sympy.latex(sympy.factor(found)))


def _terms_reordered(answer: str, drawn: random.Random) -> str | None:
    found = _polynomial(answer)
    if found is None or not isinstance(found, sympy.Add):
        return None
    terms = list(found.args)
    drawn.shuffle(terms)
    return " + ".join(f"({sympy.latex(term)})" if str(term)[0] == "-" else str(sympy.latex(term)) for term in terms)


def _thousands(answer: str, drawn: random.Random) -> str | None:
    value = _whole(answer)
    if value is None or abs(value) < 1000:
        return None
    return f"{value:,}".replace(",", drawn.choice([",", "{,}", r"\,", r",\!"]))


def _zeros(answer: str, drawn: random.Random) -> str | None:
    value = _whole(answer)
    if value is None or value < 0:
        return f"{answer}00" if _DECIMAL.fullmatch(answer) else None
    return drawn.choice([f"00{answer}", f"{answer}.0", f"{answer}.00", f"+{answer}"])


def _percent(answer: str, _: random.Random) -> str | None:
    return answer + r"\%" if _whole(answer) is not None else None


def _matrix_kind(answer: str, drawn: random.Random) -> str | None:
    if r"\begin{pmatrix}" not in answer:
        return None
    return answer.replace("pmatrix", drawn.choice(["bmatrix", "pmatrix"])).replace(r"\\", drawn.choice([r"\\ ", r"\\"]))


def _inequality(answer: str, _: random.Random) -> str | None:
    match = _INTERVAL.fullmatch(answer)
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
    value, part = _whole(answer), drawn.randint(2, 99)
    return f"{value - part}+{part}" if value is not None else None


def _as_power(answer: str, _: random.Random) -> str | None:
    value = _whole(answer)
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

# ------------------------------------------------------------------------------------------ different by small changes


def _digit(answer: str, drawn: random.Random) -> str | None:
    """One digit becomes another; leading zeros and arguments of commands stay."""
    places = [match.start() for match in re.finditer(r"\d", answer)]
    if not places or "_" in answer or re.search(r"\b[01]\s*\^|\^\{?0", answer):
        return None
    place = drawn.choice(places)
    other = drawn.choice([digit for digit in "23456789" if digit != answer[place]])
    return answer[:place] + other + answer[place + 1 :]


def _sign(answer: str, _: random.Random) -> str | None:
    if not re.search(r"[1-9A-Za-z]", answer) or not re.match(r"-|\d|\\[dt]?frac", answer) or _items(answer):
        return None
    if re.fullmatch(r"0[\d.\s]*", answer) or "=" in answer or re.match(r"\d+[^\d\s.]*\s*[-+,]", answer):
        return None
    return answer[1:] if answer[0] == "-" else "-" + answer


def _one_more(answer: str, _: random.Random) -> str | None:
    return f"{answer} + 1" if _is_plain_number(answer) or _polynomial(answer) is not None else None


def _tiny(answer: str, drawn: random.Random) -> str | None:
    value = _whole(answer)
    return None if value is None else f"{value}.{'0' * drawn.randint(6, 12)}1" if value >= 0 else None


def _tiny_formula(answer: str, drawn: random.Random) -> str | None:
    if not re.search(r"\\sqrt|\\pi", answer) or re.search(r"[,=<>(\[]|text|mbox|matrix", answer):
        return None
    return f"{answer} + \\frac{{1}}{{10^{{{drawn.randint(7, 40)}}}}}"


def _swapped(answer: str, _: random.Random) -> str | None:
    entries = _entries(answer)
    if entries is None or len(set(entries)) < 2:
        return None
    return "(" + ", ".join(reversed(entries)) + ")" if entries != entries[::-1] else None


def _end(answer: str, drawn: random.Random) -> str | None:
    match = _INTERVAL.fullmatch(answer.replace(r"\left", "").replace(r"\right", ""))
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
    found = _FRACTION.fullmatch(answer)
    return f"{found[1]}\\frac{{{found[3]}}}{{{found[2]}}}" if found and found[2] != found[3] else None


def _shorter(answer: str, _: random.Random) -> str | None:
    items = _items(answer)
    return None if items is None or len(items) < 3 else ", ".join(items[:-1])


def _other_item(answer: str, _: random.Random) -> str | None:
    items = _items(answer)
    if items is None or _whole(items[-1]) is None:
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
    found = _polynomial(answer)
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
    match = _UNIT.fullmatch(answer)
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
    found = _polynomial(answer)
    return None if found is None else f"{drawn.randint(2, 5)}({answer})"


def _joined_mixed(answer: str, _: random.Random) -> str | None:
    """1 1/2 read as 11/2."""
    value = _fraction(answer)
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
