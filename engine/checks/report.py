"""What a check has found so far, in numbers and as a sentence."""

from dataclasses import dataclass

from engine.checks.judges import OUTSIDE
from engine.stages import solvability
from engine.stages.duplicate import LABEL
from engine.text.verdict import undecided_warning
from store.database.replace_verdicts import Findings


@dataclass(slots=True)
class Counts:
    """Numbers of questions that a check has judged; ``marked``: those with a near-duplicate;
    ``undecided``: those on which a judge came to no conclusion.
    Of solutions: those ``changed``, and those of them that contradict the gold answer (``wrong``).
    Of pass rates: questions ``measured`` by ``rollouts``, of which some are ``right`` and some ``unclear`` (undecided
    against the gold answer).
    """

    kept: int = 0
    dropped: int = 0
    marked: int = 0
    outside: int = 0
    undecided: int = 0
    scored: int = 0
    failed: int = 0
    changed: int = 0
    wrong: int = 0
    measured: int = 0
    rollouts: int = 0
    right: int = 0
    unclear: int = 0

    def add(self, found: Findings) -> None:
        kept = sum(verdict.kept for verdict in found.verdicts)
        self.kept += kept
        self.dropped += len(found.verdicts) - kept
        self.marked += len({label.question_id for label in found.labels if label.key == LABEL})
        self.outside += sum(verdict.reason == OUTSIDE for verdict in found.verdicts)
        self.undecided += sum(verdict.reason == solvability.NO_VERDICT for verdict in found.verdicts)
        self.scored += len({reward.solution_id.rpartition("-")[0] for reward, _ in found.rewards})
        self.failed += len(found.errors)
        self.changed += len(found.solutions)
        self.wrong += sum(solution.correct == "different" for solution in found.solutions)


def report(words: str, counts: Counts) -> str:
    """The result of a check as a sentence."""
    judged = counts.kept + counts.dropped
    parts = _rates(counts) if counts.measured else [f"{judged:,} questions judged", f"{counts.dropped:,} dropped"]
    parts += [f"{counts.marked:,} with a near-duplicate"] if counts.marked or "near-duplicates" in words else []
    parts += [f"{counts.scored:,} questions with rewards"] if counts.scored else []
    if counts.changed:
        parts.append(f"{counts.changed:,} solutions changed, {counts.wrong:,} of them contradict the gold answer")
    if counts.outside:
        parts.append(f"{counts.outside:,} outside the domain of the model and without a score")
    parts += [f"{counts.undecided:,} without a verdict"] if counts.undecided else []
    parts += [f"{counts.failed:,} failed and left as they were"] if counts.failed else []
    sentence = f"{words[0].upper()}{words[1:]}: {', '.join(parts)}."
    warning = undecided_warning(words.rpartition(" by ")[2], counts.undecided, judged)
    return sentence if warning is None else f"{sentence} {warning}"


def _rates(counts: Counts) -> list[str]:
    decided = counts.rollouts - counts.unclear
    right = f"{counts.right / decided:.1%} of {decided:,} rollouts right" if decided else "no rollout decided"
    parts = [f"{counts.measured:,} questions measured", right]
    return [*parts, f"{counts.unclear:,} more undecided against the gold answer"] if counts.unclear else parts
