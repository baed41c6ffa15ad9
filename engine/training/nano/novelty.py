"""Whether a question is in any training set of a family, as it is or with its names and numbers masked.

Training sets that the curriculum draws are drawn again from their seeds. Those that generators wrote (the judge's, and
both sides of QPO's pairs) are shipped as fingerprints, since sampling them again would take minutes.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from engine.training.curriculum import Problem
from engine.training.curriculum.core import WORDS
from engine.training.fit import Example
from engine.training.nano import counterfactuals, recipe, scorers, text

FILE = "trained_on.npz"
_NAMES = re.compile(rf"\b({'|'.join(WORDS['name'])})\b|[0-9]+")


def masked(question: str) -> str:
    """The question with names of people and numbers masked."""
    return _NAMES.sub("#", question)


def fingerprint(question: str) -> int:
    return xxhash.xxh3_64_intdigest(question.strip().encode())


def write(file: Path, sets: Mapping[str, Iterable[str]]) -> None:
    """Fingerprints of training sets that generators wrote, by the stage that was trained on them."""
    arrays: dict[str, Any] = {}
    for name, questions in sets.items():
        texts = set(questions)
        arrays[name] = np.array(sorted(map(fingerprint, texts)), np.uint64)
        arrays[f"{name} masked"] = np.array(sorted({fingerprint(masked(t)) for t in texts}), np.uint64)
    np.savez_compressed(file, **arrays)


def _drawn(
    seed: int, tokens: int, encode: Callable[[Any, list[Problem]], list[Example]], tokenizer: Any, hard: bool = False
) -> Iterator[str]:
    """The problems of a stage that saw ``tokens`` tokens, and up to two chunks more."""
    left: float | None = None
    for chunk in text.problems(seed):
        problems = recipe.of_mix(chunk, hard)
        yield from (p.question for p in problems)
        if left is None:
            mean = sum(len(e.ids) for e in encode(tokenizer, problems)) / len(problems)
            left = tokens / mean + len(chunk)
        left -= len(problems)
        if left <= 0:
            return


class TrainingSets:
    """Fingerprints of every training question of a family, by the figures that its stages reported.

    ``names``: the stages whose training sets were looked up.
    """

    def __init__(self, assets: Path, stages: dict[str, dict[str, Any]], tokenizer: Any) -> None:
        self._exact, self._masked = set[int](), set[int]()
        self.names: list[str] = []
        for name, questions in _sets(stages, tokenizer).items():
            self.names.append(name)
            for question in questions:
                self._exact.add(fingerprint(question))
                self._masked.add(fingerprint(masked(question)))
        if (assets / FILE).exists():
            with np.load(assets / FILE) as arrays:
                for name in arrays.files:
                    (self._masked if name.endswith(" masked") else self._exact).update(arrays[name].tolist())
                self.names += [f"{name} samples" for name in arrays.files if not name.endswith(" masked")]

    def novel(self, questions: Sequence[str]) -> tuple[float, float]:
        """(share that is in no training set, share that is in none with names and numbers masked)."""
        n = max(len(questions), 1)
        new = sum(fingerprint(q) not in self._exact for q in questions)
        return new / n, sum(fingerprint(masked(q)) not in self._masked for q in questions) / n


def _sets(stages: dict[str, dict[str, Any]], tokenizer: Any) -> dict[str, Iterable[str]]:
    """The training sets that the curriculum draws, of the stages that reported how much they saw; ``base`` and the
    control saw a part of the solver's and of the first generator's."""

    def seen(name: str, key: str = "tokens") -> int:
        return int(stages.get(name, {}).get(key, 0))

    sets: dict[str, Iterable[str]] = {}
    for name, seed in recipe.SOLVERS.items():
        sets[name] = _drawn(seed, seen(name), text.solver_examples, tokenizer)
    for name, seed in recipe.GENERATORS.items():
        encode = text.question_examples
        sets[f"{name}-qft"] = _drawn(seed, seen(f"{name}-qft"), encode, tokenizer, recipe.is_hard(name))
    sets["difficulty"] = (p.question for p in scorers.greedy_problems(seen("difficulty", "questions")))
    pairs = counterfactuals.pairs(scorers.PAIRS_SEED, seen("judge", "counterfactual_pairs") // 3)
    sets["judge"] = (question for pair in pairs for question in pair)
    counted = {"difficulty": "questions", "judge": "counterfactual_pairs"}
    return {name: questions for name, questions in sets.items() if seen(name, counted.get(name, "tokens"))}
