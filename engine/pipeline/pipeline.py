"""The streaming pipeline: all stages at once, one coordinating thread, models that answer into its inbox.

Every question is an ``Item`` that moves from lane to lane; what a step found out is written in one piece, so a kill can
only lose what was in flight. New questions are started while every lane downstream has space: bounded, no barrier, and
the first pair appears as soon as one question has passed. Duplicates are decided in idx order whatever order items
finish in. Nothing here knows of the database, of processes or of a user interface.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from engine.config.run_config import RunConfig
from engine.jobs.control import Control
from engine.models.base import Completion, Failure
from engine.models.roles import Models
from engine.pipeline.request_queue import InFlight, Item, Result, TextQueue
from engine.pipeline.steps import Steps
from engine.pipeline.types import OnText, Outcome, Put, Status, Tools
from store.database.run_queries import Stored
from store.errors import BackendError, ScaleQuestError
from store.records import STAGES, ErrorRow, Record, question_id

FIRST_WAVE, HEAD_START = 8, 4.0
"""Questions that go ahead alone until one is a pair, for so many seconds at most: on a processor that all models share,
the first pair would else wait behind full batches of others."""
GRACE, PATIENCE = 2.0, 3.0
"""Seconds: what is in flight may still finish when interrupted; how long cancelled calls are waited for."""
TICK, LIVE_TICK, EVERY = 0.25, 0.05, 0.5
"""Seconds: how often the control is looked at, and where somebody watches; between two progress events."""


class Pipeline:
    """One run. ``put`` takes the rows of finished steps and does not block; ``on_event`` gets progress and error dicts.

    ``known``: what is stored of this run already, in idx order. ``on_text``: gets texts as they appear; such a run is a
    live user's, whose requests the models serve before a batch's.
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
        self.counts = self._steps.counts
        self._flowing = True
        self._most = sum(lane.window for lane in self._steps.generators)
        self._begun, self._alone = 0, True
        self._resumed_to = 0
        self._todo = self._resumed(known)
        self._next: Item | None = next(self._todo, None)
        self._accepted_before = self.counts.kept["pair"]

    # --- the run -----------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Until the target is reached, or cannot be, or the control says stop. Raises what ``put`` raises."""
        self._steps.started = self._ticked = started = time.monotonic()
        threading.Thread(target=self._group_forever, name="answers", daemon=True).start()
        try:
            status = self._loop()
        finally:
            self._to_group.put(None)
        self._progress(force=True)
        return Outcome(status, self._message(status), time.monotonic() - started, self._steps.first_pair)

    def _loop(self) -> Status:
        steps = self._steps
        while True:
            requested = self.control.requested
            if requested == "run":
                self._pump()
            if requested in ("cancel", "interrupt"):
                self._drain(GRACE if requested == "interrupt" else 0.0)
                return "cancelled" if requested == "cancel" else "interrupted"
            if requested == "run" and not steps.open and not self._wanted():
                self._give_up_surplus()
                return "done"
            self._step(self._tick)
            if steps.fatal is not None:
                self._drain(0.0)
                return "failed"

    def _step(self, timeout: float) -> None:
        """Take in all results that are there, waiting for the first; write what they led to."""
        try:
            self._take(self._inbox.get(timeout=timeout))
            for _ in range(self._inbox.qsize()):
                self._take(self._inbox.get_nowait())
        except Empty:
            pass
        self._flush()
        self._progress()

    def _flush(self) -> None:
        rows = self._steps.flush()
        if rows:
            self.put(rows)

    def _drain(self, grace: float) -> None:
        """Nothing new is submitted; results are recorded for ``grace`` seconds, then what is left is given up."""
        in_flight = self._steps.in_flight
        deadline = time.monotonic() + grace
        while in_flight and time.monotonic() < deadline and self.control.requested != "cancel":
            self._step(0.05)
        writing = (*self._steps.generators, self._steps.judge_lane, self._steps.solver_lane)
        for lane in writing:
            if isinstance(lane, TextQueue):
                lane.model.cancel([key for key, flight in in_flight.items() if flight.lane is lane])
        deadline = time.monotonic() + PATIENCE
        while in_flight and self._steps.fatal is None and time.monotonic() < deadline:
            self._step(0.05)
        self._flush()

    def _group_forever(self) -> None:
        """The helper thread: what only Math-Verify can settle, off the coordinator."""
        while (item := self._to_group.get()) is not None:
            try:
                self._inbox.put((item, self._grouper.group([s.answer for s in item.solutions])))
            except ScaleQuestError as error:
                self._inbox.put(Failure("", error, fatal=True))

    # --- starting questions ------------------------------------------------------------------------------------------

    def _resumed(self, known: Iterable[Stored]) -> Iterator[Item]:
        """The questions to work on, in idx order: those left unfinished, those lost in flight, then new ones."""
        todo: list[Item] = []
        idx = 0
        for entry in known:  # all of it now: counts and duplicate index must be whole before the first new verdict
            todo += map(self._new, range(idx, entry.question.idx))
            idx = entry.question.idx + 1
            item = self._steps.restore(self._new(entry.question.idx), entry)
            if item is not None:
                todo.append(item)
        self._resumed_to = idx
        return itertools.chain(todo, map(self._new, range(idx, self.config.limit)))

    def _new(self, idx: int) -> Item:
        return Item(idx, question_id(self.run_id, idx), self.config.generator_of(idx))

    def _wanted(self) -> bool:
        """Whether another question is to be started.

        With ``accepted``, only one that is sure to be needed: started questions count as if each will be accepted. So
        which questions a run has depends on no timing, and the pairs kept are those of lowest idx.
        """
        target = self.config.accepted
        return self._next is not None and (target is None or self.counts.kept["pair"] + self._steps.open < target)

    def _pump(self) -> None:
        for lane in self._steps.downstream:
            lane.submit_ready()  # first, so that what waits there counts as room taken only where the model is full
        while self._wanted() and self._model_cache():
            item, self._next = self._next, next(self._todo, None)
            assert item is not None
            self._begun += 1
            self._steps.start(item)
        for lane in (*self._steps.generators, *self._steps.downstream):
            lane.submit_ready()

    def _model_cache(self) -> bool:
        """Whether the lanes downstream, and the generators, can take another question."""
        # stop and start apart: a generator fed with single questions would work in tiny batches
        full = 1.0 if self._flowing else 0.5
        for lane in self._steps.downstream:
            if lane.backlog >= full * lane.window:
                self._flowing = False
                return False
        self._flowing = True
        busy = 0
        for generator in self._steps.generators:
            busy += generator.in_flight + len(generator.waiting)
        return busy < self._most and (self._begun < FIRST_WAVE or not self._first_wave_alone())

    def _first_wave_alone(self) -> bool:
        """Whether the first wave still has the models to itself; once not, never again."""
        steps, counts = self._steps, self.counts
        self._alone = (
            self._alone
            and not counts.kept["pair"]
            and counts.decided_here + counts.failed < FIRST_WAVE
            and time.monotonic() - steps.started < HEAD_START
        )
        return self._alone

    def _give_up_surplus(self) -> None:
        """Say of questions that an earlier process left unfinished why they stay so.

        It happens with ``accepted`` only, where a question that had failed succeeded at the second try, so that those
        of higher idx are no longer needed.
        """
        rest = self._todo if self._next is None else itertools.chain((self._next,), self._todo)
        why = "left unfinished: questions of lower number reached the pairs asked for"
        rows: list[Record] = [
            ErrorRow(self.run_id, item.idx, item.stage, why, attempt=item.attempt)
            for item in itertools.takewhile(lambda item: item.idx < self._resumed_to, rest)
        ]
        if rows:
            self.put(rows)

    # --- results -----------------------------------------------------------------------------------------------------

    def _take(self, result: Result | tuple[Item, list[int | None]]) -> None:
        steps = self._steps
        if isinstance(result, tuple):
            item, item.groups = result[0], result[1]
            steps.guard(item, lambda: steps.finish_pair(item))
            return
        flight = steps.in_flight.pop(result.request_id, None)
        if flight is None:  # given up already, or the helper's failure
            if isinstance(result, Failure) and result.fatal:
                steps.fatal = result.error
            return
        flight.lane.in_flight -= flight.rows
        if isinstance(result, Failure):
            steps.on_failure(flight, result)
            return
        self.counts.tokens += result.tokens
        if isinstance(result, Completion):
            whole = self._whole(flight, result)
            if whole is None:
                return
            result = whole
        steps.on_result(flight, result)

    def _whole(self, flight: InFlight, text: Completion) -> Completion | None:
        """The completion with the cost of all its tries; None where it is tried again, or was given up."""
        if text.finish_reason == "cancelled":
            if self.control.requested in ("run", "pause") and self._steps.fatal is None:
                stage = flight.lane.stage
                self._steps.fatal = BackendError(f"The model of stage {stage} was closed while the run needed it.")
            return None
        lane = flight.lane
        cut_off = text.finish_reason == "length" and self.control.requested == "run"
        if cut_off and isinstance(lane, TextQueue) and lane.again(flight, text):
            return None
        if flight.tokens:
            return replace(text, tokens=flight.tokens + text.tokens, seconds=flight.seconds + text.seconds)
        return text

    # --- telling -----------------------------------------------------------------------------------------------------

    def _progress(self, force: bool = False) -> None:
        now = time.monotonic()
        if force or now - self._ticked >= EVERY:
            self._ticked = now
            self.on_event(self.progress(now - self._steps.started))

    def progress(self, elapsed: float) -> dict[str, Any]:
        """One ``progress`` event; ``done`` of ``total`` counts questions, or pairs where those are the target."""
        counts, accepted = self.counts, self.counts.kept["pair"]
        by_pairs = self.config.accepted is not None
        done = accepted if by_pairs else counts.decided + counts.failed
        total = self.config.accepted or self.config.limit
        elapsed = max(elapsed, 1e-6)
        rate = counts.decided_here / elapsed
        speed = (accepted - self._accepted_before) / elapsed if by_pairs else rate
        return {
            "event": "progress",
            "run_id": self.run_id,
            "stage": "run",
            "status": "paused" if self.control.requested == "pause" else "running",
            "done": done,
            "total": total,
            "accepted": accepted,
            "errors": counts.failed,
            "rows_per_s": round(rate, 3),
            "tokens_per_s": round(counts.tokens / elapsed, 1),
            "eta_s": round((total - done) / speed, 1) if speed else None,
            "elapsed_s": round(elapsed, 3),
            "generated": counts.kept["generated"],
            "stages": {stage: [counts.kept[stage], counts.dropped[stage]] for stage in STAGES},
        }

    def _message(self, status: Status) -> str | None:
        if status == "failed":
            return str(self._steps.fatal)
        accepted, target = self.counts.kept["pair"], self.config.accepted
        if status == "done" and target is not None and accepted < target:
            return (
                f"Stopped at --max-questions {self.config.limit} with {accepted} of {target} pairs accepted; "
                "start a run with a higher --max-questions to get more."
            )
        return None
