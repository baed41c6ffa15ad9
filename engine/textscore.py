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

WEIGHTS, VOCABULARY, META = "linear.safetensors", "linear.vocabulary.txt", "linear.json"
DIR = ASSETS / "text"
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


class Features:
    """A fixed vocabulary with its inverse document frequencies: what TF-IDF needs at run time."""

    def __init__(self, vocabulary: Sequence[str], idf: Floats) -> None:
        self._column = {gram: i for i, gram in enumerate(vocabulary)}
        self._idf = idf  # (features,)

    def project(self, texts: Sequence[str], weights: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """TF-IDF rows (log counts, unit length) times ``weights`` (features, outputs): (texts, outputs), and how many
        known features each text has."""
        columns: list[int] = []
        counts: list[int] = []
        known = np.zeros(len(texts), dtype=np.int64)
        get = self._column.get
        for row, text in enumerate(texts):
            found = Counter(map(get, grams(text)))
            found.pop(None, None)
            columns.extend(found)  # type: ignore[arg-type]  # None was taken out
            counts.extend(found.values())
            known[row] = len(found)
        rows = np.repeat(np.arange(len(texts)), known)
        index = np.asarray(columns, dtype=np.int64)
        values = (1 + np.log(np.asarray(counts, dtype=np.float32))) * self._idf[index]
        length = np.sqrt(np.bincount(rows, weights=values**2, minlength=len(texts)))
        values /= np.maximum(length, 1e-12)[rows].astype(np.float32)
        out = np.zeros((len(texts), weights.shape[1]), dtype=np.float32)
        filled = known > 0
        if filled.any():  # reduceat wants no empty segment
            starts = (np.cumsum(known) - known)[filled]
            out[filled] = np.add.reduceat(weights[index] * values[:, None], starts, axis=0)
        return out, known


class TopicModel:
    """MATH's seven subjects, or Arithmetic."""

    name = "text-topic"

    def __init__(self, features: Features, weights: Floats, bias: Floats, topics: Sequence[str]) -> None:
        self._features, self._weights, self._bias, self.topics = features, weights, bias, tuple(topics)

    @classmethod
    def load(cls, directory: str | Path = DIR) -> TopicModel:
        """Raises InputError where the weights are missing or damaged."""
        tensors, vocabulary, meta = _read(Path(directory))
        features = Features(vocabulary, tensors["idf"])
        return cls(features, tensors["topic.weight"], tensors["topic.bias"], meta["topics"])

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The topic of each text; a batch is cheaper than its texts one by one."""
        scores, _ = self._features.project(texts, self._weights)
        return [self.topics[i] for i in np.argmax(scores + self._bias, axis=1)]


class LevelModel:
    """How hard a question reads, on MATH's levels 1 to 5 laid over [0, 1]; used where a fail rate is wanted and no
    measured one is at hand. ``domain`` says what it was trained on."""

    name = "text-level"

    def __init__(self, features: Features, weights: Floats, bias: Floats, domain: str) -> None:
        self._features, self._weights, self._bias, self.domain = features, weights, bias, domain

    @classmethod
    def load(cls, directory: str | Path = DIR) -> LevelModel:
        """Raises InputError where the weights are missing or damaged."""
        tensors, vocabulary, meta = _read(Path(directory))
        return cls(
            Features(vocabulary, tensors["idf"]), tensors["level.weight"], tensors["level.bias"], meta["level_domain"]
        )

    def score(self, texts: Sequence[str]) -> list[float | None]:
        """(level - 1) / 4 in [0, 1] for each text; None for a text outside the domain (hardly a known word)."""
        levels, known = self._features.project(texts, self._weights)
        scores = np.clip((levels[:, 0] + self._bias[0] - 1) / 4, 0.0, 1.0)
        return [float(s) if k >= _FEWEST_KNOWN else None for s, k in zip(scores, known, strict=True)]


def _read(directory: Path) -> tuple[dict[str, Floats], list[str], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        stored = load_file(str(directory / WEIGHTS))
        vocabulary = (directory / VOCABULARY).read_text(encoding="utf-8").split("\n")
        meta = json.loads((directory / META).read_text(encoding="utf-8"))
    except (OSError, ValueError, SafetensorError) as error:
        remedy = "reinstall, or train it again with `python -m engine.training.linear`"
        raise InputError("text model", str(directory), f"it cannot be read ({error})", remedy) from error
    return {name: tensor.astype(np.float32) for name, tensor in stored.items()}, vocabulary, meta
