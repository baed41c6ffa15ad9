"""Linear classifiers of a question's text: its topic, and its level on MATH's scale.

TF-IDF over words, stems, pairs and pairs with a gap; ``engine.training.linear_classifiers`` trains the weights. The
features are scikit-learn's ``TfidfVectorizer``'s (a test compares them), computed here twice as fast. The level model
knows only how a question is worded, not whether any solver fails on it.
"""

from __future__ import annotations

import json
import math
import re
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
"""The mark of a verdict scored by ``LevelModel``."""
_FEWEST_KNOWN = 4
"""A text with fewer known features is outside the domain: not a mathematics question in English."""

_TOKEN = re.compile(r"\\[a-z]+|[a-z]+|\d+|[^\w\s]")
_DRAWING = re.compile(r"\[asy\].*?(?:\[/asy\]|$)", re.DOTALL)
_STEM, _FIRST, _LAST = 5, 3, 6

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def tokens_of(text: str) -> list[str]:
    """Words, numbers and single signs, in lower case; a drawing is one word."""
    lowered = text.lower()
    if "[asy]" in lowered:
        lowered = _DRAWING.sub(" asydrawing ", lowered)
    return _TOKEN.findall(lowered)


def masked_token(token: str) -> str:
    """The token; a number is replaced by its number of digits."""
    return f"#{min(len(token), 4)}" if token[0] in "0123456789" else token


def stem_of(masked: str) -> str:
    """The first letters of a long word."""
    return masked[:_STEM] if len(masked) > _STEM and masked[0] != "\\" else masked


def grams(text: str) -> list[str]:
    """The features of a text, with repeats: tokens (numbers as their digit count), stems, stem pairs, pairs with one
    token between, the first three and last six stems, and its length. ``Linear`` counts the same features on whole
    batches without making these strings."""
    tokens = [masked_token(token) for token in tokens_of(text)]
    stems = [stem_of(token) for token in tokens]
    return [
        *tokens,
        *[f"~{stem}" for stem, token in zip(stems, tokens, strict=True) if len(stem) != len(token)],
        *[f"{a} {b}" for a, b in pairwise(stems)],
        *[f"{a}_{b}" for a, b in zip(stems, stems[2:], strict=False)],
        *[f"<{stem}" for stem in stems[:_FIRST]],
        *[f">{stem}" for stem in stems[-_LAST:]],
        *_shape(len(tokens), sum(token[0] == "#" for token in tokens)),
    ]


def _shape(tokens: int, numbers: int) -> tuple[str, str]:
    return f"=length{int(3 * math.log(1 + tokens))}", f"=numbers{min(numbers, 10)}"


class _Columns(dict[str, tuple[int, int, int, int]]):
    """Token -> (its column, its stem's column, its stem's id, 1 for a number), cached since tokens repeat; -1 where it
    is not in the vocabulary."""

    def __init__(self, column: dict[str, int], stems: dict[str, int]) -> None:
        super().__init__()
        self._column, self._stems = column, stems

    def __missing__(self, token: str) -> tuple[int, int, int, int]:
        if len(self) > 100_000:
            self.clear()
        masked = masked_token(token)
        stem = stem_of(masked)
        by_stem = self._column.get(f"~{stem}", -1) if stem != masked else -1
        found = (self._column.get(masked, -1), by_stem, self._stems.get(stem, -1), int(masked[0] == "#"))
        self[token] = found
        return found


