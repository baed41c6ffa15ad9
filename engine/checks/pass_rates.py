"""The check ``pass-rate``: how often a solver reaches the gold answer of each question.

The solver writes n rollouts a question, each final answer is compared with the gold one, and the counts are stored as
the model's rate. Undecided answers count as neither right nor wrong: pass rate = right / (n - undecided). Nothing is
drained between questions, so the model stays busy; a kill loses the questions in flight and those of the last second.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from engine.checks.report import Counts, report
from engine.checks.request import Check
from engine.checks.scores import GIVE_UP
from engine.config.profiles import Role
from engine.jobs.control import Control
from engine.jobs.progress import Progress
from engine.jobs.result import OnEvent, Result
from engine.models.base import Completion, Failure, Request, TextModel
from engine.models.model_cache import ModelCache
from engine.seeds import item_seed
from engine.stages import solution
from engine.text.answers import AnswerPool
from store.database import pass_rates
from store.database.pass_rates import Extent, Measurement, Prompt
from store.database.workspace import Workspace
from store.errors import BackendError, InputError
from store.records import ErrorRow, Rate, Run, Solution, Spend, now

_POLL = 0.25
"""Seconds between two looks at whether the check was stopped."""
_WRITE = 1.0
"""Seconds between two writes."""


def is_measured(workspace: Workspace, run: Run, check: Check) -> bool:
    """Whether every question has its rate. InputError where the run has no gold answers."""
    with workspace.cursor() as cursor:
        extent = _extent(pass_rates.extent(cursor, _measurement(run, check)), run)
    return extent.measured == extent.prompts


class Measuring:
    """The job: the same interface as the checks of stages (``engine.checks.job``)."""

    def __init__(self, workspace: Workspace, run: Run, check: Check, on_event: OnEvent, control: Control) -> None:
        self._workspace, self._run, self._check, self._control = workspace, run, check, control
        self._wanted = _measurement(run, check)
        self._counts = Counts()
        self._progress = Progress(
            on_event, run.run_id, check.stage, lambda: {"check": check.name, **asdict(self._counts)}
        )

    def run(self, model_cache: ModelCache) -> Result:
        check, progress = self._check, self._progress
        assert check.role is not None
        assert check.config is not None
        self._workspace.writer.flush()  # a run that has just ended may still have rows on their way
        with self._workspace.cursor() as cursor:
            extent = _extent(pass_rates.extent(cursor, self._wanted), self._run)
        progress.total, progress.done = extent.prompts, extent.measured
        counted = (extent.measured, extent.rollouts, extent.right, extent.undecided)
        self._counts = Counts(**dict(zip(("measured", "rollouts", "right", "unclear"), counted, strict=True)))
        with ExitStack() as stack:
            models = stack.enter_context(model_cache.acquire(check.config))
            pool = stack.enter_context(AnswerPool())
            cursor = stack.enter_context(self._workspace.cursor())
            progress.emit("start")
            stack.enter_context(progress.ticking())
            progress.restart()
            prompts = pass_rates.unmeasured(cursor, self._wanted)
            self._measure(Rollouts(self._run, check.role, check.n, models.solver, pool), prompts)
        status = self._control.outcome if progress.done < extent.prompts - self._counts.failed else "done"
        message = None if status == "done" else f"The check was {status}; the same check continues from there."
        return progress.end(status, message, report=report(check.words, self._counts))

    def _measure(self, rollouts: "Rollouts", prompts: Iterator[Prompt]) -> None:
        made: list[Rate | ErrorRow] = []
        written = time.monotonic()
        in_a_row = 0
        try:
            for row in rollouts.rows(prompts, lambda: self._control.stopping):
                made.append(row)
                in_a_row = in_a_row + 1 if isinstance(row, ErrorRow) else 0
                self._count(row)
                if in_a_row >= GIVE_UP and isinstance(row, ErrorRow):
                    raise BackendError(f"The model failed {GIVE_UP} questions in a row, last with: {row.message}")
                if time.monotonic() > written + _WRITE:
                    self._write(made, rollouts)
                    made, written = [], time.monotonic()
        finally:
            rollouts.cancel()
            self._write(made, rollouts)

    def _count(self, row: Rate | ErrorRow) -> None:
        counts = self._counts
        if isinstance(row, ErrorRow):
            counts.failed += 1
            return
        self._progress.done += 1
        counts.measured += 1
        counts.rollouts += row.n or 0
        counts.right += row.correct or 0
        counts.unclear += row.undecided or 0

    def _write(self, made: list[Rate | ErrorRow], rollouts: "Rollouts") -> None:
        check, role = self._check, self._check.role
        note: dict[str, Any] = {
            "hash": check.hash(),
            "done": self._progress.done == self._progress.total,
            "words": check.words,
            "counts": asdict(self._counts),
            "when": f"{now():%Y-%m-%d %H:%M}",
        }
        others: list[ErrorRow | Spend] = [row for row in made if isinstance(row, ErrorRow)]
        if role is not None and role.priced and rollouts.requests:
            billed = rollouts.billed
            others.append(
                Spend(self._run.run_id, check.stage, role.name, rollouts.requests, *billed, role.cost(*billed))
            )
            rollouts.requests, rollouts.billed = 0, (0, 0)
        rates = [row for row in made if isinstance(row, Rate)]
        pass_rates.write(self._workspace, self._run, f"{check.name}:{self._wanted.model}", note, rates, others)


@dataclass(slots=True)
class _Open:
    """A question whose rollouts are under way. ``failed``: the error of the first one that failed."""

    prompt: Prompt
    verdicts: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    failed: str | None = None
    ended: int = 0


class Rollouts:
    """Asks the solver for ``n`` rollouts of each question, within its window. ``requests``: how many ended since this
    was last set to zero; ``billed``: their tokens, as (read, written)."""

    def __init__(self, run: Run, role: Role, n: int, model: TextModel, pool: AnswerPool) -> None:
        self._run, self._role, self._n, self._model, self._pool = run, role, n, model, pool
        self._sampling = sampling_of(role)
        self._waiting: deque[Request] = deque()
        self._in_flight: set[str] = set()
        self._comparing = 0
        self._open: dict[str, _Open] = {}
        self._inbox: SimpleQueue[Completion | Failure | Solution | BaseException] = SimpleQueue()
        self.requests, self.billed = 0, (0, 0)

    def rows(self, prompts: Iterator[Prompt], stopped: Callable[[], bool]) -> Iterator[Rate | ErrorRow]:
        """The rate or the error of each question, in any order. Once ``stopped`` is true, questions with unfinished
        rollouts give nothing. Raises the model's fatal error."""
        cancelled = False
        # Math-Verify may take seconds for one answer: the model must not wait for it
        with ThreadPoolExecutor(2) as comparing:
            while True:
                if stopped() and not cancelled:
                    cancelled, prompts = True, iter(())
                    self._waiting.clear()
                    self.cancel()
                self._submit(prompts)
                if not self._in_flight and not self._comparing:
                    return
                try:
                    arrived = self._inbox.get(timeout=_POLL)
                except Empty:
                    continue
                if isinstance(arrived, BaseException):
                    raise arrived
                if isinstance(arrived, Solution):
                    self._comparing -= 1
                    ended = self._add(arrived)
                else:
                    ended = self._receive(arrived, comparing, cancelled)
                if ended is not None:
                    yield self._row(ended)

    def cancel(self) -> None:
        """Give up what is in flight."""
        self._model.cancel(list(self._in_flight))

    def _submit(self, prompts: Iterator[Prompt]) -> None:
        room = max(1, self._model.window) - len(self._in_flight)
        while len(self._waiting) < room and (prompt := next(prompts, None)) is not None:
            self._open[prompt.question_id] = _Open(prompt)
            self._waiting.extend(self._request(prompt, sample) for sample in range(self._n))
        requests = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        if requests:
            self._in_flight.update(request.request_id for request in requests)
            self._model.submit(requests, self._inbox.put)

    def _request(self, prompt: Prompt, sample: int) -> Request:
        """Seeds of their own: the rollouts are not the run's solutions again."""
        seed = item_seed(self._run.seed, prompt.idx, "rollout", sample)
        text = self._role.template.render(prompt.text)
        return Request(f"{prompt.question_id}/rollout/{sample}", text, self._role.sampling, seed)

    def _receive(self, result: Completion | Failure, comparing: ThreadPoolExecutor, cancelled: bool) -> _Open | None:
        """Take a rollout; gives the question that ended with it, if it failed."""
        self._in_flight.remove(result.request_id)
        self.requests += 1
        self.billed = self.billed[0] + result.billed[0], self.billed[1] + result.billed[1]
        key, _, sample = result.request_id.rpartition("/rollout/")
        if isinstance(result, Failure):
            if result.fatal:
                raise result.error
            self._open[key].failed = self._open[key].failed or str(result.error)
            return self._ended(self._open[key])
        if result.finish_reason == "cancelled":
            if not cancelled:
                raise BackendError("The solver's model was closed while the check needed it.")
            return None
        self._comparing += 1
        comparing.submit(self._compare, key, int(sample), result, self._open[key].prompt.gold)
        return None

    def _compare(self, key: str, sample: int, result: Completion, gold: str) -> None:
        try:
            made = solution.solution(key, sample, result, self._role.name, 0)
            self._inbox.put(solution.compared(made, gold, self._pool))
        except BaseException as error:  # noqa: BLE001  the thread's edge: the waiting loop raises it
            self._inbox.put(error)

    def _add(self, made: Solution) -> _Open | None:
        question = self._open[made.question_id]
        question.verdicts[str(made.correct)] += 1
        question.tokens += made.tokens or 0
        return self._ended(question)

    def _ended(self, question: _Open) -> _Open | None:
        question.ended += 1
        if question.ended < self._n:
            return None
        return self._open.pop(question.prompt.question_id)

    def _row(self, question: _Open) -> Rate | ErrorRow:
        prompt, verdicts = question.prompt, question.verdicts
        if question.failed is not None:
            return ErrorRow(self._run.run_id, prompt.idx, "pass-rate", question.failed)
        decided = self._n - verdicts["undecided"]
        rate = verdicts["same"] / decided if decided else None
        counts = (self._n, verdicts["same"], verdicts["undecided"], round(question.tokens / self._n, 2))
        return Rate(prompt.question_id, self._role.name, rate, *counts, self._sampling)


def sampling_of(role: Role) -> dict[str, Any]:
    """What the rollouts depend on: rates of one model that differ in it do not compare."""
    names = ("revision", "temperature", "top_p", "top_k", "max_tokens")
    return {"model": role.weights, **{name: getattr(role, name) for name in names}, "template": role.template.id}


def _measurement(run: Run, check: Check) -> Measurement:
    assert check.role is not None
    return Measurement(run.run_id, check.role.name, sampling_of(check.role), check.n)


def _extent(extent: Extent, run: Run) -> Extent:
    if not extent.prompts:
        problem = "has no question with a gold answer that no stage dropped"
        raise InputError("run", run.run_id, problem, "import questions with their answers (`--map answer=COLUMN`)")
    return extent
