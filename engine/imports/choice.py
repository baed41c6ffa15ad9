"""Which of several samples makes the pair, and how far they agree: as the pair stage decides it (``engine.stages``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.stages import pair
from store.records import Solution

_CUT, _UNRATED = -1e9, -1e6
"""Ranks of a sample that was cut off and of one without a reward: below any reward, and the cut one last."""
_SAME, _MAJORITY = 2.0, 1.0


class Choice(NamedTuple):
    """The chosen sample; agreement and majority answer where a sample states one."""

    chosen: int
    agreement: str | None = None
    majority: str | None = None


def choose(
    answers: Sequence[str | None],
    groups: Sequence[int | None],
    correct: Sequence[str | None],
    rewards: Sequence[float | None],
    cut: Sequence[bool | None],
) -> Choice:
    """The sample with the best reward; without rewards the first that is the same as the gold answer, else the first of
    the majority. A sample that was cut off only where none was finished.

    ``groups``: for each answer the first equivalent one, as of ``engine.text.answers.group``.
    """
    stating = any(answer is not None for answer in answers)
    solutions = [
        Solution("", "", sample, "", answer if stating else "", "", 0, 0, 0.0, "length" if cut[sample] else "stop")
        for sample, answer in enumerate(answers)
    ]
    ranks = _ranks(groups, correct, rewards, cut)
    if not stating:
        return Choice(pair.choose(solutions, ranks) or 0)
    _, labels = pair.judge("", "import", solutions, ranks, groups, None, 0)
    found = {label.key: label.value for label in labels}
    return Choice(int(found["chosen"]), found["agreement"], found["majority_answer"])


def _ranks(
    groups: Sequence[int | None],
    correct: Sequence[str | None],
    rewards: Sequence[float | None],
    cut: Sequence[bool | None],
) -> list[float]:
    rated = any(reward is not None for reward in rewards)
    there = [group for group in groups if group is not None]
    most = max(there, key=lambda group: (there.count(group), -group)) if there else None
    ranks = []
    for sample, group in enumerate(groups):
        reward = rewards[sample]
        if rated:
            rank = _UNRATED if reward is None else reward
        elif correct[sample] == "same":
            rank = _SAME
        else:
            rank = _MAJORITY if group is not None and group == most else 0.0
        ranks.append(rank + _CUT if cut[sample] else rank)
    return ranks
