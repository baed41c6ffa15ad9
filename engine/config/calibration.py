"""Calibration of a solver's greedy confidence, and the number of samples that a predicted fail rate deserves.

Asked greedily, a solver that is sure of each token rarely fails the question. The calibration turns the mean and the
least log-probability of that one solution into a fail rate. It holds for one solver; ``scalequest train confidence``
makes it.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from pydantic import Field, Strict
from scipy.special import expit, logit

from engine.config.validation import Range, validate, validated_dataclass
from engine.paths import ASSETS
from store.errors import InputError

_Rate = Annotated[float, Field(ge=0.0, le=1.0)]
FIELD, MAKE = "difficulty.calibration", "make one by `scalequest train confidence`"
_LEAST_SURPRISE = 1e-6
"""Added to every surprise, in nats: log-probabilities of float32 are 0 from about here on."""


@validated_dataclass
class Calibration:
    """``solver``: the model that it was made with. ``bias``, ``mean``, ``least``: of the logistic regression on
    ``features`` of the log-probabilities.
    ``cut_off``: the fail rate of questions whose greedy solution was cut off at the token limit, which its tokens say
    nothing about: repetition is confident. ``questions``: (predicted fail rate, mean tokens of a solution) of equal
    parts of the questions that it was made with, by rising rate."""

    solver: str
    bias: float
    mean: float
    least: float
    cut_off: _Rate
    questions: Annotated[tuple[Range, ...], Strict(False)]

    def __post_init__(self) -> None:
        if not self.questions or any(not 0.0 <= rate <= 1.0 or tokens <= 0.0 for rate, tokens in self.questions):
            problem = "is not a list of fail rates from 0 to 1, each with a number of tokens above 0"
            raise InputError("questions", list(self.questions)[:2], problem, "make the calibration again")

    @classmethod
    def read(cls, file: str) -> Calibration:
        """From a JSON file, ``assets/...`` for a bundled one. InputError where it is missing or not a calibration."""
        path = ASSETS / file.removeprefix("assets/") if file.startswith("assets/") else Path(file).expanduser()
        try:
            data = json.loads(path.read_text("utf-8"))
        except OSError:
            raise InputError(FIELD, file, "does not exist", MAKE) from None
        except ValueError as error:
            raise InputError(FIELD, file, f"is not JSON ({error})", MAKE) from None
        if not isinstance(data, dict):
            raise InputError(FIELD, file, "is not an object of JSON", MAKE)
        return validate(cls, {key: value for key, value in data.items() if key != "measured"}, FIELD)

    def to_json(self) -> dict[str, object]:
        """What ``read`` reads."""
        return asdict(self)

    def logit(self, mean: float, least: float, cut_off: bool = False) -> float:
        """The log-odds of failing. ``mean``, ``least``: log-probabilities of the greedy solution's tokens."""
        if cut_off:
            return float(logit(self.cut_off))
        of_mean, of_least = features(mean, least)
        return self.bias + self.mean * of_mean + self.least * of_least

    def fail_rate(self, mean: float, least: float, cut_off: bool = False) -> float:
        return float(expit(self.logit(mean, least, cut_off)))

    def gain(self, budget: float, n_min: int, n_max: int) -> float:
        """The ``gain`` of ``samples`` at which a question costs ``budget`` solutions on average, weighted by their
        tokens, were questions like those of the calibration."""
        total = sum(tokens for _, tokens in self.questions)
        steps = sorted(
            ((_gain(rate, k), tokens / total) for rate, tokens in self.questions for k in range(n_min, n_max)),
            reverse=True,
        )
        cost, gain = float(n_min), 1.0
        for value, weight in steps:
            cost += weight
            if cost > budget + 1e-9:
                return gain
            gain = value
        return 0.0


def features(mean: float, least: float) -> tuple[float, float]:
    """The logarithms of how surprised the solver was, on average and at most: confident solutions differ by orders of
    magnitude, which log-probabilities near 0 hide."""
    return math.log(_LEAST_SURPRISE - min(mean, 0.0)), math.log(_LEAST_SURPRISE - min(least, 0.0))


def samples(fail_rate: float, gain: float, n_min: int, n_max: int) -> int:
    """How many samples a question gets: one more while its chance of being the first right one is ``gain`` or more."""
    n = n_min
    while n < n_max and _gain(fail_rate, n) >= gain:
        n += 1
    return n


def _gain(fail_rate: float, n: int) -> float:
    """The chance that sample n + 1 is right after n wrong ones."""
    return fail_rate**n * (1.0 - fail_rate)


def parts(rates: Sequence[float], tokens: Sequence[float], most: int = 100) -> tuple[tuple[float, float], ...]:
    """``Calibration.questions``: (mean rate, mean tokens) of at most ``most`` equal parts."""
    rows = sorted(zip(rates, tokens, strict=True))
    count = min(most, len(rows))
    cuts = [len(rows) * k // count for k in range(count + 1)]
    found = [rows[a:b] for a, b in itertools.pairwise(cuts)]
    return tuple(
        (round(sum(r for r, _ in rows) / len(rows), 6), round(sum(t for _, t in rows) / len(rows), 1)) for rows in found
    )
