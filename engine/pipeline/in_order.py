"""Duplicates are judged in idx order, within the run and against the workspace's other runs.

A question that is very late holds back all after it, so it is passed over after a while: it is judged when it comes,
against all that were judged before it. The order of judging is stored (``QuestionSignature.place``), so that a resumed
run judges by the same questions.
"""

from collections import deque
from collections.abc import Callable, Iterator

from engine.duplicates.signature import Signature
from engine.pipeline.request_queue import Item
from engine.stages.duplicate import Index
from store.records import Label, Question, Verdict

LATE = 30.0
"""Seconds after which the question that holds back others is passed over, where questions take less than a tenth of
that. Order makes runs repeatable, so it is only given up for a question that something is wrong with."""
TIMES = 10.0
"""A question is late once it has taken this many times the usual time."""
_MEMORY = 0.02
"""Weight of the latest question in the usual time."""


class InOrder:
    """Releases questions in the order in which they were expected, lowest idx first, without a gap.

    ``most``: arrived questions that are held back at most; beyond it the missing ones before them are passed over at
    once. ``late``: the number of questions passed over. ``clock``: seconds for which the run has been running.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._expected: deque[int] = deque()
        self._since: dict[int, float] = {}
        self._arrived: dict[int, Item | None] = {}
        self._passed_over: set[int] = set()
        self._usual = 0.0
        self.late = 0

    @property
    def held(self) -> int:
        """Questions that have arrived and wait for an earlier one."""
        return len(self._arrived)

    def expect(self, idx: int) -> None:
        """Announce a question; to be called with rising idx."""
        self._expected.append(idx)
        self._since[idx] = self._clock()

    def arrive(self, idx: int, item: Item | None) -> Iterator[Item]:
        """The questions that can be judged now that ``idx`` is here; ``item`` is None where it has dropped out."""
        now = self._clock()
        took = now - self._since.pop(idx, now)
        if idx in self._passed_over:
            self._passed_over.remove(idx)
            if item is not None:
                yield item
            return
        self._usual += (took - self._usual) * (_MEMORY if self._usual else 1.0)
        self._arrived[idx] = item
        yield from self._ready()
        while len(self._arrived) > self._most:
            self._pass_over()
            yield from self._ready()

    def release(self) -> Iterator[Item]:
        """The questions that can be judged because those before them are late; to be called now and then."""
        while self._arrived and self._clock() - self._since[self._expected[0]] > max(LATE, TIMES * self._usual):
            self._pass_over()
            yield from self._ready()

    def _pass_over(self) -> None:
        self._passed_over.add(self._expected.popleft())
        self.late += 1

    def _ready(self) -> Iterator[Item]:
        while self._expected and self._expected[0] in self._arrived:
            ready = self._arrived.pop(self._expected.popleft())
            if ready is not None:
                yield ready


def judge(question: Question, own: Index, others: Index | None, look: Signature) -> tuple[Verdict, list[Label]]:
    """The verdict within the run, with labels for matches in other runs, which drop the question only by their
    index. ``look``: the question's signature."""
    verdict, labels = own.compare(question, look)
    if others is not None and verdict.kept:
        elsewhere, more = others.compare(question, look)
        verdict, labels = (verdict if elsewhere.kept else elsewhere), labels + more
    if verdict.kept:
        own.remember(question, look)
    return verdict, labels
