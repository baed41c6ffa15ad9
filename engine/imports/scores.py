"""What an import computes from texts: language, exact duplicates, topic, level and final answers.

The judges are those of the pipeline's stages. Several processes score a large file; the order stays the file's.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.imports.rows import Part, stated
from engine.stages import duplicate, language
from engine.text import answers

if TYPE_CHECKING:
    from engine.text.linear_classifier import LevelModel, TopicModel

_MOST_PROCESSES = 8
_AHEAD = 3
"""Parts in progress per process."""


@dataclass(frozen=True, slots=True)
class Scores:
    """By question: the language stage's reason to drop it, the hash of its normalised text, topic, (level - 1) / 4; and
    the final answer by question and sample."""

    reasons: list[str | None]
    exact: list[int]
    topics: list[str]
    levels: list[float | None]
    answers: list[list[str | None]]


def score(texts: Sequence[str], samples: Sequence[Sequence[str]]) -> Scores:
    """Scores of these questions and their samples."""
    topics, levels = _models()
    return Scores(
        [language.reason_of(text) for text in texts],
        [duplicate.exact(text) for text in texts],
        topics.predict(texts),
        levels.score(texts),
        [[final_answer(text) for text in several] for several in samples],
    )


def final_answer(text: str) -> str | None:
    """As a solution states it: after ``####``, in a box, or in words."""
    return stated(text) or answers.extract(text)


@functools.cache
def _models() -> tuple[TopicModel, LevelModel]:
    from engine.text.linear_classifier import LevelModel, TopicModel

    return TopicModel.load(), LevelModel.load()


def topic_model() -> str:
    """The name of the model that gives topics."""
    return _models()[0].name


def scored(parts: Iterable[Part]) -> Iterator[tuple[Part, Scores]]:
    """Each part with its scores, in order; the first is scored in this process, the rest in others."""
    workers = min(os.cpu_count() or 1, _MOST_PROCESSES)
    rest = iter(parts)
    first = next(rest, None)
    if first is None:
        return
    yield first, score(first.texts, first.samples)
    second = next(rest, None)
    if second is None:
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks as they stand
    waiting: deque[tuple[Part, Future[Scores]]] = deque()
    with ProcessPoolExecutor(workers, context, _begun) as pool:
        try:
            waiting.append((second, pool.submit(score, second.texts, second.samples)))
            for part in rest:
                waiting.append((part, pool.submit(score, part.texts, part.samples)))
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
