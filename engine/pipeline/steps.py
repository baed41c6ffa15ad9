"""The steps of one question: what a model's result means at each stage, and where the question goes next.

Everything runs on the pipeline's coordinating thread. Rows collect in the recorder until ``flush``. An exception in a
step fails its question, never the run.
"""

from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any

from engine.config.run_config import RunConfig
from engine.duplicates.signature import METHOD, signature
from engine.models.base import Completion, Failure, OnText, Scored
from engine.models.greedy_score import greedy_logit
from engine.models.roles import Models
from engine.pipeline import in_order
from engine.pipeline.in_order import InOrder
from engine.pipeline.judge_warning import JudgeWarning
from engine.pipeline.recorder import FAILED, Recorder
from engine.pipeline.request_queue import InFlight, Item, RunContext, ScoreQueue, TextQueue
from engine.pipeline.solution_steps import SolutionSteps
from engine.pipeline.spending import Spending
from engine.pipeline.types import Tools
from engine.stages import difficulty, language, solution, solvability
from store.database.resume import Stored
from store.errors import ScaleQuestError
from store.records import STAGES, Label, Question, QuestionSignature, Record

HELD, HELD_WINDOWS = 4_000, 40
"""The most questions that may wait for an earlier one: the larger of a fixed number and a multiple of what the
generators write at a time. It only bounds memory: ``in_order.LATE`` decides first."""


class Steps:
    """The queues to the models and what their results mean.

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
        self.recorder = Recorder(run_id, on_event)
        self.in_flight: dict[str, InFlight] = {}
        self.ran = 0.0
        self._place = tools.place
        self.judge_warning = JudgeWarning(run_id, config.profile.judge, on_event)
        self._without_topic: list[Item] = []
        self.spending = Spending(run_id, config.max_cost, tools.earlier_spend)
        self._make_queues(models, inbox, to_group, on_text)
        most = max(HELD, HELD_WINDOWS * sum(queue.window for queue in self.generators))
        self._in_order = InOrder(most, lambda: self.ran)

    def _make_queues(
        self, models: Models, inbox: SimpleQueue[Any], to_group: SimpleQueue[Item | None], on_text: OnText | None
    ) -> None:
        profile = self.config.profile
        run = RunContext(self.config.seed, self.in_flight, inbox.put, on_text, self.spending)
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
        self.difficulty_queue: TextQueue | ScoreQueue
        if (greedy := profile.greedy) is not None:
            self.difficulty_queue = TextQueue(
                "difficulty", "solution", greedy, models.solver, self._on_greedy, run, logprobs=True
            )
        else:
            scorer: Any = models.difficulty
            self.difficulty_queue = ScoreQueue("difficulty", profile.difficulty, scorer, self._on_difficulty, run)
        self.solutions = SolutionSteps(self.config, models, self.recorder, run, to_group)
        queues = (self.solutions.rewards, self.solutions.solver, self.difficulty_queue, self.judge_queue)
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
            self.recorder.rows += [
                Label(i.qid, "topic", topic, self.tools.topic_model) for i, topic in zip(items, topics, strict=True)
            ]
        rows, self.recorder.rows = self.recorder.rows, []
        return rows + self.spending.rows()

    def restore(self, item: Item, known: Stored) -> Item | None:
        """The item at its first stage without a verdict; None where its outcome is known."""
        item.question, item.attempt = known.question, known.attempts + 1
        item.solutions = sorted(known.solutions, key=lambda s: s.sample)
        self.recorder.counts.kept["generated"] += 1
        for stage in STAGES:
            item.stage = stage
            verdict = known.verdicts.get(stage)
            if verdict is None:
                return item
            if stage == "difficulty":
                item.fail_rate = verdict.score
            if stage == "duplicate" and verdict.kept:
                self.tools.index.remember(known.question)
            (self.recorder.counts.kept if verdict.kept else self.recorder.counts.dropped)[stage] += 1
            if not verdict.kept:
                break
        self.recorder.counts.decided += 1
        return None

    def start(self, item: Item) -> None:
        """Send an item to its generator, or to where an earlier process left it."""
        self.recorder.open += 1
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
            self.recorder.succeeded(call.queue.stage)

    def on_failure(self, call: InFlight, failure: Failure) -> None:
        """Handle a call without an answer: the run ends where the model is gone, else this item fails."""
        item = call.item
        if failure.fatal:
            self.recorder.fatal = failure.error
        elif item.stage == FAILED:
            return
        elif call.queue is self.solutions.solver:  # keep the other samples
            item.errors.append(str(failure.error))
            self.guard(item, lambda: self.solutions.sample_arrived(item))
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
        """``Recorder.fail``; questions that wait for this one no longer do."""
        early = item.stage in ("generated", "language")
        self.recorder.fail(item, stage, message)
        if early:
            self.arrive(item.idx, None)

    def enter(self, item: Item) -> None:
        """Queue the item for the model of its stage."""
        if item.stage == "solvability":
            if self.judge_queue is not None:
                self.judge_queue.add(item)
            elif self.recorder.verdict(item, solvability.unjudged(item.qid)):
                self.enter(item)
        elif item.stage == "difficulty":
            self.difficulty_queue.add(item)
        elif item.stage == "solution":
            self.solutions.begin(item)
        else:
            self.solutions.begin_pair(item)

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
        self.recorder.rows.append(item.question)
        self.recorder.counts.kept["generated"] += 1
        item.stage = "language"
        self.check_language(item)

    def check_language(self, item: Item) -> None:
        kept = self.recorder.verdict(item, language.judge(item.generated))
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
        self.recorder.counts.held, self.recorder.counts.late = self._in_order.held, self._in_order.late

    def _check_novelty(self, item: Item) -> None:
        question = item.generated
        if item.stage == "duplicate" and not self._check_duplicate(item):
            return
        verdict = self.tools.benchmark.judge(question)
        self.recorder.rows.extend(self.tools.benchmark.labels(verdict))
        if self.recorder.verdict(item, verdict):
            self.enter(item)

    def _check_duplicate(self, item: Item) -> bool:
        look = signature(item.generated.text)
        verdict, labels = in_order.judge(item.generated, self.tools.index, self.tools.others, look)
        self.recorder.rows.extend(labels)
        if verdict.kept:
            place = max(self._place, item.idx)  # the idx itself, but after a late question
            self.recorder.rows.append(QuestionSignature(item.qid, place, METHOD, *look))
            self._place = place + 1
        return self.recorder.verdict(item, verdict)

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
        if self.recorder.verdict(item, verdict):
            self.enter(item)

    def _on_difficulty(self, call: InFlight, result: Scored) -> None:
        self._judge_difficulty(call.item, result.scores[0], result.tokens, result.seconds)

    def _on_greedy(self, call: InFlight, text: Completion) -> None:
        """The solver's greedy solution is sample 0, which has its tokens and seconds, and tells the difficulty."""
        item, profile = call.item, self.config.profile
        item.solutions = [solution.solution(item.qid, 0, text, profile.solver.name, call.seed)]
        self.recorder.rows += item.solutions
        assert profile.difficulty.calibration is not None
        self._judge_difficulty(item, greedy_logit(profile.difficulty.calibration, text), 0, 0.0)

    def _judge_difficulty(self, item: Item, raw: float | None, tokens: int, seconds: float) -> None:
        role, band = self.config.profile.difficulty, self._bands[item.generator]
        verdict = difficulty.judge(item.qid, role.name, raw, role.activation, band, tokens, seconds)
        item.fail_rate = verdict.score
        if self.recorder.verdict(item, verdict):
            self.enter(item)
