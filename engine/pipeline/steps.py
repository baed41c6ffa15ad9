"""The steps of one question: what a model's result means at each stage, and where the question goes next.

Everything runs on the pipeline's coordinating thread. Rows collect in ``rows`` until ``flush``. An exception in a step
fails its question, never the run.
"""

import itertools
import time
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any

from engine.config.run_config import RunConfig
from engine.duplicates.signature import METHOD, signature
from engine.models.base import Completion, Failure, OnText, Scored
from engine.models.roles import Models
from engine.pipeline import in_order
from engine.pipeline.in_order import InOrder
from engine.pipeline.judge_warning import JudgeWarning
from engine.pipeline.request_queue import InFlight, Item, RunContext, ScoreQueue, TextQueue
from engine.pipeline.spending import Spending
from engine.pipeline.types import Counts, Tools
from engine.stages import difficulty, language, pair, solution, solvability
from engine.text import answers
from store.database.resume import Stored
from store.errors import BackendError, ScaleQuestError
from store.records import STAGES, ErrorRow, Label, Question, QuestionSignature, Record, Reward, Verdict

GIVE_UP = 32
"""Consecutive failures at one stage, none of them fatal by itself, after which the model counts as broken."""
HELD, HELD_WINDOWS = 4_000, 40
"""The most questions that may wait for an earlier one: the larger of a fixed number and a multiple of what the
generators write at a time. It only bounds memory: ``in_order.LATE`` decides first."""
FAILED = "failed"
"""The stage of an item that has failed; its later results are ignored."""
NEXT = dict(itertools.pairwise(STAGES))


class _Undecided(Exception):
    """Two answers that only Math-Verify can compare."""


def _undecided(_: str, __: str) -> bool:
    raise _Undecided


