"""Layouts in which data sets, trainers and evaluations hold questions: a few rows each, and what is right of them."""

from benchmarks.layouts.case import Case, Right
from benchmarks.layouts.choices import CHOICES
from benchmarks.layouts.corpora import CORPORA, PREFERENCES
from benchmarks.layouts.evaluation import CONTAINERS, EVALUATION
from benchmarks.layouts.harnesses import HARNESSES
from benchmarks.layouts.published import PUBLISHED
from benchmarks.layouts.training import TRAINING

LAYOUTS: tuple[Case, ...] = (
    *PUBLISHED,
    *CORPORA,
    *TRAINING,
    *PREFERENCES,
    *EVALUATION,
    *CHOICES,
    *HARNESSES,
    *CONTAINERS,
)

__all__ = ["LAYOUTS", "Case", "Right"]