class Linear:
    """TF-IDF rows (log counts, unit length) over a fixed vocabulary, times weights."""

    def __init__(
        self, vocabulary: Sequence[str], idf: Floats, weight: Floats, bias: Floats, meta: dict[str, Any]
    ) -> None:
        self._idf, self._weight, self._bias = idf, weight, bias  # (features,), (features, outputs), (outputs,)
        self.meta = meta
        self._column = {gram: i for i, gram in enumerate(vocabulary)}
        # "a b" and "a_b" hold two stems, "<a" and ">a" one; a single character is always a token
        pairs = [(gram, re.split("[ _]", gram)) for gram in vocabulary if " " in gram or "_" in gram]
        edges = [gram for gram in vocabulary if len(gram) > 1 and gram[0] in "<>"]
        stems = [stem for _, both in pairs for stem in both] + [gram[1:] for gram in edges]
        self._stems = {stem: i for i, stem in enumerate(dict.fromkeys(stems))}
        self._columns = _Columns(self._column, self._stems)
        self._next = self._pairs([(both, self._column[gram]) for gram, both in pairs if " " in gram])
        self._after_next = self._pairs([(both, self._column[gram]) for gram, both in pairs if "_" in gram])
        self._first, self._last = self._edge("<"), self._edge(">")

    def _pairs(self, pairs: list[tuple[list[str], int]]) -> tuple[Ints, Ints]:
        """Sorted keys of pairs of stems, and their columns; both (pairs + 1,), the last key being above all."""
        found = sorted((self._stems[a] * len(self._stems) + self._stems[b], column) for (a, b), column in pairs)
        table = np.array([*found, (np.iinfo(np.int64).max, -1)], dtype=np.int64)
        return table[:, 0].copy(), table[:, 1].copy()

    def _edge(self, mark: str) -> Ints:
        return np.array([self._column.get(mark + stem, -1) for stem in self._stems] + [-1], dtype=np.int64)

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
            remedy = "reinstall, or train it again with `python -m engine.training.linear_classifiers`"
            raise InputError("text model", str(directory), f"it cannot be read ({error})", remedy) from error

    def outputs(self, texts: Sequence[str]) -> tuple[Floats, Ints]:
        """(texts, outputs), and how many features of each text are known."""
        rows, columns, counts = self._count(texts)
        known = np.bincount(rows, minlength=len(texts))
        values = (1 + np.log(counts.astype(np.float32))) * self._idf[columns]
        length = np.sqrt(np.bincount(rows, weights=values**2, minlength=len(texts)))
        values /= np.maximum(length, 1e-12)[rows].astype(np.float32)
        out = np.tile(self._bias, (len(texts), 1))
        filled = known > 0
        if filled.any():  # reduceat wants no empty segment
            starts = (np.cumsum(known) - known)[filled]
            out[filled] += np.add.reduceat(self._weight[columns] * values[:, None], starts, axis=0)
        return out, known

    def _count(self, texts: Sequence[str]) -> tuple[Ints, Ints, Ints]:
        """(row, column, count) of every known feature, ordered by row: ``grams`` counted, for all texts at once."""
        tokens = [tokens_of(text) for text in texts]
        sizes = np.array([len(found) for found in tokens], dtype=np.int64)
        seen = np.array([self._columns[token] for found in tokens for token in found], dtype=np.int64).reshape(-1, 4)
        rows = np.repeat(np.arange(len(texts)), sizes)
        place = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        first, last = place < _FIRST, place >= sizes[rows] - _LAST
        stems = seen[:, 2]
        numbers = np.bincount(rows, weights=seen[:, 3], minlength=len(texts)).astype(np.int64)
        shapes = [_shape(*pair) for pair in zip(sizes.tolist(), numbers.tolist(), strict=True)]
        shape = np.array([self._column.get(name, -1) for pair in shapes for name in pair], dtype=np.int64)
        parts = [
            (rows, seen[:, 0]),
            (rows, seen[:, 1]),
            self._paired(rows, stems, 1, self._next),
            self._paired(rows, stems, 2, self._after_next),
            (rows[first], self._first[stems[first]]),
            (rows[last], self._last[stems[last]]),
            (np.repeat(np.arange(len(texts)), 2), shape),
        ]
        row, column = (np.concatenate(side) for side in zip(*parts, strict=True))
        known = column >= 0
        keys, counts = np.unique(row[known] * len(self._idf) + column[known], return_counts=True)
        return keys // len(self._idf), keys % len(self._idf), counts

    def _paired(self, rows: Ints, stems: Ints, gap: int, table: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
        """(row, column or -1) of the stems that are ``gap`` apart in the same text."""
        a, b = stems[:-gap], stems[gap:]
        both = (a >= 0) & (b >= 0) & (rows[:-gap] == rows[gap:])
        keys = a[both] * len(self._stems) + b[both]
        found = np.searchsorted(table[0], keys)
        return rows[:-gap][both], np.where(table[0][found] == keys, table[1][found], -1)


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
    """How hard a question reads, on MATH's levels 1 to 5 mapped to [0, 1]; used where no measured fail rate is
    available. ``domain`` describes its training data."""

    name = "text-level"

    def __init__(self, linear: Linear) -> None:
        self._linear = linear
        self.domain: str = linear.meta["domain"]

    @classmethod
    def load(cls, directory: str | Path = LEVEL_DIR) -> LevelModel:
        """Raises InputError where the files are missing or damaged."""
        return cls(Linear.load(Path(directory)))

    def score(self, texts: Sequence[str]) -> list[float | None]:
        """(level - 1) / 4 in [0, 1] for each text; None for a text outside the domain."""
        levels, known = self._linear.outputs(texts)
        scores = np.clip((levels[:, 0] - 1) / 4, 0.0, 1.0)
        return [float(s) if k >= _FEWEST_KNOWN else None for s, k in zip(scores, known, strict=True)]
