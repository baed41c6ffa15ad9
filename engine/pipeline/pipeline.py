"""The streaming pipeline: all stages at once, one coordinating thread, models that answer into its inbox.

Every question is an ``Item`` that moves from queue to queue. The rows of a step are written together, so that a kill
only loses what was in flight. New questions start while every queue downstream has space: memory is bounded, stages do
not wait for each other, and the first pair appears as soon as one question has passed. Duplicates are judged in idx
order, whatever order items finish in.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from engine.config.run_config import RunConfig
from engine.jobs.control import Control
from engine.models.base import Completion, Failure, OnText, Scored
from engine.models.roles import Models
from engine.pipeline.request_queue import InFlight, Item, Result, TextQueue
from engine.pipeline.steps import Steps
from engine.pipeline.types import Outcome, Put, Status, Tools
from store.database.resume import Decided, Stored
from store.errors import BackendError, ScaleQuestError
from store.records import STAGES, ErrorRow, Record, question_id

FIRST_WAVE, HEAD_START = 8, 4.0
"""Questions that run alone until one is a pair, and for how many seconds at most: on a shared processor the first pair
would otherwise wait behind full batches."""
GRACE, PATIENCE = 2.0, 3.0
"""Seconds that requests in flight may take to finish after an interrupt, and to end after a cancel."""
TICK, LIVE_TICK, EVERY = 0.25, 0.05, 0.5
"""Seconds between checks of the control, in batch and live runs, and between two progress events."""
TICK_COUNTS = 4 * TICK
"""Longer turns count only this much, in seconds, so that a suspended machine makes no question late."""


class Pipeline:
    """One run. ``put`` takes the rows of finished steps and does not block; ``on_event`` gets progress and error dicts.

    ``known``: the stored questions of this run, in idx order, except those that ``decided`` counts. ``on_text`` gets
    texts as they appear; the requests of such a live run go before a batch's.
    """

    def __init__(
        self,
        config: RunConfig,
        run_id: str,
        models: Models,
        put: Put,
        tools: Tools,
        *,
        known: Iterable[Stored] = (),
        decided: Decided | None = None,
        control: Control | None = None,
        on_event: Callable[[dict[str, Any]], None] = lambda _: None,
        on_text: OnText | None = None,
    ) -> None:
        self.config, self.run_id, self.put = config, run_id, put
        self.control, self.on_event = control or Control(), on_event
        self._grouper = tools.grouper
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._to_group: SimpleQueue[Item | None] = SimpleQueue()
        self._steps = Steps(config, run_id, models, tools, self._inbox, self._to_group, on_event, on_text)
        self._tick = TICK if on_text is None else LIVE_TICK
        self._recorder = self._steps.recorder
        self.counts = self._recorder.counts
        self._flowing = True
        self._generator_capacity = sum(queue.window for queue in self._steps.generators)
        self._started_questions, self._first_wave = 0, True
        self._resumed_to = 0
        self._todo = self._resumed(known, decided or Decided())
        self._next: Item | None = next(self._todo, None)
        self._accepted_before = self.counts.kept["pair"]
        self._paused = 0.0  # seconds for which the run was paused, with nothing in flight

    # --- the run -----------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Run until the target is reached, cannot be reached, or the control stops it. Raises what ``put`` raises."""
        self._recorder.started = self._ticked = started = time.monotonic()
        threading.Thread(target=self._group_forever, name="answers", daemon=True).start()
        try:
            status = self._loop()
        finally:
            self._to_group.put(None)
        self._steps.judge_warning.warn()
        self._progress(force=True)
        return Outcome(status, self._message(status), time.monotonic() - started, self._recorder.first_pair)

    def _loop(self) -> Status:
        steps, before = self._steps, time.monotonic()
        while True:
            requested = self.control.requested
            before, elapsed = (now := time.monotonic()), now - before
            if requested == "run":
                steps.ran += min(elapsed, TICK_COUNTS)
                steps.release_held()
                self._start_and_submit()
            elif not steps.in_flight:
                self._paused += elapsed
            if requested == "run" and steps.spending.exhausted:
                self._drain(GRACE)
                return "interrupted"
            if requested in ("cancel", "interrupt"):
                self._drain(GRACE if requested == "interrupt" else 0.0)
                return "cancelled" if requested == "cancel" else "interrupted"
            if requested == "run" and not self._recorder.open and not self._wanted():
                self._record_surplus()
                return "done"
            self._step(self._tick)
            if self._recorder.fatal is not None:
                self._drain(0.0)
                return "failed"

    def _step(self, timeout: float) -> None:
        """Wait for a result, handle all that have arrived, and write their rows."""
        try:
            self._receive(self._inbox.get(timeout=timeout))
            for _ in range(self._inbox.qsize()):
                self._receive(self._inbox.get_nowait())
        except Empty:
            pass
        self._flush()
        self._progress()

    def _flush(self) -> None:
        rows = self._steps.flush()
        if rows:
            self.put(rows)

    def _drain(self, grace: float) -> None:
        """Submit nothing more; record results for ``grace`` seconds, then cancel the rest."""
        in_flight, spending = self._steps.in_flight, self._steps.spending
        deadline = time.monotonic() + grace
        while in_flight and time.monotonic() < deadline and self.control.requested != "cancel":
            self._step(0.05)
        for queue in (*self._steps.generators, *self._steps.downstream):
            if isinstance(queue, TextQueue):
                queue.model.cancel([key for key, call in in_flight.items() if call.queue is queue])
        deadline = time.monotonic() + PATIENCE
        while in_flight and time.monotonic() < deadline and (self._recorder.fatal is None or spending.in_flight):
            self._step(0.05)
        self._flush()

    def _group_forever(self) -> None:
        """The thread for answers that only Math-Verify can compare, which would block the coordinator."""
        while (item := self._to_group.get()) is not None:
            try:
                self._inbox.put((item, self._grouper.group([s.answer for s in item.solutions])))
            except ScaleQuestError as error:
                self._inbox.put(Failure("", error, fatal=True))

    # --- starting questions ------------------------------------------------------------------------------------------

    def _resumed(self, known: Iterable[Stored], decided: Decided) -> Iterator[Item]:
        """The questions to work on, in idx order: unfinished ones, those lost in flight, then new ones."""
        counts = self.counts
        counts.decided += decided.count
        counts.kept["generated"] += decided.count
        for stage in STAGES:
            counts.kept[stage] += decided.kept.get(stage, 0)
            counts.dropped[stage] += decided.dropped.get(stage, 0)
        # read completely: the first new verdict needs all counts and the whole duplicate index
        restored = {one.question.idx: self._steps.restore(self._new(one.question.idx), one) for one in known}
        self._resumed_to = max(len(decided.present), max(restored, default=-1) + 1)
        open_ = np.ones(self._resumed_to, bool)
        open_[: len(decided.present)] = ~decided.present
        todo = [restored[idx] if idx in restored else self._new(idx) for idx in np.flatnonzero(open_).tolist()]
        unfinished = [item for item in todo if item is not None]
        return itertools.chain(unfinished, map(self._new, range(self._resumed_to, self.config.limit)))

    def _new(self, idx: int) -> Item:
        return Item(idx, question_id(self.run_id, idx), self.config.generator_of(idx))

    def _wanted(self) -> bool:
        """Whether another question should start.

        With ``accepted``, only one that is certainly needed: started questions count as accepted. The questions of a
        run then do not depend on timing, and its pairs are those of lowest idx.
        """
        target = self.config.accepted
        return self._next is not None and (target is None or self.counts.kept["pair"] + self._recorder.open < target)

    def _start_and_submit(self) -> None:
        for queue in self._steps.downstream:
            queue.submit_ready()  # first, so that the backlogs count only what the models cannot take now
        while self._wanted() and self._has_capacity():
            item, self._next = self._next, next(self._todo, None)
            assert item is not None
            self._started_questions += 1
            self._steps.start(item)
        for queue in (*self._steps.generators, *self._steps.downstream):
            queue.submit_ready()

    def _has_capacity(self) -> bool:
        """Whether the queues downstream, and the generators, can take another question."""
        # Stops at full backlogs and starts again at half: single questions would make tiny batches.
        full = 1.0 if self._flowing else 0.5
        for queue in self._steps.downstream:
            if queue.backlog >= full * queue.window:
                self._flowing = False
                return False
        self._flowing = True
        busy = 0
        for generator in self._steps.generators:
            busy += generator.in_flight + generator.backlog
        return busy < self._generator_capacity and (self._started_questions < FIRST_WAVE or not self._only_first_wave())

    def _only_first_wave(self) -> bool:
        """Whether the first wave still has the models to itself."""
        counts = self.counts
        self._first_wave = (
            self._first_wave
            and not counts.kept["pair"]
            and counts.decided_here + counts.failed < FIRST_WAVE
            and time.monotonic() - self._recorder.started < HEAD_START
        )
        return self._first_wave

    def _record_surplus(self) -> None:
        """Record why questions that an earlier process left unfinished stay so.

        Only with ``accepted``: where a failed question succeeds at a second try, later ones are no longer needed.
        """
        rest = self._todo if self._next is None else itertools.chain((self._next,), self._todo)
        why = "left unfinished: earlier questions reached the number of pairs"
        rows: list[Record] = [
            ErrorRow(self.run_id, item.idx, item.stage, why, attempt=item.attempt)
            for item in itertools.takewhile(lambda item: item.idx < self._resumed_to, rest)
        ]
        if rows:
            self.put(rows)

    # --- results -----------------------------------------------------------------------------------------------------

    def _receive(self, result: Result | tuple[Item, list[int | None]]) -> None:
        steps = self._steps
        if isinstance(result, tuple):
            item, item.groups = result[0], result[1]
            steps.guard(item, lambda: steps.solutions.finish_pair(item))
            return
        call = steps.in_flight.pop(result.request_id, None)
        if call is None:  # cancelled before, or a failure of the answers' thread
            if isinstance(result, Failure) and result.fatal:
                self._recorder.fatal = result.error
            return
        call.queue.in_flight -= call.rows
        billed = (result.tokens, 0) if isinstance(result, Scored) else result.billed
        steps.spending.charge(call.queue.account, billed)
        if isinstance(result, Failure):
            steps.on_failure(call, result)
            return
        self.counts.tokens += result.tokens
        if isinstance(result, Completion):
            whole = self._whole(call, result)
            if whole is None:
                return
            result = whole
        steps.on_result(call, result)

    def _whole(self, call: InFlight, text: Completion) -> Completion | None:
        """The completion with the cost of all its tries; None where it is retried or was cancelled."""
        if text.finish_reason == "cancelled":
            stopping = self._recorder.fatal is not None or self._steps.spending.exhausted
            if self.control.requested in ("run", "pause") and not stopping:
                problem = f"The model of stage {call.queue.stage} was closed while the run needed it."
                self._recorder.fatal = BackendError(problem)
            return None
        queue = call.queue
        cut_off = text.finish_reason == "length" and self.control.requested == "run"
        if cut_off and isinstance(queue, TextQueue) and queue.retry(call, text):
            return None
        if call.tokens:
            return replace(text, tokens=call.tokens + text.tokens, seconds=call.seconds + text.seconds)
        return text

    # --- progress ----------------------------------------------------------------------------------------------------

    def _progress(self, force: bool = False) -> None:
        now = time.monotonic()
        if force or now - self._ticked >= EVERY:
            self._ticked = now
            self.on_event(self.progress(now - self._recorder.started))

    def progress(self, elapsed: float) -> dict[str, Any]:
        """One ``progress`` event; ``done`` and ``total`` count questions, or pairs where ``accepted`` is the target."""
        counts, accepted = self.counts, self.counts.kept["pair"]
        by_pairs = self.config.accepted is not None
        done = accepted if by_pairs else counts.decided + counts.failed
        total = self.config.accepted or self.config.limit
        elapsed, paused = max(elapsed, 1e-6), self.control.requested == "pause"
        worked = max(elapsed - self._paused, 1e-6)
        rate = counts.decided_here / worked
        speed = (accepted - self._accepted_before) / worked if by_pairs else rate
        return {
            "event": "progress",
            "run_id": self.run_id,
            "stage": "run",
            "status": "paused" if paused else "running",
            "done": done,
            "total": total,
            "accepted": accepted,
            "errors": counts.failed,
            "held": counts.held,
            "late": counts.late,
            "rows_per_s": round(rate, 3),
            "tokens_per_s": round(counts.tokens / worked, 1),
            "eta_s": round((total - done) / speed, 1) if speed and not paused else None,
            "elapsed_s": round(elapsed, 3),
            "generated": counts.kept["generated"],
            "stages": {stage: [counts.kept[stage], counts.dropped[stage]] for stage in STAGES},
            **({} if (spent := self._steps.spending.spent) is None else {"cost_usd": round(spent, 6)}),
        }

    def _message(self, status: Status) -> str | None:
        if status == "failed":
            return str(self._recorder.fatal)
        if status == "interrupted":
            return self._steps.spending.sentence if self._steps.spending.exhausted else None
        accepted, target = self.counts.kept["pair"], self.config.accepted
        if status == "done" and target is not None and accepted < target:
            return (
                f"Stopped at --max-questions {self.config.limit} with {accepted} of {target} pairs accepted; "
                "start a run with a higher --max-questions to get more."
            )
        return None
