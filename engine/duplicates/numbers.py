"""The numbers that a question states, in digits or in words: two questions with different numbers are different
questions, however close their meanings are."""

from __future__ import annotations

import re
import tomllib

from xxhash import xxh3_64_intdigest

from engine.paths import ASSETS

_TOKEN = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+|[a-z]+|[^\s-]")
_WORDS = tomllib.loads((ASSETS / "text" / "words.toml").read_text(encoding="utf-8"))["stated"]
_VALUES = {word: value for value, word in enumerate(_WORDS["units"].split())}
_VALUES |= {word: 10 * place for place, word in enumerate(_WORDS["tens"].split(), 2)}
_VALUES |= {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_OTHERS = {"half": 0.5, "halves": 0.5, "quarter": 0.25, "quarters": 0.25}
_OTHERS |= {"twice": 2.0, "double": 2.0, "triple": 3.0, "dozen": 12.0}
_OTHERS |= {part + end: 1 / n for n, part in enumerate(_WORDS["parts"].split(), 3) for end in ("", "s")}


def numbers(text: str) -> int:
    """Equal for texts that state the same numbers in any order (64 bits)."""
    return xxh3_64_intdigest(" ".join(f"{number:.6g}" for number in sorted(stated(text))).encode())


def stated(text: str) -> list[float]:
    """The numbers in order: "25", "1,000", "twenty-five", "three hundred and five", "half". A single "one" is left out,
    since it is mostly a pronoun."""
    found: list[float] = []
    words: list[int] = []
    for token in [*_TOKEN.findall(text.lower().replace("{,}", ",")), ""]:
        value = _VALUES.get(token)
        if token == "and" and words and words[-1] >= 100:
            continue
        if value is None or not _continues(words, value):
            found += [_value(words)] if words and words != [1] else []
            words = []
        if value is not None:
            words.append(value)
        elif token in _OTHERS:
            found.append(_OTHERS[token])
        elif token[:1].isdecimal() or token[1:].isdecimal():
            found.append(float(token.replace(",", "")))
    return found


def _continues(words: list[int], value: int) -> bool:
    """Whether a number that begins with these words includes one more of this value."""
    if not words or value >= 100:
        return True
    return words[-1] >= 100 or (words[-1] >= 20 and 0 < value < 10)


def _value(words: list[int]) -> float:
    total = current = 0
    for value in words:
        if value >= 1_000:
            total, current = total + max(current, 1) * value, 0
        else:
            current = max(current, 1) * value if value == 100 else current + value
    return float(total + current)
