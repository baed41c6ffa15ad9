"""Linear scorers on a question's text: its topic, and its level on MATH's scale. NumPy only, no scikit-learn.

TF-IDF over words, stems, pairs and pairs with a gap; the weights come from ``engine.training.linear``. The level model
reads how
a question is worded, nothing more: it was never shown whether any solver fails on it.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.paths import ASSETS
from store.errors import InputError

WEIGHTS, VOCABULARY, META = "weights.safetensors", "vocabulary.txt", "meta.json"
TOPIC_DIR, LEVEL_DIR = ASSETS / "text" / "topic", ASSETS / "text" / "level"
LEVEL_BASED = "level-based"
"""What a verdict scored by ``LevelModel`` says of itself."""
_FEWEST_KNOWN = 4
"""A text with fewer known features than this is no mathematics question in English."""

_TOKEN = re.compile(r"\\[a-z]+|[a-z]+|\d+|[^\w\s]")
_DRAWING = re.compile(r"\[asy\].*?(?:\[/asy\]|$)", re.DOTALL)
_STEM = 5

Floats = NDArray[np.float32]


def grams(text: str) -> list[str]:
    """The features of a text, with repeats: tokens (numbers as their digit count), stems, stem pairs, pairs with one
    token between, the first three and last six stems, and its length."""
    lowered = text.lower()
    if "[asy]" in lowered:
        lowered = _DRAWING.sub(" asydrawing ", lowered)
    tokens = [f"#{min(len(t), 4)}" if t[0] in "0123456789" else t for t in _TOKEN.findall(lowered)]
    stems = [t[:_STEM] if len(t) > _STEM and t[0] != "\\" else t for t in tokens]
    numbers = sum(t[0] == "#" for t in tokens)
    return [
        *tokens,
        *[f"~{stem}" for stem, token in zip(stems, tokens, strict=True) if len(stem) != len(token)],
        *[f"{a} {b}" for a, b in pairwise(stems)],
        *[f"{a}_{b}" for a, b in zip(stems, stems[2:], strict=False)],
        *[f"<{stem}" for stem in stems[:3]],
        *[f">{stem}" for stem in stems[-6:]],
        f"=length{int(3 * math.log(1 + len(tokens)))}",
        f"=numbers{min(numbers, 10)}",
    ]


class Linear:
    """TF-IDF rows (log counts, unit length) over a fixed vocabulary, times weights: what both scorers are."""

    def __init__(
        self, vocabulary: Sequence[str], idf: Floats, weight: Floats, bias: Floats, meta: dict[str, Any]
    ) -> None:
        self._column = {gram: i for i, gram in enumerate(vocabulary)}
        self._idf, self._weight, self._bias = idf, weight, bias  # (features,), (features, outputs), (outputs,)
        self.meta = meta

    @classmethod
    def load(cls, directory: Path) -> Linear:
        """Raises InputError where the files are missing or damaged."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            stored = {name: tensor.astype(np.float32) for name, tensor in load_file(str(directory / WEIGHTS)).items()}
            vocabulary = (directory / VOCABULARY).read_text(encoding="utf-8").split("\n")
            meta = json.loads((directory / META).read_text(encoding="utf-8"))
            return cls(vocabulary, stored["idf"], stored["weight"], stored["bias"], meta)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            remedy = "reinstall, or train it again with `python -m engine.training.linear`"
            raise InputError("text model", str(directory), f"it cannot be read ({error})", remedy) from error

    def outputs(self, texts: Sequence[str]) -> tuple[Floats, NDArray[np.int64]]:
        """(texts, outputs), and how many features of each text are known."""
        columns: list[int] = []
        counts: list[int] = []
        known = np.zeros(len(texts), dtype=np.int64)
        for row, text in enumerate(texts):
            found = Counter([column for gram in grams(text) if (column := self._column.get(gram)) is not None])
            columns.extend(found)
            counts.extend(found.values())
            known[row] = len(found)
        rows = np.repeat(np.arange(len(texts)), known)
        index = np.asarray(columns, dtype=np.int64)
        values = (1 + np.log(np.asarray(counts, dtype=np.float32))) * self._idf[index]
        length = np.sqrt(np.bincount(rows, weights=values**2, minlength=len(texts)))
        values /= np.maximum(length, 1e-12)[rows].astype(np.float32)
        out = np.tile(self._bias, (len(texts), 1))
        filled = known > 0
        if filled.any():  # reduceat wants no empty segment
            starts = (np.cumsum(known) - known)[filled]
            out[filled] += np.add.reduceat(self._weight[index] * values[:, None], starts, axis=0)
        return out, known


class TopicModel:
    """MATH's seven subjects, or Arithmetic."""

    name = "text-topic"

    def __init__(self, linear: Linear) -> None:
        self._linear = linear
        self.topics: tuple[str, ...] = tuple(linear.meta["topics"])
        self.cross_validation: dict[str, float] = linear.meta["cross_validation"]

    @classmethod
    def load(cls, directory: str | Path = TOPIC_DIR) -> TopicModel:
        """Raises InputError where the files are missing or damaged."""
        return cls(Linear.load(Path(directory)))

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The topic of each text; a batch is cheaper than its texts one by one."""
        return [self.topics[i] for i in np.argmax(self._linear.outputs(texts)[0], axis=1)]


class LevelModel:
    """How hard a question reads, on MATH's levels 1 to 5 laid over [0, 1]; used where a fail rate is wanted and no
    measured one is at hand. ``domain`` says what it was trained on."""

    name = "text-level"

    def __init__(self, linear: Linear) -> None:
        self._linear = linear
        self.domain: str = linear.meta["domain"]

    @classmethod
    def load(cls, directory: str | Path = LEVEL_DIR) -> LevelModel:
        """Raises InputError where the files are missing or damaged."""
        return cls(Linear.load(Path(directory)))

    def score(self, texts: Sequence[str]) -> list[float | None]:
        """(level - 1) / 4 in [0, 1] for each text; None for a text outside the domain (hardly a known word)."""
        levels, known = self._linear.outputs(texts)
        scores = np.clip((levels[:, 0] - 1) / 4, 0.0, 1.0)
        return [float(s) if k >= _FEWEST_KNOWN else None for s, k in zip(scores, known, strict=True)]
