"""The nano curriculum: procedurally generated word problems with worked solutions, and the oracle that reads them back.

``sample`` draws a problem, ``read`` is the oracle, ``KINDS`` lists every kind, ``rewrite`` repairs or hardens a given
text (the curriculum's stand-in for the paper's rewriting LLM). ``curriculum.toml`` holds the stories, and each
``kinds_*`` file the solutions of related areas.
"""

from engine.training.curriculum import kinds_algebra, kinds_arithmetic, kinds_numbers, kinds_rates, kinds_shapes
from engine.training.curriculum.core import (
    AREAS,
    KINDS,
    Kind,
    Problem,
    Reading,
    Split,
    make,
    read,
    sample,
    split_of,
    story_of,
)

SOLUTIONS = (kinds_algebra, kinds_arithmetic, kinds_numbers, kinds_rates, kinds_shapes)
"""Importing them registers their kinds."""

__all__ = [
    "AREAS",
    "KINDS",
    "SOLUTIONS",
    "Kind",
    "Problem",
    "Reading",
    "Split",
    "make",
    "read",
    "sample",
    "split_of",
    "story_of",
]
