"""The judges of the checks: each turns a block of stored questions into findings for ``replace_verdicts``.

They differ from the pipeline's stages in three ways: near-duplicates are marked and only dropped on request; questions
outside a scorer's domain are kept with the reason ``outside_domain``; where no solution states an answer, one is chosen
by reward alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from engine.checks.scores import score_all
from engine.config.profiles import Role
from engine.duplicates.signature import signature
from engine.models.base import Scored, ScoreModel
from engine.stages import difficulty, pair, solution, solvability
from engine.stages.contamination import ITEM, Benchmark
from engine.stages.duplicate import LABEL, Index
from engine.text.answers import AnswerPool
from store.database import replace_verdicts
from store.database.replace_verdicts import Findings, StageInput
from store.database.workspace import Workspace
from store.records import ErrorRow, Reward, Run, Solution, Verdict

OUTSIDE = "outside_domain"
_PAIR_LABELS = ("chosen", "agreement", "majority_answer", "repetition")


class Judge(Protocol):
    stretch: int
    """Questions per transaction: what a kill loses at most."""

    def remember(self, some: Sequence[StageInput]) -> None:
        """Take in questions that were judged before an interruption; judges without memory ignore them."""
        return

    def judge(self, some: Sequence[StageInput]) -> tuple[Findings, int]:
        """The findings, and the number of questions judged: fewer than all where the check was stopped."""


class Contamination(Judge):
    """13-grams shared with the benchmarks; the text of the matched item becomes a label."""

    stretch = 5_000

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark

    def judge(self, some: Sequence[StageInput]) -> tuple[Findings, int]:
        found = Findings(replaces=(ITEM,))
        for one in some:
            verdict = self._benchmark.judge(one.question)
            found.verdicts.append(verdict)
            found.labels += self._benchmark.labels(verdict)
        return found, len(some)


class NearDuplicates(Judge):
    """Near-duplicates within the run, in the order of idx. Exact duplicates that the run dropped stay dropped. In a
    ``generated`` run so does a question that was judged late and repeats one of higher idx, or one of another run."""

    stretch = 5_000

    def __init__(self, threshold: float, drop: bool, generated: bool) -> None:
        self._index, self._drop, self._generated = Index(threshold=threshold), drop, generated

    def remember(self, some: Sequence[StageInput]) -> None:
        for one in some:
            if one.reason is None:
                self._index.remember(one.question)

    def judge(self, some: Sequence[StageInput]) -> tuple[Findings, int]:
        found = Findings(replaces=(LABEL,))
        for one in some:
            look = signature(one.question.text)
            if self._generated and one.reason is not None and self._index.compare(one.question, look)[0].kept:
                continue
            verdict, labels = self._index.judge(one.question, look)
            exact = verdict.reason == "exact_duplicate"
            if not verdict.kept and not self._drop and not (exact and one.reason == verdict.reason):
                verdict = replace(verdict, kept=True, reason=None)
                if not exact:  # later questions may be near to this wording only
                    self._index.remember(one.question)
            found.verdicts.append(verdict)
            found.labels += labels
        return found, len(some)


class Questions(Judge):
    """Solvability or difficulty by a model that scores questions; ``replies`` has judges that write."""

    stretch = 256

    def __init__(self, run: Run, stage: str, role: Role, model: ScoreModel, stopped: Callable[[], bool]) -> None:
        self._run, self._stage, self._role, self._model, self._stopped = run, stage, role, model, stopped

    def judge(self, some: Sequence[StageInput]) -> tuple[Findings, int]:
        prompts = [(self._role.template.render(one.question.text), None) for one in some]
        calls = [(one.question.question_id, [prompt]) for one, prompt in zip(some, prompts, strict=True)]
        scored = score_all(self._model, calls, self._stopped)
        found = Findings()
        for one, result in zip(some, scored, strict=False):
            if isinstance(result, Scored):
                found.verdicts.append(self._verdict(one, result))
            else:
                found.errors.append(error_row(self._run, self._stage, one, str(result.error)))
        return found, len(scored)

    def _verdict(self, one: StageInput, scored: Scored) -> Verdict:
        role, key = self._role, one.question.question_id
        score, cost = scored.scores[0], (scored.tokens, scored.seconds)
        if self._stage == solvability.STAGE:
            verdict = solvability.from_score(key, role.name, score, role.threshold, *cost)
            return verdict if score is not None else replace(verdict, kept=True, reason=OUTSIDE)
        band = _band(self._run.config, one.question.generator)
        return difficulty.judge(key, role.name, score, role.activation, band, *cost)


class Rewards(Judge):
    """A reward for every stored solution. The run's first reward model also chooses among them; rewards of further
    models are only stored.
    """

    stretch = 256

    def __init__(
        self,
        workspace: Workspace,
        run: Run,
        role: Role,
        model: ScoreModel,
        pool: AnswerPool,
        stopped: Callable[[], bool],
    ) -> None:
        self._workspace, self._run, self._role, self._model = workspace, run, role, model
        self._pool, self._stopped = pool, stopped
        self._floor: float | None = run.config.get("reward_floor")
        self._limits = sample_limits(run.config)

    def judge(self, some: Sequence[StageInput]) -> tuple[Findings, int]:
        ids = [one.question.question_id for one in some]
        with self._workspace.cursor() as cursor:
            solved = replace_verdicts.solutions(cursor, ids)
            other_primary = replace_verdicts.has_other_primary_reward(cursor, ids, self._role.name)
        template = self._role.template
        calls = []
        for one in some:
            prompt = template.render(one.question.text)
            texts = [sample.text + template.end for sample in solved.get(one.question.question_id, ())]
            calls.append((one.question.question_id, [(prompt, text) for text in texts]))
        scored = score_all(self._model, calls, self._stopped)
        found = Findings(replaces=_PAIR_LABELS)
        for one, result in zip(some, scored, strict=False):
            key = one.question.question_id
            if isinstance(result, Scored):
                self._add(found, key, solved.get(key, []), result, key not in other_primary)
            else:
                found.errors.append(error_row(self._run, pair.STAGE, one, str(result.error)))
        return found, len(scored)

    def _add(self, found: Findings, key: str, solved: list[Solution], scored: Scored, primary: bool) -> None:
        """Add one question's rewards, verdict and labels. A missing reward is never the primary one."""
        if not solved:
            return
        name, each = self._role.name, scored.seconds / len(solved)
        both = list(zip(solved, scored.scores, strict=True))
        found.rewards += [(Reward(s.solution_id, name, r, each), primary and r is not None) for s, r in both]
        if not primary:
            return
        outside = all(reward is None for _, reward in both)
        left_out = solution.left_out(solved, *self._limits)
        if len(left_out) < len(solved):
            groups = self._pool.group([sample.answer for sample in solved])
            verdict, labels = pair.judge(key, name, solved, scored.scores, groups, self._floor, scored.tokens, left_out)
        else:
            verdict, labels = self._without_answers(key, both, scored.tokens)
        if outside and self._floor is None:
            verdict = replace(verdict, reason=OUTSIDE)
        found.verdicts.append(verdict)
        found.labels += labels

    def _without_answers(
        self, key: str, both: list[tuple[Solution, float | None]], tokens: int
    ) -> tuple[Verdict, list[Any]]:
        """Choose the best reward: solutions of an unscored import may state no answer."""
        answered = [replace(sample, answer="") for sample, _ in both]
        rewards = [reward for _, reward in both]
        verdict, labels = pair.judge(key, self._role.name, answered, rewards, [0] * len(both), self._floor, tokens)
        return verdict, [label for label in labels if label.key == "chosen"]


def sample_limits(config: dict[str, Any]) -> tuple[bool, float | None]:
    """``keep_cut`` and ``max_repetition`` of the solver in a run's config; an import leaves no sample out."""
    profile = config.get("profile")
    solver = profile.get("solver") or {} if isinstance(profile, dict) else {}
    return bool(solver.get("keep_cut", True)), solver.get("max_repetition")


def _band(config: dict[str, Any], generator: str) -> tuple[float, float]:
    """The difficulty band of this generator in the run's config; an import keeps all."""
    generators = (config.get("profile") or {}).get("generators") or ()
    own = next((g.get("band") for g in generators if g.get("name") == generator), None)
    low, high = own or config.get("difficulty_band") or (0.0, 1.0)
    return float(low), float(high)


def error_row(run: Run, stage: str, one: StageInput, message: str) -> ErrorRow:
    return ErrorRow(run.run_id, one.question.idx, stage, message)
