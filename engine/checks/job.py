"""The check job: reads the questions of a stored run, has a stage judge them again and replaces its verdicts.

``run`` blocks until the end; control it with the ``Control`` that you pass in. The position is stored with each block
of verdicts, so that a check that was stopped in any way continues from there when the same check is requested again.
"""

from contextlib import ExitStack
from dataclasses import asdict
from typing import cast

from engine.checks.answers import Answers
from engine.checks.judges import Contamination, Judge, NearDuplicates, Questions, Rewards
from engine.checks.meaning import Meaning
from engine.checks.pass_rates import Measuring, is_measured
from engine.checks.replies import Replies
from engine.checks.report import Counts, report
from engine.checks.request import PASS_RATE, Check
from engine.checks.vectors import StoredVectors
from engine.config.role import GREEDY
from engine.embedding.role import fit_model
from engine.jobs.control import Control
from engine.jobs.progress import Progress
from engine.jobs.result import OnEvent, Result
from engine.models.base import TextModel
from engine.models.greedy_score import GreedyScore
from engine.models.model_cache import ModelCache
from engine.stages.contamination import Benchmark
from engine.text.answers import AnswerPool
from store.database import check_notes, replace_verdicts
from store.database.replace_verdicts import Findings
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Run, now

READ = 20_000
"""Questions read in one block: bounds memory."""


def run(
    workspace: Workspace,
    run_id: str,
    check: Check,
    on_event: OnEvent = lambda _: None,
    *,
    model_cache: ModelCache,
    control: Control | None = None,
) -> Result:
    """Judge a stage of the run again, or the rest of it; a check that is done already changes nothing.

    ``model_cache`` loads the model. Raises InputError for a run that cannot be checked and a benchmark or model that
    cannot be used (nothing is changed then), StoreError where the disk fails, BackendError where the model is gone.
    """
    job = Measuring if check.name == PASS_RATE else _Job
    return job(workspace, checkable(workspace, run_id), check, on_event, control or Control()).run(model_cache)


def checkable(workspace: Workspace, run_id: str) -> Run:
    """The run. InputError where it is unknown or may still get rows."""
    run = workspace.run(run_id)
    if run.status in ("running", "paused"):
        raise InputError("run", run_id, f"is {run.status}", "wait for its end, then check it")
    if run.kind == "generate" and run.status != "done":
        raise InputError("run", run_id, f"is {run.status} and can still be resumed", "resume it to its end first")
    return run


def done_already(workspace: Workspace, run_id: str, check: Check) -> bool:
    """Whether this check has been completed and nothing has changed since. Errors as ``run``."""
    checked = checkable(workspace, run_id)
    if check.name == PASS_RATE:
        return is_measured(workspace, checked, check)
    with workspace.cursor() as cursor:
        note = check_notes.notes(cursor, run_id).get(check.stage, {})
    return bool(note.get("done")) and note.get("hash") == check.hash()


class _Job:
    def __init__(self, workspace: Workspace, run: Run, check: Check, on_event: OnEvent, control: Control) -> None:
        self._workspace, self._run, self._check, self._control = workspace, run, check, control
        self._counts = Counts()
        self._progress = Progress(
            on_event, run.run_id, check.stage, lambda: {"check": check.name, **asdict(self._counts)}
        )

    def run(self, model_cache: ModelCache) -> Result:
        with ExitStack() as stack:
            return self._work(self._judge(stack, model_cache))

    def _judge(self, stack: ExitStack, model_cache: ModelCache) -> Judge:
        check, stage = self._check, self._check.stage
        if check.name == "contamination":
            return Contamination(Benchmark.load(check.benchmarks))
        if check.name == "answers":
            pool = stack.enter_context(AnswerPool())
            return Answers(self._workspace, self._run, pool, self._stopped)
        if check.embedder is not None:
            vectors = StoredVectors(self._workspace.path, check.embedder, fit_model(check.embedder, ()))
            return Meaning(self._run, check.judge, vectors, check.threshold, check.drop, self._stopped)
        role, config = check.role, check.config
        if role is None or config is None:
            threshold = float(self._run.config.get("duplicate_threshold", 0.8))
            return NearDuplicates(threshold, check.drop, self._run.kind == "generate")
        models = stack.enter_context(model_cache.acquire(config))  # one model, which plays every part
        if role.writes:
            return Replies(self._run, role, cast(TextModel, models.judge), self._stopped)
        greedy = check.profile.greedy if check.profile is not None and role.backend == GREEDY else None
        model = models.difficulty if greedy is None else GreedyScore(role, greedy, models.solver)
        assert model is not None
        if check.name != "reward":
            return Questions(self._run, stage, role, model, self._stopped)
        pool = stack.enter_context(AnswerPool())
        return Rewards(self._workspace, self._run, role, model, pool, self._stopped)

    def _stopped(self) -> bool:
        return self._control.stopping

    def _work(self, judge: Judge) -> Result:
        hashed, progress = self._check.hash(), self._progress
        self._workspace.writer.flush()  # a run that has just ended may still have rows on their way
        with self._workspace.cursor() as cursor:
            note = check_notes.notes(cursor, self._run.run_id).get(self._check.stage, {})
            begin = int(note["next"]) if note.get("hash") == hashed else 0
            extent = replace_verdicts.extent(cursor, self._run.run_id, self._check.stage, begin)
        progress.total, progress.done, last = extent
        if begin:
            self._counts = Counts(**note["counts"])
        progress.emit("start")
        with progress.ticking():
            complete = self._judge_rest(judge, hashed, begin, last)
        return self._end("done" if complete else self._control.outcome)

    def _judge_rest(self, judge: Judge, hashed: str, begin: int, last: int) -> bool:
        """Judge the questions from index ``begin`` to ``last``. False where it was stopped before the end."""
        if begin <= last:
            self._remember(judge, begin)
        self._progress.restart()
        for low in range(begin, last + 1, READ):
            high = min(low + READ - 1, last)
            with self._workspace.cursor() as cursor:
                block = replace_verdicts.stage_input(cursor, self._run.run_id, self._check.stage, low, high)
            for place in range(0, len(block), judge.stretch):
                some = block[place : place + judge.stretch]
                found, judged = (Findings(), 0) if self._stopped() else judge.judge(some)
                if judged:
                    self._counts.add(found)
                    self._write(found, hashed, some[judged - 1].question.idx + 1)
                    self._progress.done += judged
                if judged < len(some):
                    return False
        self._write(Findings(), hashed, last + 1, done=True)
        return True

    def _remember(self, judge: Judge, begin: int) -> None:
        for low in range(0, begin, READ):
            if self._stopped():
                return
            with self._workspace.cursor() as cursor:
                high = min(low + READ, begin) - 1
                judge.remember(replace_verdicts.stage_input(cursor, self._run.run_id, self._check.stage, low, high))

    def _write(self, found: Findings, hashed: str, following: int, done: bool = False) -> None:
        note = {
            "hash": hashed,
            "next": following,
            "done": done,
            "words": self._check.words,
            "counts": asdict(self._counts),
            "when": f"{now():%Y-%m-%d %H:%M}",
        }
        replace_verdicts.replace(self._workspace, self._run, self._check.stage, found, note)

    def _end(self, status: str) -> Result:
        message = None if status == "done" else f"The check was {status}; {CONTINUES}."
        return self._progress.end(status, message, report=report(self._check.words, self._counts))


CONTINUES = "the results so far are kept, and the same check continues from there"
