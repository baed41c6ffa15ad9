"""Reads the final answers of stored solutions again, and compares them with each other and with the gold answer.

For runs and imports that were stored by an older version: reasoning is taken out of the responses, and what was dropped
because no answer was found may be kept now. The chosen solution stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.checks.judges import Judge, sample_limits
from engine.stages import pair
from engine.stages import solution as solution_stage
from engine.text.answers import AnswerPool, against_gold, extract
from engine.text.checkability import checkability
from engine.text.reasoning import split_reasoning
from store.database import replace_verdicts
from store.database.replace_verdicts import IMPORT_JUDGE, Findings, StageInput
from store.database.workspace import Workspace
from store.records import Label, Run, Solution

_STAGE = "solution"
_LABELS = ("agreement", "majority_answer", "checkability", "repetition")


class Answers(Judge):
    """Judges the stage ``solution``: kept where a sample states an answer, or the question has a gold one. A question
    without solutions is pending.
    """

    stretch = 500

    def __init__(self, workspace: Workspace, run: Run, pool: AnswerPool, stopped: Callable[[], bool]) -> None:
        self._workspace, self._run, self._pool, self._stopped = workspace, run, pool, stopped
        self._limits = sample_limits(run.config)

    def judge(self, some: Sequence[StageInput]) -> tuple[Findings, int]:
        ids = [one.question.question_id for one in some]
        with self._workspace.cursor() as cursor:
            solved = replace_verdicts.solutions(cursor, ids)
            chosen = replace_verdicts.chosen_samples(cursor, ids)
        found, judged = Findings(replaces=_LABELS), 0
        for one in some:
            if self._stopped():
                break
            judged += 1
            key = one.question.question_id
            if key in solved:
                self._add(found, one, solved[key], chosen.get(key))
            else:  # older versions dropped it
                found.pending.append(key)
                found.labels += [_checkability(one)] if one.question.reference_answer is not None else []
        return found, judged

    def _add(self, found: Findings, one: StageInput, before: list[Solution], chosen: int | None) -> None:
        key, gold = one.question.question_id, one.question.reference_answer
        solved = [self._read(solution, gold) for solution in before]
        found.solutions += [new for new, old in zip(solved, before, strict=True) if new != old]
        faults = solution_stage.faults(solved, *self._limits)
        verdict = solution_stage.judge(key, one.judge or IMPORT_JUDGE, faults)
        found.verdicts.append(verdict if gold is None else replace(verdict, kept=True, reason=None))
        if gold is not None:
            found.labels.append(_checkability(one))
        found.labels += self._agreement(key, solved, chosen)
        found.labels += [pair.repetition_label(one) for one in solved if one.sample == chosen]

    def _read(self, solution: Solution, gold: str | None) -> Solution:
        """The solution with its reasoning apart, and its answer compared with the gold one. An answer that came with
        the solution and that its text does not state is kept."""
        reasoning, text = solution.reasoning, solution.text
        if reasoning is None:
            reasoning, text = split_reasoning(solution.text)
        tokens = solution.reasoning_tokens
        if reasoning is not None and solution.reasoning is None and solution.tokens:
            tokens = round(solution.tokens * len(reasoning) / max(len(reasoning) + len(text), 1))
        stated = extract(text) or (solution.answer if reasoning == solution.reasoning else None)
        correct = against_gold(stated, gold, self._pool, cut=solution.finish_reason == "length")
        return replace(
            solution, text=text, reasoning=reasoning, reasoning_tokens=tokens, answer=stated, correct=correct
        )

    def _agreement(self, key: str, solved: list[Solution], chosen: int | None) -> list[Label]:
        """The share of samples with the chosen one's answer, and the most frequent answer (ties: the first one's)."""
        groups = self._pool.group([solution.answer for solution in solved])
        counts = Counter(group for group in groups if group is not None)
        if not counts:
            return []
        first = max(counts, key=lambda group: (counts[group], -group))
        labels = [Label(key, "majority_answer", solved[first].answer or "", _STAGE)]
        place = next((i for i, solution in enumerate(solved) if solution.sample == chosen), None)
        if place is not None and (group := groups[place]) is not None:
            labels.append(Label(key, "agreement", f"{counts[group] / len(solved):.4f}", _STAGE))
        return labels


def _checkability(one: StageInput) -> Label:
    question = one.question
    return Label(question.question_id, "checkability", checkability(question.text, question.reference_answer), "rules")
