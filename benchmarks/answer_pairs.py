"""Pairs of final answers of which it is known whether they are equal, made from real answers by string rules.

Nothing here uses the comparer. ``EQUAL`` rewrites an answer in another way; ``DIFFERENT`` changes something small that
matters. A rule returns None where it doesn't apply.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.different_answers import DIFFERENT
from benchmarks.equal_answers import EQUAL

Pair = tuple[str, str, str, bool]
"""(kind, first, second, equal)."""


def pairs(answers: Sequence[str], most: int, seed: int = 0) -> Iterator[Pair]:
    """At most ``most`` pairs a kind, from distinct answers in an order drawn by the seed."""
    drawn = random.Random(seed)
    order = sorted(set(answers))
    drawn.shuffle(order)
    made: Counter[str] = Counter()
    for rules, equal in ((EQUAL, True), (DIFFERENT, False)):
        for answer in order:
            for kind, rule in rules.items():
                if made[kind] < most and (second := rule(answer, drawn)) is not None and second != answer:
                    made[kind] += 1
                    yield kind, answer, second, equal
