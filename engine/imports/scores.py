"""What an import computes from texts: language, exact duplicates, topic, level, final answers, the chosen sample.

The judges are those of the pipeline's stages. Several processes score a large file; the order stays the file's.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.imports.choice import Choice, choose
from engine.imports.part import Part
from engine.stages import duplicate, language
from engine.text import answers
from engine.text.answers import AnswerPool
from engine.text.checkability import checkability
from engine.text.repetition import repetition

if TYPE_CHECKING:
    from engine.text.linear_classifier import LevelModel, TopicModel

_MOST_PROCESSES = 8
_AHEAD = 3
"""Parts in progress per process."""
_ANSWER_SECONDS = 2.0
_LONG = 1000
"""Characters of a solution from which on its repetition is measured."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is scored of a part: its texts with their earlier turns, samples and reference answers, which samples were
    cut off; and by question of several samples their rewards. ``stated``: the answer of the first sample, where the
    file says it. ``fixed``: questions whose chosen sample the file says."""

    texts: list[str]
    contexts: dict[int, str]
    samples: list[list[str]]
    references: list[str | None]
    rewards: dict[int, list[float | None]]
    cut: dict[int, list[bool | None]]
    stated: dict[int, str]
    fixed: frozenset[int]
    reasoning: dict[int, list[str | None]]

    @classmethod
    def of(cls, part: Part) -> Work:
        several = [place for place, found in enumerate(part.samples) if len(found) > 1]
        return cls(
            part.texts,
            part.contexts,
            part.samples,
            part.references,
            {place: rewards_of(part, place) for place in several},
            part.cut,
            stated_in(part),
            frozenset(part.rejected),
            part.reasoning,
        )


@dataclass(frozen=True, slots=True)
class Scores:
    """By question: the language stage's reason to drop it, the hash of its normalised text, topic, (level - 1) / 4; and
    by question and sample the final answer and how it compares with the reference (None without references).
    ``choices``: of questions with several samples; ``checkable``: the label of each question where the file has
    references; ``repetitions``: of the chosen samples that are long."""

    reasons: list[str | None]
    exact: list[int]
    topics: list[str]
    levels: list[float | None]
    answers: list[list[str | None]]
    correct: list[list[str | None]] | None
    choices: dict[int, Choice]
    checkable: list[str] | None
    repetitions: dict[int, str]


def score(work: Work) -> Scores:
    """Scores of these questions and their samples."""
    topics, levels = _models()
    found = [[answers.extract(text) for text in several] for several in work.samples]
    for place, answer in work.stated.items():
        if found[place]:
            found[place][0] = answer
    correct = None
    if work.references:
        correct = [_correct(work, place, several) for place, several in enumerate(found)]
    choices = {place: _choice(work, place, found[place], correct) for place in work.rewards if place not in work.fixed}
    return Scores(
        [language.reason_of(text) for text in work.texts],
        [duplicate.exact(_with_context(text, work.contexts.get(i))) for i, text in enumerate(work.texts)],
        topics.predict(work.texts),
        levels.score(work.texts),
        found,
        correct,
        choices,
        [checkability(*row) for row in zip(work.texts, work.references, strict=True)] if work.references else None,
        _repetitions(work, choices),
    )


def _repetitions(work: Work, choices: dict[int, Choice]) -> dict[int, str]:
    """How much the chosen samples repeat themselves, their reasoning included; of long ones, since short ones rarely do
    and there are many."""
    found = {}
    for place, several in enumerate(work.samples):
        if several:
            chosen = choices[place].chosen if place in choices else 0
            thoughts = work.reasoning.get(place)
            text = f"{(thoughts and thoughts[chosen]) or ''}\n{several[chosen]}"
            if len(text) > _LONG:
                found[place] = f"{repetition(text):.4f}"
    return found


def _correct(work: Work, place: int, found: list[str | None]) -> list[str | None]:
    cut = work.cut.get(place, ())
    return [
        answers.against_gold(answer, work.references[place], _pool(), cut=bool(cut and cut[sample]))
        for sample, answer in enumerate(found)
    ]


def _with_context(text: str, context: str | None) -> str:
    """Questions of a chat are the same only after the same turns."""
    return text if context is None else f"{context}\n{text}"


def _choice(work: Work, place: int, found: list[str | None], correct: list[list[str | None]] | None) -> Choice:
    groups = _pool().group(found)
    verdicts = correct[place] if correct is not None else [None] * len(found)
    return choose(found, groups, verdicts, work.rewards[place], work.cut.get(place, [None] * len(found)))


def rewards_of(part: Part, place: int) -> list[float | None]:
    """The rewards of a question's samples; of preference data with labels, 1 for each that is wanted."""
    size = len(part.samples[place])
    if place in part.rewards or place not in part.verdicts:
        return part.rewards.get(place, [None] * size)
    return [None if wanted is None else float(wanted) for wanted in part.verdicts[place]]


def stated_in(part: Part) -> dict[int, str]:
    """The answers that our own exports say of the chosen sample."""
    said = ((place, fields.get("stated")) for place, fields in part.exported.items())
    return {place: str(answer) for place, answer in said if answer}


@functools.cache
def _pool() -> AnswerPool:
    """This process's own, whose child starts at the first comparison that needs Math-Verify."""
    return AnswerPool(1, _ANSWER_SECONDS)


@functools.cache
def _models() -> tuple[TopicModel, LevelModel]:
    from engine.text.linear_classifier import LevelModel, TopicModel

    return TopicModel.load(), LevelModel.load()


def topic_model() -> str:
    """The name of the model that gives topics."""
    return _models()[0].name


def scored(parts: Iterable[Part]) -> Iterator[tuple[Part, Scores]]:
    """Each part with its scores, in order; the first is scored in this process, the rest in others."""
    try:
        yield from _scored(parts)
    finally:
        _pool().close()


def _scored(parts: Iterable[Part]) -> Iterator[tuple[Part, Scores]]:
    workers = min(os.cpu_count() or 1, _MOST_PROCESSES)
    rest = iter(parts)
    first = next(rest, None)
    if first is None:
        return
    yield first, score(Work.of(first))
    second = next(rest, None)
    if second is None:
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks as they stand
    waiting: deque[tuple[Part, Future[Scores]]] = deque()
    with ProcessPoolExecutor(workers, context, _begun) as pool:
        try:
            waiting.append((second, pool.submit(score, Work.of(second))))
            for part in rest:
                waiting.append((part, pool.submit(score, Work.of(part))))
                if len(waiting) > _AHEAD * workers:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begun() -> None:
    """In a new process: leave Ctrl-C to the parent, and end when the parent ends, however that happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
