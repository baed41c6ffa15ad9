"""What a kind of problem is, how one is drawn, and how any text is read back (the oracle).

A kind is a story with numbered slots and several phrasings (``curriculum.toml``), and one ``solve``. A phrasing is at
once a generator (fill the slots) and a recogniser (turn it into a regular expression), so every question that fits one
can be checked: the oracle. It labels training data and serves tests and evaluation; it is never the live judge. Splits:
the hash of (kind, numbers) puts a problem into ``train``, ``fresh`` (unseen by the solver, where scorers learn),
``dev`` (where thresholds are chosen) or ``test``, so that no two splits share a skeleton with the same numbers,
whatever seeds draw them.
"""

import inspect
import random
import re
import tomllib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

from engine.paths import ASSETS
from engine.training.curriculum.work import LIMIT, Impossible, Work, write_answer

Split = Literal["train", "fresh", "dev", "test"]

SIZES: dict[str, tuple[tuple[int, int], ...]] = {
    "one": ((2, 5), (2, 7), (3, 9)),
    "tiny": ((2, 9), (3, 12), (6, 24)),
    "small": ((3, 20), (11, 50), (31, 150)),
    "mid": ((20, 60), (30, 99), (121, 800)),
    "big": ((60, 200), (100, 500), (200, 999)),
    "tens": ((1, 9), (1, 9), (1, 19)),  # times ten
    "percent": ((1, 9), (1, 9), (1, 19)),  # times ten, ten, five
}
"""Number ranges for the three steps of a kind: its own level, one above, two above."""

STORIES = tomllib.loads((ASSETS / "text" / "curriculum.toml").read_text(encoding="utf-8"))
AREAS: dict[str, str] = STORIES["areas"]
"""The curriculum's own topics, and MATH's subject (or Arithmetic) that each belongs to."""
WORDS: dict[str, tuple[str, ...]] = {kind: tuple(words.split()) for kind, words in STORIES["words"].items()}
"""The words that fill a phrasing's slots, by the slot's type."""

Solve = Callable[..., "int | Fraction"]


@dataclass(frozen=True)
class Kind:
    """One story: ``level`` is that of its smallest numbers; larger ones raise it by up to two."""

    name: str
    area: str
    level: int
    numbers: dict[str, str]
    phrasings: tuple[str, ...]
    solve: Solve

    @property
    def topic(self) -> str:
        return AREAS[self.area]

    def work(self, numbers: dict[str, int]) -> tuple[str, str]:
        """(response, answer) for these numbers. Raises Impossible."""
        if any(not 1 <= n <= LIMIT for n in numbers.values()):
            raise Impossible
        sheet = Work()
        answer = write_answer(self.solve(sheet, **numbers))
        return "\n".join([*sheet.lines, f"The answer is \\boxed{{{answer}}}."]), answer


@dataclass(frozen=True)
class Problem:
    kind: Kind
    level: int
    phrasing: int
    numbers: dict[str, int]
    words: dict[str, str]
    question: str
    response: str
    answer: str

    @property
    def topic(self) -> str:
        return self.kind.topic


@dataclass(frozen=True)
class Reading:
    """The oracle's answer: ``ok`` (``answer`` known), ``bad`` (fits a phrasing, impossible numbers), ``unk`` (fits
    none). ``words`` are those of the story; ``introduction`` is the text before it.
    """

    status: Literal["ok", "bad", "unk"]
    kind: Kind | None = None
    phrasing: int = 0
    numbers: dict[str, int] | None = None
    words: dict[str, str] | None = None
    answer: str | None = None
    response: str | None = None
    introduction: str = ""


KINDS: dict[str, Kind] = {}


_CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")


def expand(phrasing: str) -> list[str]:
    """Every reading of ``[a|b]`` choices: "He [buys|finds] it" gives two phrasings."""
    match = _CHOICE.search(phrasing)
    if match is None:
        return [phrasing]
    head, tail = phrasing[: match.start()], phrasing[match.end() :]
    return [text for option in match.group(1).split("|") for text in expand(head + option + tail)]


_SLOT = re.compile(r"\{(\w+)\}")


@cache
def slots_of(phrasing: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_SLOT.findall(phrasing)))


def word_type(slot: str) -> str:
    return slot.rstrip("0123456789")


FEW = 50_000
ASKING = ("{name8} asks {name9}: ", "{name8} and {name9} work on this: ")
"""A phrasing with fewer than ``FEW`` different texts is introduced by two people, so that it has hundreds of times as
many: this separates a generator that repeats its training set from one that knows the kind.
"""
_INTRODUCTIONS = re.compile(
    "(?:" + "|".join(re.sub(r"\\{\w+\\}", "[A-Z][a-z]+", re.escape(text)) for text in ASKING) + ")*"
)


def introduction_of(text: str) -> str:
    """Who asks, or works on it, at the beginning of a question or phrasing (empty: nobody).

    The introduction is not part of the story: it may name anyone, the same person twice or a person of the story, and
    any phrasing may come with or without it.
    """
    spelled = next((start for start in ASKING if text.startswith(start)), "")
    return spelled or _INTRODUCTIONS.match(text).group()  # type: ignore[union-attr]


def story_of(text: str) -> str:
    """A question or phrasing without its introduction."""
    return text[len(introduction_of(text)) :]


def texts_of(phrasing: str, numbers: dict[str, str]) -> int:
    """How many texts a phrasing gives: its words' choices times its numbers' middle ranges."""
    total = 1
    for slot in slots_of(phrasing):
        low, high = SIZES[numbers[slot]][1] if slot in numbers else (1, len(WORDS[word_type(slot)]))
        total *= high - low + 1
    return total


