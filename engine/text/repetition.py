"""How much of a text repeats itself."""

import re

_WORD = re.compile(r"\w+|[^\w\s]")


def of_solution(reasoning: str | None, response: str) -> float:
    """How much of a solution repeats itself, its reasoning included."""
    return repetition(f"{reasoning or ''}\n{response}")


def repetition(text: str, n: int = 20) -> float:
    """The share of n-grams of words that occurred before, 1 - distinct / all; 0 for a text of fewer than n words.

    A sign counts as a word, so that formulas count. A text that loops comes close to 1; solutions rarely repeat 20
    words in a row, so that 0.1 is much.
    """
    words = _WORD.findall(text)
    grams = len(words) - n + 1
    if grams < 2:
        return 0.0
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(word, len(numbers)) for word in words]
    distinct = len(set(zip(*(ids[start : start + grams] for start in range(n)), strict=True)))
    return 1 - distinct / grams