class Steps:
    """The queues to the models, the rows to write and the counts. ``open``: started questions without an outcome.

    ``inbox`` gets the models' results, ``to_group`` the items whose answers need Math-Verify, ``on_text`` texts as they
    appear. ``ran``: seconds for which the run has been running, without its pauses; the pipeline counts them.
    """

    def __init__(
        self,
        config: RunConfig,
        run_id: str,
        models: Models,
        tools: Tools,
        inbox: SimpleQueue[Any],
        to_group: SimpleQueue[Item | None],
        on_event: Callable[[dict[str, Any]], None],
        on_text: OnText | None = None,
    ) -> None:
        self.config, self.run_id, self.tools, self.on_event = config, run_id, tools, on_event
        self.counts = Counts()
        self.in_flight: dict[str, InFlight] = {}
        self.rows: list[Record] = []
        self.open = 0
        self.started = time.monotonic()
        self.first_pair: float | None = None
        self.fatal: ScaleQuestError | None = None
        self.ran = 0.0
        self._place = tools.place
        self.judge_warning = JudgeWarning(run_id, config.profile.judge, on_event)
        self._without_topic: list[Item] = []
        self._failures_in_a_row: dict[str, int] = {}
        self._to_group = to_group
        self.spending = Spending(run_id, config.max_cost, tools.earlier_spend)
        self._make_queues(models, inbox, on_text)
        most = max(HELD, HELD_WINDOWS * sum(queue.window for queue in self.generators))
        self._in_order = InOrder(most, lambda: self.ran)

    def _make_queues(self, models: Models, inbox: SimpleQueue[Any], on_text: OnText | None) -> None:
        profile, run = (
            self.config.profile,
            RunContext(self.config.seed, self.in_flight, inbox.put, on_text, self.spending),
        )
        self.generators = [
            TextQueue("generated", "question", role, model, self._on_question, run)
            for role, model in zip(profile.generators, models.generators, strict=True)
        ]
        judge: Any = models.judge
        self.judge_queue: TextQueue | ScoreQueue | None = None
        if profile.judge is not None and profile.judge.writes:
            second = solvability.SECOND_TEMPERATURE
            self.judge_queue = TextQueue("solvability", "judge", profile.judge, judge, self._on_judged, run, second)
        elif profile.judge is not None:
            self.judge_queue = ScoreQueue("solvability", profile.judge, judge, self._on_judged, run)
        self.difficulty_queue = ScoreQueue(
            "difficulty", profile.difficulty, models.difficulty, self._on_difficulty, run
        )
        self.solver_queue = TextQueue("solution", "solution", profile.solver, models.solver, self._on_solution, run)
        self.reward_queue: ScoreQueue | None = None
        if profile.reward is not None and models.reward is not None:
            self.reward_queue = ScoreQueue("pair", profile.reward, models.reward, self._on_reward, run)
        queues = (self.reward_queue, self.solver_queue, self.difficulty_queue, self.judge_queue)
        self.downstream = [queue for queue in queues if queue is not None]
        self._params = [
            {"temperature": g.temperature, "top_p": g.top_p, "max_tokens": g.max_tokens}
            | ({"top_k": g.top_k} if g.top_k else {})
            for g in profile.generators
        ]
        self._bands = [self.config.band(g) for g in profile.generators]

    def flush(self) -> list[Record]:
        """The rows since the last flush, with topics added; to be written in one transaction."""
        if self._without_topic:
            items, self._without_topic = self._without_topic, []
            topics = self.tools.topics([item.generated.text for item in items])
            self.rows += [
                Label(i.qid, "topic", topic, self.tools.topic_model) for i, topic in zip(items, topics, strict=True)
            ]
        rows, self.rows = self.rows, []
        return rows + self.spending.rows()

    def restore(self, item: Item, known: Stored) -> Item | None:
        """The item at its first stage without a verdict; None where its outcome is known."""
        item.question, item.attempt = known.question, known.attempts + 1
        item.solutions = sorted(known.solutions, key=lambda s: s.sample)
        self.counts.kept["generated"] += 1
        for stage in STAGES:
            item.stage = stage
            verdict = known.verdicts.get(stage)
            if verdict is None:
                return item
            if stage == "duplicate" and verdict.kept:
                self.tools.index.remember(known.question)
            (self.counts.kept if verdict.kept else self.counts.dropped)[stage] += 1
            if not verdict.kept:
                break
        self.counts.decided += 1
        return None

    def start(self, item: Item) -> None:
        """Send an item to its generator, or to where an earlier process left it."""
        self.open += 1
        if item.question is None:
            self._in_order.expect(item.idx)
            self.generators[item.generator].add(item)
        elif item.stage == "language":
            self._in_order.expect(item.idx)
            self.guard(item, lambda: self.check_language(item))
        elif item.stage in ("duplicate", "contamination"):
            self._in_order.expect(item.idx)
            self.arrive(item.idx, item)
        else:
            self.guard(item, lambda: self.enter(item))

    def on_result(self, call: InFlight, result: Completion | Scored) -> None:
        """Handle a model's complete answer."""
        if call.item.stage == FAILED:
            return
        try:  # as ``guard`` does, without a closure on the hot path
            call.queue.handler(call, result)
        except Exception as error:  # noqa: BLE001
            self._fail_with(call.item, error)
        else:
            self._failures_in_a_row[call.queue.stage] = 0

    def on_failure(self, call: InFlight, failure: Failure) -> None:
        """Handle a call without an answer: the run ends where the model is gone, else this item fails."""
        item = call.item
        if failure.fatal:
            self.fatal = failure.error
        elif item.stage == FAILED:
            return
        elif call.queue is self.solver_queue:  # keep the other samples
            item.errors.append(str(failure.error))
            self.guard(item, lambda: self.sample_arrived(item))
        else:
            self.fail(item, call.queue.stage, str(failure.error))

    def guard(self, item: Item, step: Callable[[], None]) -> None:
        """Run one item's step; an exception fails the item, not the run."""
        try:
            step()
        except Exception as error:  # noqa: BLE001
            self._fail_with(item, error)

    def _fail_with(self, item: Item, error: Exception) -> None:
        known = isinstance(error, ScaleQuestError)
        self.fail(item, item.stage, str(error) if known else f"{type(error).__name__}: {error}")

    def fail(self, item: Item, stage: str, message: str) -> None:
        """Record that the item failed, without a verdict, so that a resume tries it again."""
        self.rows.append(ErrorRow(self.run_id, item.idx, stage, message, attempt=item.attempt))
        self.counts.failed += 1
        self.open -= 1
        self.on_event({"event": "error", "run_id": self.run_id, "stage": stage, "idx": item.idx, "message": message})
        self._failures_in_a_row[stage] = self._failures_in_a_row.get(stage, 0) + 1
        if self._failures_in_a_row[stage] >= GIVE_UP and self.fatal is None:
            self.fatal = BackendError(f"Stage {stage} failed {GIVE_UP} times in a row, last with: {message}")
        early, item.stage = item.stage in ("generated", "language"), FAILED
        if early:
            self.arrive(item.idx, None)

    def _verdict(self, item: Item, verdict: Verdict) -> bool:
        """Record a verdict; True where the item goes on to the next stage."""
        self.rows.append(verdict)
        (self.counts.kept if verdict.kept else self.counts.dropped)[verdict.stage] += 1
        if verdict.kept and verdict.stage != STAGES[-1]:
            item.stage = NEXT[verdict.stage]
            return True
        self.open -= 1
        self.counts.decided += 1
        self.counts.decided_here += 1
        return False

    def enter(self, item: Item) -> None:
        """Queue the item for the model of its stage."""
        if item.stage == "solvability":
            if self.judge_queue is not None:
                self.judge_queue.add(item)
            elif self._verdict(item, solvability.unjudged(item.qid)):
                self.enter(item)
        elif item.stage == "difficulty":
            self.difficulty_queue.add(item)
        elif item.stage == "solution":
            self._begin_solutions(item)
        else:
            self._begin_pair(item)

    def _on_question(self, call: InFlight, text: Completion) -> None:
        item = call.item
        role = self.config.profile.generators[item.generator]
        item.question = Question(
            item.qid,
            self.run_id,
            item.idx,
            text.text.strip(),
            role.name,
            role.template.id,
            self._params[item.generator],
            call.seed,
            text.tokens,
            "length" if text.finish_reason == "length" else "stop",
            text.seconds,
        )
        self.rows.append(item.question)
        self.counts.kept["generated"] += 1
        item.stage = "language"
        self.check_language(item)

    def check_language(self, item: Item) -> None:
        kept = self._verdict(item, language.judge(item.generated))
        if kept:
            self._without_topic.append(item)
        self.arrive(item.idx, item if kept else None)

    def arrive(self, idx: int, item: Item | None) -> None:
        """Judge the questions that have arrived without a gap before them, so that the lowest idx always wins."""
        self._check_all(self._in_order.arrive(idx, item))

    def release_held(self) -> None:
        """Judge the questions that have waited too long for an earlier one."""
        self._check_all(self._in_order.release())

    def _check_all(self, ready: Iterable[Item]) -> None:
        for item in ready:
            self.guard(item, lambda it=item: self._check_novelty(it))  # type: ignore[misc]
        self.counts.held, self.counts.late = self._in_order.held, self._in_order.late

    def _check_novelty(self, item: Item) -> None:
        question = item.generated
        if item.stage == "duplicate" and not self._check_duplicate(item):
            return
        verdict = self.tools.benchmark.judge(question)
        self.rows.extend(self.tools.benchmark.labels(verdict))
        if self._verdict(item, verdict):
            self.enter(item)

    def _check_duplicate(self, item: Item) -> bool:
        look = signature(item.generated.text)
        verdict, labels = in_order.judge(item.generated, self.tools.index, self.tools.others, look)
        self.rows.extend(labels)
        if verdict.kept:
            place = max(self._place, item.idx)  # the idx itself, but after a late question
            self.rows.append(QuestionSignature(item.qid, place, METHOD, *look))
            self._place = place + 1
        return self._verdict(item, verdict)

    def _on_judged(self, call: InFlight, result: Completion | Scored) -> None:
        item = call.item
        role = call.queue.role
        if isinstance(result, Completion):
            if call.sample == 0 and solvability.concluded(result) is None:
                assert isinstance(self.judge_queue, TextQueue)
                item.undecided = result
                self.judge_queue.add(item, (1,))
                return
            verdict = solvability.from_text(item.qid, role.name, result, item.undecided)
            self.judge_warning.count(verdict)
        else:
            verdict = solvability.from_score(
                item.qid, role.name, result.scores[0], role.threshold, result.tokens, result.seconds
            )
        if self._verdict(item, verdict):
            self.enter(item)

    def _on_difficulty(self, call: InFlight, result: Scored) -> None:
        item = call.item
        role = self.config.profile.difficulty
        band = self._bands[item.generator]
        score = result.scores[0]
        verdict = difficulty.judge(item.qid, role.name, score, role.activation, band, result.tokens, result.seconds)
        if self._verdict(item, verdict):
            self.enter(item)

    def _begin_solutions(self, item: Item) -> None:
        have = {s.sample for s in item.solutions}
        missing = tuple(sample for sample in range(self.config.profile.solver.n) if sample not in have)
        item.missing = len(missing)
        if missing:
            self.solver_queue.add(item, missing)
        else:
            self._finish_solutions(item)

    def _on_solution(self, call: InFlight, text: Completion) -> None:
        item = call.item
        made = solution.solution(item.qid, call.sample, text, self.config.profile.solver.name, call.seed)
        item.new_solutions.append(made)
        if self.solver_queue.account is not None:  # at once: a kill must not lose what was paid for
            self.rows.append(made)
        self.sample_arrived(item)

    def sample_arrived(self, item: Item) -> None:
        item.missing -= 1
        if item.missing == 0:
            self._finish_solutions(item)

    def _finish_solutions(self, item: Item) -> None:
        solver = self.config.profile.solver
        item.new_solutions.sort(key=lambda s: s.sample)
        if self.solver_queue.account is None:
            self.rows.extend(item.new_solutions)
        item.solutions = sorted([*item.solutions, *item.new_solutions], key=lambda s: s.sample)
        if item.errors:
            self.fail(item, "solution", item.errors[0])
        else:
            faults = solution.faults(item.solutions, solver.keep_cut, solver.max_repetition)
            if self._verdict(item, solution.judge(item.qid, solver.name, faults)):
                self._begin_pair(item)

    def _begin_pair(self, item: Item) -> None:
        if self.reward_queue is not None:
            self.reward_queue.add(item)
        try:
            item.groups = answers.group([s.answer for s in item.solutions], _undecided)
        except _Undecided:
            self._to_group.put(item)
        if self.reward_queue is None:
            item.scored = Scored("", (None,) * len(item.solutions), 0, 0.0)
            self.finish_pair(item)

    def _on_reward(self, call: InFlight, scored: Scored) -> None:
        call.item.scored = scored
        self.finish_pair(call.item)

    def finish_pair(self, item: Item) -> None:
        """Choose a solution once both the rewards and the groups of answers are known."""
        if item.scored is None or item.groups is None or item.stage == FAILED:
            return
        scored, profile = item.scored, self.config.profile
        name = None if profile.reward is None else profile.reward.name
        left_out = solution.left_out(item.solutions, profile.solver.keep_cut, profile.solver.max_repetition)
        verdict, labels = pair.judge(
            item.qid, name, item.solutions, scored.scores, item.groups, self.config.reward_floor, scored.tokens,
            left_out,
        )  # fmt: skip
        if name is not None:
            each = scored.seconds / len(item.solutions)
            self.rows.extend(
                Reward(s.solution_id, name, score, each) for s, score in zip(item.solutions, scored.scores, strict=True)
            )
        self.rows.extend(labels)
        self._verdict(item, verdict)
        if verdict.kept and self.first_pair is None:
            self.first_pair = time.monotonic() - self.started
