"""Held-out questions with answers, and the (question, response) pairs that a student learns from without them.

Files are read as imports read them: query and response, GSM8K's ``####``, MATH's answer. ``nano`` is fresh problems of
the curriculum's ``test`` split, which no bundled model has seen.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.data import columns, training_rows
from engine.data.reader import Source, peek
from engine.data.rows import Refused
from engine.imports import mapping as mappings
from engine.imports.part import Part
from engine.imports.rows import Reader
from engine.stages import duplicate
from engine.text import answers
from store.errors import InputError

NANO, NANO_DEV, NANO_SIZE = "nano", "nano-dev", 500
Pair = tuple[str, str]
Fact = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A question, its final answer, and its level where the source tells one (``""`` elsewhere)."""

    question: str
    answer: str
    level: str = ""


def read(source: str, limit: int = 0, flag: str = "--held-out") -> tuple[list[Held], Fact]:
    """Questions with answers of a file, a data set of the hub, or ``nano`` (``nano:SEED``, seed 1; ``nano-dev``: of the
    split on which choices are made); ``limit`` of them, drawn by seed 0, so that every student meets the same. Rows
    without question or answer are counted. ``flag``: what errors name.

    InputError for a source that cannot be read or has none.
    """
    if source.partition(":")[0] in (NANO, NANO_DEV):
        found = _fresh(source, limit or NANO_SIZE, flag)
        read = len(found)
    else:
        found, read = [], 0
        for part in _parts(source, flag):
            read += part.read
            found += _answered(part)
    if not found:
        remedy = "name a file with questions and answers, as GSM8K and MATH have them, or nano"
        raise InputError(flag, source, "has no question with an answer", remedy)
    drawn = training_rows.drawn(found, limit, 0)
    fact = {"file": source, "rows": read, "answered": len(found), "used": len(drawn)}
    return drawn, fact | {"fingerprint": training_rows.fingerprint([held.question, held.answer] for held in drawn)}


def read_pairs(source: str) -> tuple[list[Pair], list[Fact]]:
    """(question, response) of every row that has both, the first response of several. InputError where none has."""
    pairs: list[Pair] = []
    read = 0
    for part in _parts(source, "--data"):
        read += part.read
        pairs += [(text, samples[0]) for text, samples in zip(part.texts, part.samples, strict=True) if samples]
    if not pairs:
        remedy = "name a file with fields query and response"
        raise InputError("--data", source, "holds no question with a response", remedy)
    return pairs, [{"file": source, "field": "query, response", "rows": read, "used": len(pairs)}]


def without(pairs: Sequence[Pair], held: Sequence[Held]) -> list[Pair]:
    """The pairs whose question is not a held-out one, after the duplicate stage's normalising."""
    known = {duplicate.exact(one.question) for one in held}
    return [pair for pair in pairs if duplicate.exact(pair[0]) not in known]


def right(pool: answers.AnswerPool, response: str, held: Held) -> bool:
    """Whether the response's final answer is equivalent to the held-out one."""
    stated = answers.extract(response)
    return stated is not None and pool.group([held.answer, stated])[1] == 0


def _fresh(source: str, n: int, flag: str) -> list[Held]:
    from engine.training.curriculum import sample

    name, _, seed = source.partition(":")
    seed = seed or "1"
    if not seed.isdigit():
        raise InputError(flag, source, "has a seed that is not a whole number", "write nano, or nano:7")
    rng = random.Random(f"held-out:{seed}")
    problems = [sample(rng, split="test" if name == NANO else "dev") for _ in range(n)]
    return [Held(problem.question, problem.answer, str(problem.level)) for problem in problems]


def _parts(source: str, flag: str) -> Iterator[Part]:
    first, numbered = peek(Source.of(source, flag).rows())
    known = [row for _, row in first if not isinstance(row, Refused)]
    try:
        mapping = mappings.mapped(known, {}, source)
    except InputError as error:
        raise InputError(flag, source, error.problem, "check the file and its columns") from error
    return Reader(mapping, columns.of(known)).parts(numbered)


def _answered(part: Part) -> Iterator[Held]:
    """Those with an answer: the reference, else what the response states."""
    references = part.references or [None] * len(part)
    for text, reference, samples, extra in zip(part.texts, references, part.samples, part.extra, strict=True):
        answer = reference or (answers.extract(samples[0]) if samples else None)
        if answer:
            level = json.loads(extra).get("level")
            yield Held(text, answer, "" if level is None else str(level).removeprefix("Level "))
