"""Duplicates in idx order: who may be judged when, and what the workspace's other runs have to say.

Knows the indexes' verbs; how two questions are found to be the same, ``engine.stages.duplicate`` knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from engine.pipeline.request_queue import Item
from engine.stages.duplicate import Index
from store.records import Label, Question, Verdict


class InOrder:
    """Lets questions through without a gap, in the order in which they were expected: the lowest idx comes first."""

    def __init__(self) -> None:
        self._expected: deque[int] = deque()
        self._arrived: dict[int, Item | None] = {}

    def expect(self, idx: int) -> None:
        """Announce a question; called with rising idx."""
        self._expected.append(idx)

    def arrive(self, idx: int, item: Item | None) -> Iterator[Item]:
        """The questions that may be judged now that ``idx`` is here; None where it will never be judged."""
        self._arrived[idx] = item
        while self._expected and self._expected[0] in self._arrived:
            ready = self._arrived.pop(self._expected.popleft())
            if ready is not None:
                yield ready


def judge(question: Question, own: Index, others: Index | None) -> tuple[Verdict, list[Label]]:
    """The verdict within the run; then what other runs have is marked, and drops only where their index says so."""
    verdict, labels = own.judge(question)
    if others is None or not verdict.kept:
        return verdict, labels
    elsewhere, more = others.judge(question)  # it takes in this run's questions too: those matches are not news
    run = f"{question.run_id}-"
    labels = labels + [label for label in more if not label.value.startswith(run)]
    foreign = not elsewhere.kept and not (elsewhere.raw or run).startswith(run)
    return (elsewhere if foreign else verdict), labels
