"""How long the chosen solutions are, by outcome: right, wrong, undecided against the gold answer, and cut off.

Long solutions that are wrong, or cut off, are what a longer token limit or a filter would change.
"""

from dataclasses import dataclass

import numpy as np

from store.frame.frame import Array, Frame

MOST = 24
"""Bins; few solutions get fewer, so that the lines are not all teeth."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``name``: a value of CORRECT, or ``cut`` for solutions that ended at the token limit. ``counts``: by bin;
    ``median`` in characters, reasoning included."""

    name: str
    counts: list[int]
    median: float


@dataclass(frozen=True, slots=True)
class Lengths:
    """Bin k holds ``edges[k] <= characters < edges[k + 1]``; the edges grow by a constant factor."""

    edges: list[float]
    outcomes: list[Outcome]


def lengths(frame: Frame, rows: Array) -> Lengths | None:
    """The lengths of the selected rows' chosen solutions; None where no row is compared with a gold answer."""
    correct = np.array([str(value) for value in frame.values["correct"]])[frame.codes["correct"]]
    cut = np.array([value == "length" for value in frame.values["finish_reason"]])[frame.codes["finish_reason"]]
    chars = frame.numbers["response_chars"]
    there = rows & (chars > 0)
    groups = {name: there & ~cut & (correct == name) for name in ("same", "different", "undecided")}
    if not any(group.any() for group in groups.values()):
        return None
    groups["cut"] = there & cut
    found = chars[there]
    bins = int(np.clip(np.sqrt(len(found)), 4, MOST))
    edges = np.geomspace(max(found.min(), 1.0), found.max() * 1.001 + 1.0, bins + 1)
    outcomes = [
        Outcome(name, np.histogram(chars[group], edges)[0].tolist(), float(np.median(chars[group])))
        for name, group in groups.items()
        if group.any()
    ]
    return Lengths([round(float(edge), 1) for edge in edges], outcomes)
