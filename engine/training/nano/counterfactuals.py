"""Pairs of questions that differ in one point alone, by which the first is impossible and the second possible.

The judge learns from them what a generator's output shows too rarely: which numbers a story can't have, and that a
question must be about the people and things of its story.
"""

import random
import re
from collections.abc import Iterator

from engine.training.curriculum import Problem, read, story_of
from engine.training.curriculum.core import WORDS, draw_number, word_type
from engine.training.curriculum.work import BelowZero, Impossible
from engine.training.nano import text

Pair = tuple[str, str]
"""(impossible, possible)."""


def _failure(problem: Problem, numbers: dict[str, int]) -> type[Impossible] | None:
    try:
        problem.kind.work(numbers)
    except Impossible as error:
        return type(error)
    return None


def other_numbers(problem: Problem, reason: type[Impossible], rng: random.Random, tries: int = 30) -> str | None:
    """The question with numbers for which its kind has no answer: ``BelowZero`` for a result below zero, ``Impossible``
    for any other reason (a division with a remainder, say). Two numbers change places or one is drawn again; None
    where no try is impossible for this reason.
    """
    phrasing, slots = problem.kind.phrasings[problem.phrasing], list(problem.numbers)
    for _ in range(tries):
        numbers = dict(problem.numbers)
        one, two = rng.choice(slots), rng.choice(slots)
        if one == two:
            numbers[one] = draw_number(problem.kind.numbers[one], rng.randint(0, 2), rng)
        else:
            numbers[one], numbers[two] = numbers[two], numbers[one]
        if _failure(problem, numbers) is reason:
            return phrasing.format(**numbers, **problem.words)
    return None


def other_word(problem: Problem, rng: random.Random) -> str | None:
    """The question with one mention of a person or thing replaced by another that the story doesn't have; None where
    the story mentions all only once.
    """
    story = story_of(problem.question)
    start = len(problem.question) - len(story)
    mentions = [(slot, match) for slot, word in problem.words.items() for match in re.finditer(rf"\b{word}\b", story)]
    rng.shuffle(mentions)
    for slot, match in mentions:
        word = rng.choice([w for w in WORDS[word_type(slot)] if w not in problem.words.values()])
        changed = problem.question[: start + match.start()] + word + problem.question[start + match.end() :]
        if read(changed).status != "ok":
            return changed
    return None


def pairs(seed: int, each: int) -> Iterator[Pair]:
    """``each`` pairs of each sort: results below zero, other impossible numbers, other words."""
    rng = random.Random(seed)
    wanted = dict.fromkeys(("below zero", "numbers", "words"), each)
    for chunk in text.problems(seed):
        for problem in chunk:
            found = {
                "below zero": other_numbers(problem, BelowZero, rng) if wanted["below zero"] else None,
                "numbers": other_numbers(problem, Impossible, rng) if wanted["numbers"] else None,
                "words": other_word(problem, rng) if wanted["words"] else None,
            }
            for sort, changed in found.items():
                if changed is not None:
                    wanted[sort] -= 1
                    yield changed, problem.question
            if not any(wanted.values()):
                return
