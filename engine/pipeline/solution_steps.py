"""The last steps of a question: its solutions, and the pair with the best of them.

With an adaptive n the number of solutions follows from the stored difficulty alone, so that a resumed run asks for the
same ones. Where difficulty is the solver's confidence, sample 0 comes with it.

Runs on the pipeline's coordinating thread; an exception fails the question (``Steps.guard``).
"""

from queue import SimpleQueue

from engine.config.calibration import samples
from engine.config.run_config import RunConfig
from engine.models.base import Completion, Scored
from engine.models.roles import Models
from engine.pipeline.recorder import FAILED, Recorder
from engine.pipeline.request_queue import InFlight, Item, RunContext, ScoreQueue, TextQueue
from engine.stages import pair, solution
from engine.text import answers
from store.records import Reward


class _Undecided(Exception):
    """Two answers that only Math-Verify can compare."""


def _undecided(_: str, __: str) -> bool:
    raise _Undecided


class SolutionSteps:
    """``solver`` and ``rewards``: the queues; ``rewards`` is None in a profile without a reward model. ``to_group``
    gets the items whose answers need Math-Verify."""

    def __init__(
        self, config: RunConfig, models: Models, recorder: Recorder, run: RunContext, to_group: SimpleQueue[Item | None]
    ) -> None:
        self._profile = profile = config.profile
        self._floor, self._gain = config.reward_floor, profile.gain
        self._recorder, self._to_group = recorder, to_group
        self.solver = TextQueue("solution", "solution", profile.solver, models.solver, self._on_solution, run)
        self.rewards: ScoreQueue | None = None
        if profile.reward is not None and models.reward is not None:
            self.rewards = ScoreQueue("pair", profile.reward, models.reward, self._on_reward, run)

    def begin(self, item: Item) -> None:
        """Ask for the samples that the question does not have yet."""
        have = {s.sample for s in item.solutions}
        missing = tuple(sample for sample in range(self._samples(item)) if sample not in have)
        item.missing = len(missing)
        if missing:
            self.solver.add(item, missing)
        else:
            self._finish_solutions(item)

    def _samples(self, item: Item) -> int:
        """How many samples the question gets; ``n`` where its difficulty is unknown."""
        solver = self._profile.solver
        if not solver.adaptive or item.fail_rate is None:
            return solver.n
        return samples(item.fail_rate, self._gain, solver.n_min, solver.n_max)

    def _on_solution(self, call: InFlight, text: Completion) -> None:
        item = call.item
        made = solution.solution(item.qid, call.sample, text, self._profile.solver.name, call.seed)
        item.new_solutions.append(made)
        if self.solver.account is not None:  # at once: a kill must not lose what was paid for
            self._recorder.rows.append(made)
        self.sample_arrived(item)

    def sample_arrived(self, item: Item) -> None:
        """Note that one more sample has come, or has failed."""
        item.missing -= 1
        if item.missing == 0:
            self._finish_solutions(item)

    def _finish_solutions(self, item: Item) -> None:
        solver = self._profile.solver
        item.new_solutions.sort(key=lambda s: s.sample)
        if self.solver.account is None:
            self._recorder.rows.extend(item.new_solutions)
        item.solutions = sorted([*item.solutions, *item.new_solutions], key=lambda s: s.sample)
        if item.errors:
            self._recorder.fail(item, "solution", item.errors[0])
        else:
            faults = solution.faults(item.solutions, solver.keep_cut, solver.max_repetition)
            if self._recorder.verdict(item, solution.judge(item.qid, solver.name, faults)):
                self.begin_pair(item)

    def begin_pair(self, item: Item) -> None:
        """Ask for rewards, and group the answers."""
        if self.rewards is not None:
            self.rewards.add(item)
        try:
            item.groups = answers.group([s.answer for s in item.solutions], _undecided)
        except _Undecided:
            self._to_group.put(item)
        if self.rewards is None:
            item.scored = Scored("", (None,) * len(item.solutions), 0, 0.0)
            self.finish_pair(item)

    def _on_reward(self, call: InFlight, scored: Scored) -> None:
        call.item.scored = scored
        self.finish_pair(call.item)

    def finish_pair(self, item: Item) -> None:
        """Choose a solution once both the rewards and the groups of answers are known."""
        if item.scored is None or item.groups is None or item.stage == FAILED:
            return
        scored, profile = item.scored, self._profile
        name = None if profile.reward is None else profile.reward.name
        left_out = solution.left_out(item.solutions, profile.solver.keep_cut, profile.solver.max_repetition)
        verdict, labels = pair.judge(
            item.qid, name, item.solutions, scored.scores, item.groups, self._floor, scored.tokens, left_out
        )
        if name is not None:
            each = scored.seconds / len(item.solutions)
            self._recorder.rows.extend(
                Reward(s.solution_id, name, score, each) for s, score in zip(item.solutions, scored.scores, strict=True)
            )
        self._recorder.rows.extend(labels)
        self._recorder.verdict(item, verdict)
