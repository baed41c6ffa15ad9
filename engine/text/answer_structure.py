"""What a final answer is: a number with a unit, words, a sequence or interval, a matrix, a relation, a formula.

Only its outer structure is read here, without a parser for formulas; what has no structure that we know is ``Prose``.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction

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
from engine.text.layout import bracketed, normalise, split, tight, word_set
from engine.text.units import canonical

MAX_CHARS = 400
"""Longer answers are compared as text only."""


@functools.lru_cache(maxsize=4096)
def read(answer: str) -> Answer:
    """The structure of an answer."""
    text = normalise(answer)
    return Prose(text) if len(text) > MAX_CHARS else _read(text)


def _read(text: str) -> Answer:
    inner = bracketed(text)
    if inner is not None and inner[0] in {"()", "[]"} and inner[1] and "," not in inner[1] and ";" not in inner[1]:
        return _read(inner[1])  # parentheses round one thing
    return (
        _number(text)
        or _choice(text)
        or _words(text)
        or _matrix(text)
        or _union(text)
        or _list(text)
        or _brackets(text)
        or _relation(text)
        or _signs(text)
        or _formula(text)
    )


_NUMBER = re.compile(
    r"""(?P<sign>[-+]?)\s*
    (?: (?P<whole>\d{1,3}(?:,\d{3})+|\d+)? \s* (?P<slash>-?)
          \\frac\{\s*(?P<top>-?[\d,]+)\s*\}\{\s*(?P<bottom>[\d,]+)\s*\}
      | (?:(?P<count>\d+)\s+)? (?P<over>\d+)\s*/\s*(?P<under>\d+)
      | (?P<plain>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:[eE](?P<power>[-+]?\d{1,3}))? )
    \s* (?P<unit>\\?% | \^\\circ(?:\s*[CF])? | _\s*\{?(?P<base>\d{1,2})\}?
      | \\text\{[^{}\\]*\}(?:\^\{?[23]\}?)?
      | (?<=[\s\d])[A-Za-z]{2,}\.?(?:\s[A-Za-z]{2,}){0,3}(?:\^\{?[23]\}?)?
      | (?<=\s)[A-Za-z]{1,9}\s?/\s?[A-Za-z]{1,9}(?:\^\{?[23]\}?)?
      | (?<=\s)[mgls](?:\^\{?[23]\}?)? )? \s*""",
    re.VERBOSE,
)
_NOT_UNITS = word_set("""
    pi sqrt sin cos tan log ln exp and or mod over to frac times xy ab xyz abc is if for cdot e than less more
    """)
_SPELLED = {
    word: value
    for value, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}


def _number(text: str) -> Number | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    unit = f"base {part['base']}" if part["base"] else _unit(part["unit"] or "")
    if unit is None:
        return None
    if part["plain"]:
        digits = part["plain"].replace(",", "").rstrip(".")
        places = len(digits.partition(".")[2]) - int(part["power"] or 0)
        value = Fraction(f"{digits}e{part['power'] or 0}")
    else:
        places = 0
        top, bottom = (int((part[one] or part[other]).replace(",", "")) for one, other in _PARTS)
        whole = int((part["whole"] or part["count"] or "0").replace(",", ""))
        if bottom == 0 or ((top < 0 or part["slash"]) and (part["whole"] or part["sign"])):
            return None
        value = whole + Fraction(-top if part["slash"] else top, bottom)
    return Number(text, -value if part["sign"] == "-" else value, unit, max(places, 0))


_PARTS = (("top", "over"), ("bottom", "under"))


def _unit(text: str) -> str | None:
    """The canonical unit; None for what is none."""
    plain = text.replace("\\text", " ").strip()
    if "%" in plain or plain.strip("{} ").lower() in {"percent", "per cent"}:
        return "%"
    if "\\circ" in plain:
        return "degree"
    words = plain.strip("{} ").lower().split()
    if words and (words[0] in _NOT_UNITS or not _NOT_UNITS.isdisjoint(words[1:])):
        return None
    if (
        "/" in plain
        and "{" not in plain
        and len(per := plain.split("/")[0].strip()) < 4
        and canonical(per) not in _BARE
    ):
        return None  # 5 x/y is a formula
    if words and len(words[0]) < 4 and "{" not in plain and words[0].isalpha() and canonical(words[0]) not in _BARE:
        return None  # 5xy is a product
    return canonical(plain)


_BARE = word_set("""
    mm cm dm m km in ft yd mi mg g kg lb oz ml cl l s min h day deg cent usd mph kph sq square
    """)

_WORD_TEXT = re.compile(r"\\text\{([^{}\\]*)\}|(No|no|NO|(?:[Aa]n? |[Tt]he )?[A-Za-z][a-z]{2,}(?:[ '-][A-Za-z]+)*)")
_FUNCTIONS = word_set("""
    sin cos tan cot sec csc log exp sqrt arcsin arccos arctan sinh cosh tanh max min gcd lcm
    """)


def _words(text: str) -> Answer | None:
    match = _WORD_TEXT.fullmatch(text)
    if match is None:
        return None
    if "," in (match.group(1) or ""):
        return _read(match.group(1).strip(" ,"))
    words = " ".join((match.group(1) or match.group(2) or "").casefold().split()).strip(".,;: ")
    words = re.sub(r"^(?:an?|the) ", "", words)
    if not words or words.split()[0] in _FUNCTIONS:
        return None
    if words in _SPELLED:
        return Number(text, Fraction(_SPELLED[words]))
    return Words(words)


def _choice(text: str) -> Answer | None:
    named = re.fullmatch(r"(?:option|choice)\s+\(?([A-J])\)?", text, re.I)
    if named is not None:
        return Formula(named.group(1).upper())
    match = re.fullmatch(r"(?:\(([A-J])\)[.:]?|([A-J])[.):])\s*(\S.*)", text, re.DOTALL)
    if match is None or match.group(3)[0] in "^_!=+*/" or match.group(3)[0] in "-":
        return None
    return Choice(text, match.group(1) or match.group(2), _read(match.group(3)))


_MATRIX = re.compile(r"\\begin\{([pbBvV]?matrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\{\1\}", re.DOTALL)


def _matrix(text: str) -> Matrix | None:
    match = _MATRIX.fullmatch(text)
    if match is None or "\\begin" in match.group(2):
        return None
    rows = [split(row, "&".__eq__)[0] for row in split(match.group(2), "\\\\".__eq__)[0] if row]
    return Matrix(text, tuple(tuple(_read(cell) for cell in row) for row in rows))


def _union(text: str) -> Answer | None:
    pieces, found = split(text, r"\cup".__eq__)
    if not found or not all(pieces):
        return None
    pieces[0], name = _without_name(pieces[0])
    union = Union(text, tuple(_read(piece) for piece in pieces))
    return Named(text, name, union) if name else union


def _without_name(text: str) -> tuple[str, str]:
    match = re.match(r"(\\?[A-Za-z]+)\s*\\in(?![A-Za-z])\s*", text)
    return (text[match.end() :], match.group(1)) if match else (text, "")


_SEPARATOR = re.compile(r",?\s*(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])\s*")


def _list(text: str) -> Answer | None:
    if text.startswith("]") and text.endswith("["):  # ]0, 1[ is (0, 1)
        return _brackets(f"({text[1:-1]})")
    joined = _SEPARATOR.sub(",", text) if " or " in text or " and " in text else text
    pieces, found = split(joined, lambda token: token in {",", ";"})
    if not found:
        return None
    items = [_read(piece) for piece in pieces if piece]
    if not items or any(isinstance(item, Prose | Relation | Choice) for item in items):
        return Prose(text)
    names = [item.name if isinstance(item, Named) else None for item in items]
    values = tuple(item.value if isinstance(item, Named) else item for item in items)
    if any(isinstance(item, Named) and not _is_equation(item) for item in items):
        alike = len(set(names)) == 1 and " or " in text
        return Named(text, str(names[0]), Union(text, values)) if alike else Prose(text)
    if names[0] is not None and {*names[1:]} <= {None, names[0]}:  # n = 2, 3, 4
        return Named(text, names[0], _flat(text, values))
    return _flat(text, tuple(items))


def _is_equation(item: Named) -> bool:
    return not re.search(r"[<>]|\\(?:le|ge|in)(?![A-Za-z])", item.text)


def _flat(text: str, items: tuple[Answer, ...]) -> Sequence:
    """A list; what a plus-or-minus sign stands for joins it."""
    flat: list[Answer] = []
    for item in items:
        flat += item.items if isinstance(item, Sequence) and not item.brackets else [item]
    return Sequence(text, "", tuple(flat))


def _brackets(text: str) -> Answer | None:
    inner = bracketed(text)
    if inner is None:
        return Words("empty set") if text == r"\emptyset" else None
    brackets, content = inner
    if brackets not in {"()", "[]", "{}", "[)", "(]"}:
        return Prose(text)
    if not content:
        return Words("empty set") if brackets == "{}" else Prose(text)
    pieces, _ = split(content, lambda token: token in {",", ";"})
    if not all(pieces) or (brackets == "{}" and re.search(r"\||\\mid|\\colon|:", content)):
        return Prose(text)
    items = tuple(_read(piece) for piece in pieces)
    if len(items) == 2 and brackets != "{}":  # an infinite end is always open
        first = "(" if r"\infty" in items[0].text else brackets[0]
        brackets = first + (")" if r"\infty" in items[1].text else brackets[1])
    return items[0] if len(items) == 1 else Sequence(text, brackets, items)


_OPERATORS = frozenset(["=", "<", ">", r"\le", r"\ge", r"\lt", r"\gt", r"\ne", r"\in", r"\approx", r"\equiv"])
_NAME = re.compile(
    r"(?:\\?[A-Za-z]|\\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|omega|rho|sigma)|\\text\{[^{}]*\}|[A-Z]{2,4}"
    r"|\\(?:angle|triangle|overline|mathbf|vec)\s*\{?[A-Za-z]+\}?|\|[A-Z]{2}\||m\s*\\angle [A-Z]+|\d?[A-Z]{2})"
    r"(?:_(?:\w|\{[^{}]*\}))?'*(?:\([A-Za-z0-9](?:,\s*[A-Za-z0-9])*\))?|\([A-Za-z](?:,\s*[A-Za-z])+\)"
)
_FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}


def _relation(text: str) -> Answer | None:
    sides, found = split(text.replace(r"\lt", "<").replace(r"\gt", ">"), _OPERATORS.__contains__)
    if not found:
        return None
    if not all(sides):
        return Prose(text)
    named = _NAME.fullmatch(sides[0]) is not None
    if set(found) <= {"=", r"\approx"}:
        end = next((at for at, one in enumerate(found) if one == r"\approx"), len(found))
        if named and end:
            return Named(text, tight(sides[0]), _read(sides[end]))
        if len(found) == 1 and _NAME.fullmatch(sides[1]) and found == ["="]:
            return Named(text, tight(sides[1]), _read(sides[0]))
        if not re.search(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])", text):  # 10/4 = 2.5
            return _read(sides[end])
    if found == [r"\in"] and named:
        return Named(text, tight(sides[0]), _read(sides[1]))
    if set(found) <= _FLIPPED.keys() and (interval := _interval(text, sides, found)) is not None:
        return interval
    return Relation(text, found[0], *sides) if len(found) == 1 and found[0] in {"=", *_FLIPPED} else Prose(text)


def _interval(text: str, sides: list[str], found: list[str]) -> Named | None:
    """``a < x \\le b``, ``x > a`` and ``a > x`` as an interval of x."""
    if len(sides) == 2 and _NAME.fullmatch(sides[1]) and not _NAME.fullmatch(sides[0]):
        sides, found = sides[::-1], [_FLIPPED[found[0]]]
    if len(sides) == 2 and _NAME.fullmatch(sides[0]):
        low, high = ("", sides[1]) if found[0] in {"<", r"\le"} else (sides[1], "")
        name, left, right = sides[0], found[0], found[0]
    elif len(sides) == 3 and _NAME.fullmatch(sides[1]):
        if found[0] in {">", r"\ge"}:
            sides, found = sides[::-1], [_FLIPPED[one] for one in found[::-1]]
        if not set(found) <= {"<", r"\le"}:
            return None
        (low, name, high), (left, right) = sides, found
    else:
        return None
    first = "[" if low and left in {r"\le", r"\ge"} and r"\infty" not in low else "("
    last = "]" if high and right in {r"\le", r"\ge"} and r"\infty" not in high else ")"
    ends = (_read(low or r"-\infty"), _read(high or r"\infty"))
    return Named(text, tight(name), Sequence(text, first + last, ends))


def _signs(text: str) -> Sequence | None:
    if text.count(r"\pm") != 1 or r"\mp" in text:
        return None
    return Sequence(text, "", tuple(_read(text.replace(r"\pm", sign).lstrip("+ ")) for sign in "+-"))


_COMMANDS = word_set("""
    frac sqrt binom cdot times div pi infty circ sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln
    exp lfloor rfloor lceil rceil lvert rvert overline vec angle triangle alpha beta gamma delta epsilon varepsilon
    theta lambda mu nu rho sigma tau phi varphi omega psi xi eta zeta kappa chi Gamma Delta Theta Lambda Sigma Phi
    Omega Psi mathbb operatorname gcd max min int sum prod lim bmod pmod mod ast star
    """)
_END_UNIT = re.compile(
    r"\s*(?:(\^\\circ|\\?%)|\\text\{([^{}]*)\}(\^\{?[23]\}?)?)$|(?<=[\d})\s])\s+([A-Za-z]{2,})(\^[23])?$"
)


_ANGLES = word_set("sin cos tan cot sec csc")


def _formula(text: str) -> Formula | Prose:
    whole, unit, match = text, "", _END_UNIT.search(text)
    angle = match is not None and match.group(1) and not _ANGLES.isdisjoint(re.findall(r"[a-z]{3}", text))
    if match is not None and match.start() and text[match.start() - 1] not in "^_{+-*/=" and not angle:
        found = match.group(1) or f"{match.group(2) or match.group(4)}{match.group(3) or match.group(5) or ''}"
        bare = _unit(found) if match.group(4) else canonical(found) if match.group(1) is None else _unit(found)
        if bare is not None and (match.group(4) is None or bare in _BARE or len(match.group(4)) > 3):
            text, unit = text[: match.start()].strip(), bare
    commands = re.findall(r"\\([A-Za-z]+)", text)
    if r"\text" in text or not _COMMANDS.issuperset(commands) or "..." in text:
        return Prose(whole)
    runs = re.findall(r"(?<![\\A-Za-z{])[A-Za-z]{2,}", text)
    prose = [run for run in runs if run.lower() not in _FUNCTIONS and (len(run) > 3 or run.lower() in _COMMON)]
    return Prose(whole) if prose or len(runs) > 3 else Formula(text, unit)


_COMMON = word_set("""
    is are if or and for all no not of the any an to in with by at as on it so mod
    """)
