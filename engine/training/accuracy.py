"""Accuracy with intervals: of one model, and the difference of two models on the same questions.

A model has a list of marks for each of its trainings (seeds); all answer the same questions in the same order. One
training has Wilson's interval. With several, and for differences, questions and trainings are drawn with replacement
(bootstrap with a fixed seed), so that the interval covers both kinds of variation; with three trainings it is rough.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.statistics import wilson

DRAWS, SEED = 2000, 0
Marks = Sequence[Sequence[bool]]
"""(trainings, questions)."""
Array = NDArray[np.float64]


def share(marks: Marks) -> float:
    return round(float(np.mean(np.asarray(marks, dtype=float))), 4)


def interval(marks: Marks) -> list[float]:
    """95 % interval of the share."""
    if len(marks) == 1:
        return [round(end, 4) for end in wilson(sum(marks[0]), len(marks[0]))]
    rng = np.random.default_rng(SEED)
    table = np.asarray(marks, dtype=float)
    return _ends(np.array([_drawn(table, rng, _questions(table, rng)) for _ in range(DRAWS)]))


def difference(marks: Marks, other: Marks) -> dict[str, Any]:
    """The first model's accuracy minus the other's, paired by question, with its 95 % interval."""
    a, b = np.asarray(marks, dtype=float), np.asarray(other, dtype=float)
    rng = np.random.default_rng(SEED)
    draws = []
    for _ in range(DRAWS):
        at = _questions(a, rng)
        draws.append(_drawn(a, rng, at) - _drawn(b, rng, at))
    return {"difference": round(float(a.mean() - b.mean()), 4), "ci95": _ends(np.array(draws))}


def by_level(marks: Marks, levels: Sequence[str]) -> dict[str, float]:
    """The accuracy at each level, lowest first; empty where no level is known."""
    known = sorted({level for level in levels if level})
    table = np.asarray(marks, dtype=float)
    return {
        level: round(float(table[:, [i for i, one in enumerate(levels) if one == level]].mean()), 4) for level in known
    }


def _questions(table: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.asarray(rng.integers(0, table.shape[1], table.shape[1]))


def _drawn(table: Array, rng: np.random.Generator, at: NDArray[np.int64]) -> float:
    """The mean over those questions and over trainings drawn from the table."""
    trainings = rng.integers(0, len(table), len(table)) if len(table) > 1 else [0]
    return float(table[trainings][:, at].mean())


def _ends(draws: Array) -> list[float]:
    return [round(float(np.quantile(draws, q)), 4) for q in (0.025, 0.975)]
