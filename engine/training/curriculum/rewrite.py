"""The curriculum's stand-in for the paper's rewriting LLM: repair or harden one given question (paper, section 2.2).

As in the paper, a sample is rewritten in ONE direction; the rewrite is chosen, the sample rejected. ``solvable``
repairs the story of the nearest kind and keeps the sample's words and numbers where possible; ``difficult`` raises the
numbers. Departure from the paper: without an LLM, a sample that is already solvable has no ``solvable`` rewrite (None),
where the paper's rewriter would paraphrase it.
"""

import random
import re
from difflib import SequenceMatcher
from functools import cache
from typing import Literal

from engine.training.curriculum.core import (
    KINDS,
    WORDS,
    Kind,
    Reading,
    draw_number,
    make,
    read,
    slots_of,
    story_of,
    word_type,
)
from engine.training.curriculum.work import Impossible

Direction = Literal["solvable", "difficult"]
_WORD = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]")
_TYPE_OF = {word: kind for kind, words in WORDS.items() for word in words}


def _mask(text: str) -> tuple[str, ...]:
    """A question as words, with numbers and slot words replaced by their type: what two stories have in common."""
    tokens = _WORD.findall(text)
    return tuple("#" if t.isdigit() else f"<{_TYPE_OF[t]}>" if t in _TYPE_OF else t for t in tokens)


@cache
def _templates() -> list[tuple[Kind, int, tuple[str, ...], frozenset[str]]]:
    rows = []
    for kind in KINDS.values():
        for number, phrasing in enumerate(map(story_of, kind.phrasings)):
            fill = {s: WORDS[word_type(s)][0] if word_type(s) in WORDS else "1" for s in slots_of(phrasing)}
            masked = _mask(phrasing.format(**fill))
            rows.append((kind, number, masked, frozenset(masked)))
    return rows


def nearest(question: str) -> tuple[Kind, int, float]:
    """(kind, phrasing, similarity 0..1) of the phrasing that a text's story comes closest to."""
    masked = _mask(story_of(question))
    words = frozenset(masked)
    overlap = sorted(_templates(), key=lambda row: -len(words & row[3]) / len(words | row[3]))[:8]
    scored = [(SequenceMatcher(None, masked, row[2], autojunk=False).ratio(), row) for row in overlap]
    ratio, (kind, phrasing, _, _) = max(scored, key=lambda pair: pair[0])
    return kind, phrasing, ratio


def _words_from(question: str, phrasing: str, rng: random.Random) -> dict[str, str]:
    """Fill the phrasing's word slots with the text's own words of those types, in order; draw what is missing."""
    found = [w for w in _WORD.findall(question) if w in _TYPE_OF]
    chosen: dict[str, str] = {}
    for slot in slots_of(phrasing):
        kind = word_type(slot)
        if kind in WORDS:
            own = [w for w in found if _TYPE_OF[w] == kind and w not in chosen.values()]
            chosen[slot] = own[0] if own else rng.choice([w for w in WORDS[kind] if w not in chosen.values()])
    return chosen


def _repair(question: str, reading: Reading, rng: random.Random) -> str | None:
    if reading.status == "ok":
        return None
    story = story_of(question.strip())
    kind, phrasing, words = reading.kind, reading.phrasing, reading.words
    if kind is None or words is None or len(set(words.values())) < len(words):
        kind, phrasing, ratio = nearest(story)
        if ratio < 0.5:
            return None
        words = _words_from(story, story_of(kind.phrasings[phrasing]), rng)
    text = story_of(kind.phrasings[phrasing])
    own = [int(n) for n in re.findall(r"[0-9]{1,5}", story)]
    slots = [slot for slot in slots_of(text) if slot in kind.numbers]
    if len(own) == len(slots) and (numbers := _possible(kind, dict(zip(slots, own, strict=True)), rng)) is not None:
        return reading.introduction + text.format(**numbers, **words)
    problem = make(kind, kind.level + rng.randint(0, 2), rng, phrasing=phrasing, words=words)
    return reading.introduction + problem.question if problem else None


def _possible(kind: Kind, numbers: dict[str, int], rng: random.Random, tries: int = 30) -> dict[str, int] | None:
    """These numbers if they are possible, else with one of them replaced, a late one first; None if none is
    possible."""
    changed = numbers
    for attempt in range(tries):
        try:
            kind.work(changed)
        except Impossible:
            slot = list(numbers)[-1 - attempt % len(numbers)]
            changed = {**numbers, slot: draw_number(kind.numbers[slot], rng.randint(0, 2), rng)}
        else:
            return changed
    return None


def _harden(question: str, reading: Reading, rng: random.Random) -> str | None:
    if reading.status != "ok" or reading.kind is None or reading.numbers is None:
        return None
    kind = reading.kind
    for _ in range(8):
        problem = make(kind, kind.level + 2, rng, phrasing=reading.phrasing, words=reading.words)
        if problem is not None and sum(problem.numbers.values()) > sum(reading.numbers.values()):
            return reading.introduction + problem.question
    return None


def rewrite(question: str, direction: Direction, rng: random.Random) -> str | None:
    """The question rewritten in one direction, or None where that is not possible (already solvable, past repair)."""
    reading = read(question)
    return _repair(question, reading, rng) if direction == "solvable" else _harden(question, reading, rng)