def kind(solve: Solve) -> Solve:
    """Register a kind by its solution; ``curriculum.toml`` has its story under the function's name."""
    name = solve.__name__
    story = STORIES["kinds"][name]
    numbers: dict[str, str] = story["numbers"]
    if story["area"] not in AREAS or name in KINDS or list(inspect.signature(solve).parameters)[1:] != list(numbers):
        raise ValueError(f"kind {name}: unknown area, used name or slots that differ from solve's parameters")
    plain = [text for phrasing in story["phrasings"] for text in expand(phrasing)]
    spelled = tuple(
        text if texts_of(text, numbers) >= FEW else ASKING[i % len(ASKING)] + text for i, text in enumerate(plain)
    )
    KINDS[name] = Kind(name, story["area"], story["level"], numbers, spelled, solve)
    return solve


def draw_number(size: str, step: int, rng: random.Random) -> int:
    """A number of this size of ``SIZES`` at this step (0, 1 or 2)."""
    low, high = SIZES[size][step]
    if size == "tens":
        return 10 * rng.randint(low, high)
    if size == "percent":
        return (10 if step < 2 else 5) * rng.randint(low, high)
    return rng.randint(low, high)


def split_of(kind_name: str, numbers: dict[str, int]) -> Split:
    """5 % of all (kind, numbers) each are ``test``, ``dev`` and ``fresh``; the rest is ``train``."""
    bucket = zlib.crc32(f"{kind_name}:{sorted(numbers.items())}".encode()) % 20
    held: tuple[Split, ...] = ("test", "dev", "fresh")
    return held[bucket] if bucket < len(held) else "train"


def _draw_words(phrasing: str, rng: random.Random) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for slot in slots_of(phrasing):
        if word_type(slot) in WORDS:
            options = [w for w in WORDS[word_type(slot)] if w not in chosen.values()]
            chosen[slot] = rng.choice(options)
    return chosen


def make(which: Kind, level: int, rng: random.Random, *, phrasing: int | None = None,
         words: dict[str, str] | None = None, split: Split | None = "train",
         tries: int = 200) -> Problem | None:  # fmt: skip
    """A problem of this kind and level; None where ``tries`` draws find no possible numbers in the split. With the
    ``words`` of a story it has no introduction.
    """
    chosen = rng.randrange(len(which.phrasings)) if phrasing is None else phrasing
    text = which.phrasings[chosen] if words is None else story_of(which.phrasings[chosen])
    step = min(max(level - which.level, 0), 2)
    for _ in range(tries):
        numbers = {slot: draw_number(size, step, rng) for slot, size in which.numbers.items()}
        if split is not None and split_of(which.name, numbers) != split:
            continue
        try:
            response, answer = which.work(numbers)
        except Impossible:
            continue
        fill = words if words is not None else _draw_words(text, rng)
        return Problem(
            which, which.level + step, chosen, numbers, fill, text.format(**numbers, **fill), response, answer
        )
    return None


def sample(
    rng: random.Random, *, split: Split = "train", level: int | None = None, kinds: list[str] | None = None
) -> Problem:
    """A random problem: a level first (uniform over 1..5), then a kind that has it."""
    while True:
        wanted = level or rng.randint(1, 5)
        names = [n for n in (kinds or KINDS) if KINDS[n].level <= wanted <= KINDS[n].level + 2]
        if names and (problem := make(KINDS[rng.choice(names)], wanted, rng, split=split)) is not None:
            return problem
        if not names and level is not None:
            raise ValueError(f"no kind has level {level}")


@cache
def recogniser(phrasing: str) -> re.Pattern[str]:
    """The phrasing as a regular expression; a slot that comes again must come with the same words."""
    pattern, seen, end = "", set[str](), 0
    for match in _SLOT.finditer(phrasing):
        pattern += re.escape(phrasing[end : match.start()])
        slot, end = match.group(1), match.end()
        if slot in seen:
            pattern += f"(?P={slot})"
        else:
            options = WORDS.get(word_type(slot))
            pattern += f"(?P<{slot}>{'|'.join(options) if options else '[0-9]+'})"
            seen.add(slot)
    return re.compile(pattern + re.escape(phrasing[end:]))


@cache
def _index() -> dict[str, list[tuple[Kind, int]]]:
    """Phrasings by their last eight characters that no slot touches: most texts are tried against one or two."""
    index: dict[str, list[tuple[Kind, int]]] = {}
    for which in KINDS.values():
        for number, phrasing in enumerate(which.phrasings):
            tail = phrasing.rsplit("}", 1)[-1][-8:]
            index.setdefault(tail, []).append((which, number))
    return index


def read(question: str) -> Reading:
    """The oracle: which kind a text is, with which numbers, and its answer."""
    question = question.strip()
    introduction, story = introduction_of(question), story_of(question)
    worst = Reading("unk", introduction=introduction)
    for size in range(8, -1, -1):
        for which, number in _index().get(story[-size:] if size else "", []):
            match = recogniser(story_of(which.phrasings[number])).fullmatch(story)
            if match is None:
                continue
            found = match.groupdict()
            digits = {slot: found[slot] for slot in found if slot in which.numbers}
            words = {slot: found[slot] for slot in found if slot not in which.numbers}
            numbers = {slot: int(text[:6]) for slot, text in digits.items()}
            worst = Reading("bad", which, number, numbers, words, introduction=introduction)
            if any(text.startswith("0") or len(text) > 5 for text in digits.values()) or len(set(words.values())) < len(
                words
            ):
                continue
            try:
                response, answer = which.work(numbers)
            except Impossible:
                continue
            return Reading("ok", which, number, numbers, words, answer, response, introduction)
    return worst
