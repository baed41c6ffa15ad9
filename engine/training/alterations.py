"""Real questions, altered so that they can no longer be answered: what a judge of solvability learns to tell apart.

The judge learns from the kinds of ``TRAINED`` and is also measured on those of ``UNSEEN``, since a judge that only
knows the faults that it was shown is of little use. A few altered questions can still be answered (a condition was not
needed, say), so no judge reaches an AUC of 1 on them.
"""

import random
import re
from collections.abc import Callable

_SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z$\\(])")
_NUMBER = re.compile(r"(?<![\w.,$\\^{/-])\d+(?:,\d{3})*(?![\w,./%^}-]|\.\d)")
_ASKS = re.compile(
    r"\?|^(?:find|compute|determine|calculate|evaluate|what|how|express|simplify|solve|prove|show|give|enter|write)\b",
    re.I,
)
Alteration = Callable[[str, str, random.Random], str | None]


def cut_off(question: str, other: str, rng: random.Random) -> str | None:
    """The question ends in the middle of a sentence."""
    words = question.split()
    if len(words) < 8:
        return None
    kept = words[: rng.randint(len(words) // 3, len(words) - 2)]
    return " ".join(kept).rstrip(" .?!,;:")


def number_missing(question: str, other: str, rng: random.Random) -> str | None:
    """A number of a condition became indefinite."""
    found = [match for match in _NUMBER.finditer(question) if not _in_formula(question, match.start())]
    if not found:
        return None
    chosen = rng.choice(found)
    return question[: chosen.start()] + rng.choice(("some", "several", "a few")) + question[chosen.end() :]


def contradiction(question: str, other: str, rng: random.Random) -> str | None:
    """A condition is repeated with another number."""
    sentences = _SENTENCE.split(question)
    able = [i for i, one in enumerate(sentences) if not _ASKS.search(one) and _NUMBER.search(one)]
    if not able:
        return None
    place = rng.choice(able)
    match = rng.choice(list(_NUMBER.finditer(sentences[place])))
    number = int(match.group().replace(",", ""))
    changed = number + rng.choice((1, 2, 3, 5, number + 1))
    again = sentences[place][: match.start()] + str(changed) + sentences[place][match.end() :]
    return " ".join([*sentences[: place + 1], again, *sentences[place + 1 :]])


def question_missing(question: str, other: str, rng: random.Random) -> str | None:
    """The conditions are there, and nothing is asked."""
    rest = [one for one in _SENTENCE.split(question) if not _ASKS.search(one)]
    return " ".join(rest) if rest and len(" ".join(rest)) < len(question) else None


def condition_missing(question: str, other: str, rng: random.Random) -> str | None:
    """A whole sentence with a number is gone."""
    sentences = _SENTENCE.split(question)
    able = [i for i, one in enumerate(sentences) if not _ASKS.search(one) and re.search(r"\d", one)]
    if len(sentences) < 3 or not able:
        return None
    gone = rng.choice(able)
    return " ".join(sentences[:gone] + sentences[gone + 1 :])


def other_question(question: str, other: str, rng: random.Random) -> str | None:
    """It asks what another question asks."""
    mine, theirs = _SENTENCE.split(question), _SENTENCE.split(other)
    if len(mine) < 2 or len(theirs) < 2 or not (_ASKS.search(mine[-1]) and _ASKS.search(theirs[-1])):
        return None
    return " ".join([*mine[:-1], theirs[-1]])


def repeated(question: str, other: str, rng: random.Random) -> str | None:
    """A run of words comes again and again, as small models write at high temperatures."""
    words = question.split()
    if len(words) < 12:
        return None
    length = rng.randint(3, 7)
    start = rng.randint(2, len(words) - length - 2)
    return " ".join(
        words[: start + length] + words[start : start + length] * rng.randint(1, 2) + words[start + length :]
    )


TRAINED: dict[str, Alteration] = {
    "cut off": cut_off,
    "number missing": number_missing,
    "contradiction": contradiction,
    "question missing": question_missing,
}
UNSEEN: dict[str, Alteration] = {
    "condition missing": condition_missing,
    "other question": other_question,
    "repeated": repeated,
}


def altered(question: str, other: str, kinds: dict[str, Alteration], rng: random.Random) -> dict[str, str]:
    """The question altered in each of these ways that changes it, by kind. ``other``: another question."""
    made = {kind: alter(question, other, rng) for kind, alter in kinds.items()}
    return {kind: text for kind, text in made.items() if text and text != question}


def _in_formula(text: str, place: int) -> bool:
    return text.count("$", 0, place) % 2 == 1
