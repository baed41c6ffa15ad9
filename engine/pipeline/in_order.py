"""Duplicates are judged in idx order, within the run and against the workspace's other runs."""

from collections import deque
from collections.abc import Iterator

from engine.pipeline.request_queue import Item
from engine.stages.duplicate import Index
from store.records import Label, Question, Verdict


class InOrder:
    """Releases questions in the order in which they were expected, lowest idx first, without a gap."""

    def __init__(self) -> None:
        self._expected: deque[int] = deque()
        self._arrived: dict[int, Item | None] = {}

    def expect(self, idx: int) -> None:
        """Announce a question; to be called with rising idx."""
        self._expected.append(idx)

    def arrive(self, idx: int, item: Item | None) -> Iterator[Item]:
        """The questions that can be judged now that ``idx`` is here; ``item`` is None where it has dropped out."""
        self._arrived[idx] = item
        while self._expected and self._expected[0] in self._arrived:
            ready = self._arrived.pop(self._expected.popleft())
            if ready is not None:
                yield ready


def judge(question: Question, own: Index, others: Index | None) -> tuple[Verdict, list[Label]]:
    """The verdict within the run, with labels for matches in other runs, which drop the question only by their
    index."""
    verdict, labels = own.judge(question)
    if others is None or not verdict.kept:
        return verdict, labels
    elsewhere, more = others.judge(question)  # that index has this run's questions too
    run = f"{question.run_id}-"
    labels = labels + [label for label in more if not label.value.startswith(run)]
    foreign = not elsewhere.kept and not (elsewhere.raw or run).startswith(run)
    return (elsewhere if foreign else verdict), labels
